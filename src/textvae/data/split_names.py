"""Which split a file, or a key of a mapping, is named after."""

import re

_SPLIT_NAMES = {
    "train": re.compile(r"train(ing|set)?\d*"),
    "valid": re.compile(r"(valid(ation)?|val|dev)(set)?\d*"),
    "test": re.compile(r"test(ing|set)?\d*"),
}


def split_name(name: str) -> str | None:
    """Return the split that a name stands for, or None.

    >>> split_name("ptb.train.txt"), split_name("dev-00000.parquet"), split_name("testimonials.csv")
    ('train', 'valid', None)
    """
    words = re.split(r"[\W_]+", name.lower())
    return next(
        (split for word in words for split, form in _SPLIT_NAMES.items() if form.fullmatch(word)), None
    )
