"""What a study of human raters found, on the screen."""

from typing import TYPE_CHECKING

from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.evaluation.human.alpha import Alpha
    from textvae.evaluation.human.contrasts import Contrast
    from textvae.evaluation.human.outcome import Outcome
    from textvae.evaluation.human.raters import Rater

RATED = "difference: the later system's mean less the earlier one's; won, tied, lost: pairs of texts of one source"
PREFERRED = (
    "win rate: share of answers for the later system, ties half; won, tied, lost: pairs of texts, by the majority "
    "of raters; p: exact sign test over pairs without ties"
)
CORRECTED = "p Holm: corrected for all tests in the table"


def show(found: "Outcome", screen: Screen) -> None:
    """Print the outcome."""
    marks = {
        name: f"S{place}" for place, name in enumerate(found.key.systems, 1)
    }  # A and B are sides of a sheet
    screen.say(f"study {found.key.study}: {_answered(found)}")
    for name, mark in marks.items():
        screen.paragraph(name, mark=mark)
    if found.key.mode == "rate":
        _show_means(found, marks, screen)
        _show_differences(found, marks, screen)
    else:
        _show_preferences(found, marks, screen)
    _show_agreement(found, screen)
    _show_raters(found, screen)
    for problem in found.problems:
        screen.note(f"note: {problem}")
    for rater in found.raters:
        if open_ := rater.asked - rater.answered:
            screen.note(f"note: {rater.name} left {open_} of {rater.asked} questions unanswered")


def _answered(found: "Outcome") -> str:
    answers = sum(one.answered for one in found.raters)
    people = f"{len(found.raters)} rater" + ("s" if len(found.raters) > 1 else "")
    return f"{answers:,} answers of {people}"


def _show_means(found: "Outcome", marks: dict[str, str], screen: Screen) -> None:
    screen.heading("mean ratings, 1 to 5")
    rows = [
        (one.criterion, marks[one.system], f"{one.value:.2f}", _bounds(one.interval, ".2f"), one.num_texts, one.num_ratings)
        for one in found.means
    ]  # fmt: skip
    screen.table(("criterion", "", "mean", "95 % interval", "texts", "ratings"), rows, right=(2, 3, 4, 5))


def _show_differences(found: "Outcome", marks: dict[str, str], screen: Screen) -> None:
    if not found.contrasts:
        return
    screen.heading("differences")
    paired = found.key.is_paired
    head = (
        "criterion",
        "",
        "difference",
        "95 % interval",
        *(("won", "tied", "lost") if paired else ()),
        "p",
        "p Holm",
    )
    rows = [
        (one.criterion, _pair(one, marks), f"{one.value:+.2f}", _bounds(one.interval, "+.2f"),
         *((one.wins, one.ties, one.losses) if paired else ()), _p(one.p), _p(one.p_holm))
        for one in found.contrasts
    ]  # fmt: skip
    screen.table(head, rows, right=tuple(range(2, len(head))))
    screen.paragraph("; ".join([RATED if paired else RATED.partition(";")[0], CORRECTED]))


def _show_preferences(found: "Outcome", marks: dict[str, str], screen: Screen) -> None:
    screen.heading("preferences")
    head = ("criterion", "", "win rate", "95 % interval", "won", "tied", "lost", "p", "p Holm")
    rows = [
        (one.criterion, _pair(one, marks), f"{one.value:.0%}", _bounds(one.interval, ".0%"),
         one.wins, one.ties, one.losses, _p(one.p), _p(one.p_holm))
        for one in found.contrasts
    ]  # fmt: skip
    screen.table(head, rows, right=tuple(range(2, len(head))))
    screen.paragraph(f"{PREFERRED}; {CORRECTED}")


def _show_agreement(found: "Outcome", screen: Screen) -> None:
    if len(found.raters) < 2:
        return
    screen.heading("agreement of raters: Krippendorff's alpha")
    rows = []
    for criterion, of_levels in found.agreement.items():
        ordinal = of_levels["ordinal"]
        values = (
            _alpha(of_levels["nominal"]),
            _alpha(ordinal),
            _bounds(ordinal.interval, ".2f"),
            _alpha(of_levels["interval"]),
        )
        rows.append((criterion, *values, ordinal.num_units))
    head = ("criterion", "nominal", "ordinal", "95 % interval", "interval", "units")
    screen.table(head, rows, right=(1, 2, 3, 4, 5))


def _show_raters(found: "Outcome", screen: Screen) -> None:
    screen.heading("raters")
    is_rating = found.key.mode == "rate"
    head = ("rater", "answered", "mean" if is_rating else "left", "repeats", "same", "gap")
    rows = [(one.name, f"{one.answered}/{one.asked}", _middle(one), *_repeats(one)) for one in found.raters]
    screen.table(head, rows, right=(1, 2, 3, 4, 5))


def _middle(one: "Rater") -> str:
    if one.mean is not None:
        return f"{one.mean:.2f}"
    return "" if one.left is None else f"{one.left:.0%}"


def _repeats(one: "Rater") -> tuple[object, ...]:
    return (one.repeats, f"{one.same / one.repeats:.0%}", f"{one.gap:.2f}") if one.repeats else ("", "", "")


def _pair(one: "Contrast", marks: dict[str, str]) -> str:
    first, second = (marks[name] for name in one.systems)
    return f"{second} - {first}" if one.shares is None else f"{second} : {first}"


def _bounds(interval: tuple[float, float] | None, form: str) -> str:
    return "" if interval is None else " – ".join(format(bound, form) for bound in interval)


def _alpha(one: "Alpha") -> str:
    return "–" if one.value is None else f"{one.value:.3f}"


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0")
