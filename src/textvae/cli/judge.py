"""`textvae judge make` and `judge tally`: blind sheets for human raters, and what their answers say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.groups import Common, Decoding, Reading, WithModel
from textvae.cli.judged import Judged
from textvae.evaluation.human.key import KEY_FILE

if TYPE_CHECKING:
    from textvae.evaluation.human.study import Study


def make(
    decoding: Decoding,
    reading: Reading,
    common: WithModel,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the sheets and their key go.")
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]RUN", help="Runs whose texts are judged, by their folders' names unless named."
        ),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(
            "--texts",
            metavar="NAME=FILE",
            help="Also judge the texts of a file, one a line: another system's, or people's. With --data: line i is "
            "made from text i.",
        ),
    ] = None,
    items: Annotated[int, typer.Option("--items", min=1, help="Texts of each system, at most.")] = 100,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Judge what runs make of these texts, shown beside it: reconstructions, or answers; unset: random texts.",
        ),
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="rate (1 to 5) or compare (A, B or tie, of each two systems).")
    ] = "rate",
    criterion: Annotated[
        list[str] | None,
        typer.Option(
            "--criterion",
            metavar="NAME[=QUESTION]",
            help="fluency, adequacy, naturalness, creativity, or your own; more than once if need be.",
        ),
    ] = None,
    raters: Annotated[int, typer.Option("--raters", min=1, help="Sheets, each in an order of its own.")] = 1,
    repeats: Annotated[
        int, typer.Option("--repeats", min=0, help="Items shown twice: do raters agree with themselves?")
    ] = 0,
    language: Annotated[str, typer.Option("--language", help="Language of the sheets: en or zh.")] = "en",
) -> None:
    """Write blind sheets of several systems' texts for human raters.

    FOLDER/raters is for the raters: a CSV file and a page that runs in any browser, for each of them. FOLDER/key.json
    says which text is whose: keep it.
    """
    from textvae.evaluation.human.study import check_mode, make_study
    from textvae.evaluation.human.writing import check_is_new, write_study

    if not runs and not texts:
        raise typer.BadParameter("nothing to judge; give runs, or files of texts with --texts NAME=FILE")
    check_mode(mode, len(runs or ()) + len(texts or ()))
    check_is_new(output)
    seed = common.drawn_seed
    judged = Judged(
        given=runs or [],
        files=texts or [],
        num=items,
        seed=seed,
        decoding=decoding,
        reading=reading,
        common=common,
    )
    found, contexts = judged.texts(data)
    study = make_study(
        found,
        contexts=contexts,
        mode=mode,
        questions=criterion or (),
        raters=raters,
        repeats=repeats,
        language=language,
        seed=seed,
    )
    folder = write_study(study, output)
    _tell(study, output, folder, seed, common)


def tally(
    key: Annotated[str, typer.Argument(metavar="FOLDER", help="What `judge make` wrote, or its key.json.")],
    sheets: Annotated[
        list[str], typer.Argument(metavar="SHEETS...", help="Filled sheets (.csv), or folders of them.")
    ],
    common: Common,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Encoding of the sheets; unset: detected.")
    ] = None,
) -> None:
    """Say what filled sheets say: means, differences or preferences, and agreement.

    Intervals are over texts, with the raters as they are; p-values are corrected by Holm's method.
    """
    from textvae.cli.outcome import show
    from textvae.evaluation.human.outcome import tally as tallied

    found = tallied(key, sheets, encoding=encoding)
    if common.as_json:
        common.screen.json(found.to_json())
    else:
        show(found, common.screen)


def _tell(study: "Study", output: Path, folder: Path, seed: int, common: Common) -> None:
    """Print what was written."""
    key, num = study.key, len(study.sheets[0])
    if common.as_json:
        common.screen.json(
            {"study": key.study, "seed": seed, "mode": key.mode, "systems": key.systems, "criteria": key.criteria,
             "items": num, "alike": study.num_alike, "key": str(output / KEY_FILE), "sheets": str(folder)}
        )  # fmt: skip
        return
    common.screen.pairs(
        [
            ("study", f"{key.study}, {key.mode}"),
            ("systems", ", ".join(key.systems)),
            ("criteria", ", ".join(key.criteria)),
            ("sheets", f"{len(study.sheets)}, {num} items each, in {folder}: for the raters"),
            ("key", f"{output / KEY_FILE}: not for the raters"),
            ("then", f"textvae judge tally {output} SHEETS..."),
        ]
    )
    if study.num_alike:
        common.screen.note(
            f"note: {study.num_alike} comparisons are between equal texts: they can only be ties"
        )
