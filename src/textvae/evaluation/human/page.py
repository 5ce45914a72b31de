"""A sheet as a page: one file that asks nobody for anything, keeps answers in the browser and saves them as CSV."""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from textvae.evaluation.human.criteria import Criterion
from textvae.evaluation.human.key import HIGH, LOW
from textvae.evaluation.human.study import Showing, Study
from textvae.evaluation.human.words import Words, words_of

_TOLD = ("place", "done", "exported", "incomplete", "nameless", "unsaved", "anew_sure")
"""Words that the script fills in."""


def page(study: Study, number: int) -> str:
    """Return the sheet of the `number`-th rater, from 1, as HTML.

    The browser is told to run the one script in it and no other, and to load nothing.
    """
    words, mode = words_of(study.language), study.key.mode
    style, script = _resource("sheet.css"), _resource("sheet.js")
    sheet = study.sheets[number - 1]
    record = {
        "sheet": f"{study.key.study}-{number}",
        "mode": mode,
        "criteria": study.key.criteria,
        "words": {name: getattr(words, name) for name in _TOLD},
    }
    body = [
        f"<h1>{escape(words.title)}</h1>",
        f"<noscript><p>{escape(words.no_script)}</p></noscript>",
        _instructions(study, words),
        f'<p class="rater"><label for="rater">{escape(words.rater)}</label> <input id="rater" autocomplete="off"></p>',
        *(_article(one, place, study, words) for place, one in enumerate(sheet)),
        _controls(words, len(sheet)),
        f'<script type="application/json" id="study">{_inert(record)}</script>',
        f"<script>{script}</script>",
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{words.code}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_policy(script))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(words.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _instructions(study: Study, words: Words) -> str:
    told, keys = (
        (words.rate, words.keys_rate) if study.key.mode == "rate" else (words.compare, words.keys_compare)
    )
    questions = "".join(
        f"<dt>{escape(one.label[study.language])}</dt><dd>{escape(one.question[study.language])}</dd>"
        for one in study.criteria
    )
    return (
        f'<details id="how" open><summary>{escape(words.how)}</summary>\n<p>{escape(told)}</p>\n'
        f'<dl>{questions}</dl>\n<p class="dim">{escape(keys)}</p></details>'
    )


def _article(one: Showing, place: int, study: Study, words: Words) -> str:
    """Return one item; the script shows one at a time."""
    titles = [words.text] if len(one.texts) == 1 else ["A", "B"]
    shown = "".join(_text(title, text, words) for title, text in zip(titles, one.texts, strict=True))
    context = "" if one.context is None else _text(words.source, one.context, words, kind="source")
    asked = "\n".join(
        _question(criterion, f"q{place}-{column}", study, words)
        for column, criterion in enumerate(study.criteria)
    )
    return (
        f'<article data-item="{escape(one.item)}" hidden>\n{context}<div class="texts">{shown}</div>\n{asked}\n'
        f"<p><label>{escape(words.comment)}<textarea rows=2></textarea></label></p>\n</article>"
    )


def _text(title: str, text: str, words: Words, *, kind: str = "shown") -> str:
    """Return a text under its title; a blank one is said to be."""
    inner = escape(text) if text.strip() else f'<span class="dim">{escape(words.empty)}</span>'
    return f'<section class="{kind}"><h2>{escape(title)}</h2><div class="text" dir="auto">{inner}</div></section>'


def _question(criterion: Criterion, name: str, study: Study, words: Words) -> str:
    choices: Sequence[tuple[str, str, str]]
    if study.key.mode == "rate":
        choices = [(str(mark), str(mark), words.scale[mark - LOW]) for mark in range(LOW, HIGH + 1)]
    else:
        choices = [("A", "A", ""), ("tie", words.tie, ""), ("B", "B", "")]
    radios = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"> {escape(label)}'
        + (f' <span class="dim">{escape(anchor)}</span>' if anchor else "")
        + "</label>"
        for value, label, anchor in choices
    )
    label, question = criterion.label[study.language], criterion.question[study.language]
    return (
        f'<fieldset data-criterion="{escape(criterion.name)}"><legend>{escape(label)} '
        f'<span class="dim">{escape(question)}</span></legend><div class="choices">{radios}</div></fieldset>'
    )


def _controls(words: Words, num: int) -> str:
    buttons = "".join(
        f'<button type="button" id="{name}">{escape(text)}</button>'
        for name, text in (
            ("previous", words.previous),
            ("next", words.next),
            ("open", words.next_open),
            ("export", words.export),
            ("anew", words.anew),
        )
    )
    return (
        f'<footer><p><span id="place"></span> <progress id="bar" max="{num}" value="0" aria-labelledby="done">'
        f'</progress> <span id="done"></span></p>\n<p id="told" role="status"></p>\n'
        f'<p class="buttons">{buttons}</p></footer>'
    )


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'"


def _inert(record: object) -> str:
    """Return JSON in which no tag can begin or end."""
    return json.dumps(record, ensure_ascii=False).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return files("textvae.evaluation.human").joinpath(name).read_text(encoding="utf-8")
