"""Blind human evaluation: sheets for raters, and what their answers say."""
