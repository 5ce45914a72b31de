"""Texts as points in the plane."""
