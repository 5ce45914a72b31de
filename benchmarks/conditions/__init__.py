"""Conditional models measured by what their answers say: captions of images and sounds, persons, transfer."""
