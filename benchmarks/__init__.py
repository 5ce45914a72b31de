"""Timings and sizes: run by hand, never by the tests."""
