"""Data to text: whether the values of a meaning representation are found in its text."""

import re
from collections.abc import Sequence

from textvae.data.units import stands_in
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.yardstick import beside, both

Slot = tuple[str, str]
"""Name and value."""

_SLOT = re.compile(r"\s*([^\[\],，]+?)\s*\[([^\[\]]*)\]\s*(?:[,;|，；、]\s*|\n|$)")
_ACT = re.compile(r"\s*\??[\w -]+\((.*)\)\s*", re.DOTALL)
_PART = re.compile(
    r"\s*([\w -]+?)\s*(?:=\s*('[^']*'(?=\s*(?:;|$))|\"[^\"]*\"(?=\s*(?:;|$))|[^;]*?))?\s*(?:;|$)"
)
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
UNREAD_SHARE = 0.1
"""Of sources without slots that are read, beyond which slots are no measure of them."""
_BOOLEANS = {"yes", "no", "true", "false"}
_UNSAID = _BOOLEANS | {"dontcare", "dont_care", "none", "?", ""}
"""Values of dialogue acts that no word has to say; Wen et al. 2015, arXiv:1508.01745, leave them out as well."""

_FOUND = (
    "as whole words, or as letters in scripts without spaces, whatever the case, with hyphens, underscores and runs of "
    "white space as one space; of a yes or no, the slot's name is looked for, but in a dialogue act, where it is left out "
    "as don't-care is (Wen et al. 2015)"
)

DEFINITIONS = (
    *beside(
        "slot_coverage",
        "slot coverage",
        "share of slots",
        "higher",
        "Values of the sources' slots, as in name[The Eagle], food[English] or inform(name='The Eagle';food=English), that are "
        f"found in the text / slots, sums over the N {{texts}}: {_FOUND}.",
        same=("texts",),
    ),
    *beside(
        "slots_complete",
        "all slots said",
        "share of texts",
        "higher",
        f"Texts in which all values of their source's slots are found / N {{texts}}: {_FOUND}.",
        same=("texts",),
    ),
)


def slots_of(source: str) -> list[Slot] | None:
    """Return the slots of a meaning representation; None where the text is none.

    >>> slots_of("name[The Eagle], familyFriendly[yes]")
    [('name', 'The Eagle'), ('familyFriendly', 'yes')]
    >>> slots_of("inform(name='the eagle';food=dontcare)")
    [('name', 'the eagle')]
    >>> slots_of("The Eagle [a pub] is there.") is None
    True
    """
    if act := _ACT.fullmatch(source):
        return _of_act(act[1])
    slots, place = [], 0
    while found := _SLOT.match(source, place):
        if _plain(found[2]):
            slots.append((found[1], found[2]))
        place = found.end()
        if place == len(source):
            return slots
    return None


def _of_act(body: str) -> list[Slot] | None:
    """Return the slots of what stands in a dialogue act's brackets; those without a value to say are left out."""
    slots, place, body = [], 0, body.strip().strip(";")
    while place < len(body):
        if not (found := _PART.match(body, place)):
            return None
        value = (found[2] or "").strip().strip("'\"").strip()
        if value.casefold() not in _UNSAID and _plain(value):
            slots.append((found[1].strip(), value))
        place = found.end()
    return slots


def is_said(slot: Slot, text: str) -> bool:
    """Return whether a slot's value is found in a text.

    >>> is_said(("familyFriendly", "no"), "It is not family-friendly.")
    True
    """
    name, value = slot
    wanted = _CAPITAL.sub(" ", name) if value.casefold() in _BOOLEANS else value
    return stands_in(_plain(wanted), _plain(text))


def measure(task: Task) -> Findings:
    """Return how many slots are said, and how many texts say all of theirs."""
    read = [slots_of(source) for source in task.sources or []]
    slots = [several or [] for several in read]
    measures: dict[str, float | Tally] = {}
    measures |= both(task, "slot_coverage", lambda texts: _coverage(texts, slots))
    measures |= both(
        task,
        "slots_complete",
        lambda texts: Tally.mean(
            [num == len(of) for num, of in zip(_said(texts, slots), slots, strict=True)]
        ),
    )
    unread = sum(several is None for several in read)
    notes = (f"{unread} of {len(read)} sources could not be read as slots, and count as without any",)
    return Findings(measures=measures, notes=notes if unread else ())


def applies(task: Task) -> bool:
    """Return whether at least nine of ten sources that are not blank are meaning representations, and some have values to say."""
    slots = [slots_of(source) for source in task.sources or [] if source.strip()]
    return any(slots) and slots.count(None) <= UNREAD_SHARE * len(slots)


def _coverage(texts: Sequence[str], slots: Sequence[Sequence[Slot]]) -> Tally:
    return Tally.ratio(_said(texts, slots), [len(several) for several in slots])


def _said(texts: Sequence[str], slots: Sequence[Sequence[Slot]]) -> list[int]:
    pairs = zip(texts, slots, strict=True)
    return [sum(is_said(slot, text) for slot in several) for text, several in pairs]


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.casefold())).strip()


FAMILY = Family(name="slots", definitions=DEFINITIONS, measure=measure, applies=applies)
