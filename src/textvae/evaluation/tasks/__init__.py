"""Measures of answers: texts that a model gave to sources or labels, beside references."""
