"""A study on disk: the key, and apart from it what raters are given."""

from pathlib import Path

from textvae.errors import RunExistsError
from textvae.evaluation.human.key import KEY_FILE
from textvae.evaluation.human.page import page
from textvae.evaluation.human.sheets import csv_sheet
from textvae.evaluation.human.study import Study
from textvae.evaluation.human.words import instructions
from textvae.storage.atomic import write_file

RATERS_FOLDER = "raters"


def write_study(study: Study, folder: str | Path) -> Path:
    """Write FOLDER/key.json, and in FOLDER/raters a CSV sheet and a page for each rater; return the latter.

    Raises:
        RunExistsError: a study is there already; without its key nobody could read the answers.
        SaveError: the files could not be written.
    """
    check_is_new(folder)
    folder = Path(folder).expanduser()
    raters = folder / RATERS_FOLDER
    told = instructions(study.key.mode, study.criteria, study.language)
    write_file(raters / "instructions.txt", told.encode("utf-8-sig"))
    for number, sheet in enumerate(study.sheets, 1):
        write_file(raters / f"rater-{number}.csv", csv_sheet(sheet, study.criteria))
        write_file(raters / f"rater-{number}.html", page(study, number).encode("utf-8", "backslashreplace"))
    write_file(folder / KEY_FILE, study.key.to_json().encode())  # last: a study without it is no study yet
    return raters


def check_is_new(folder: str | Path) -> None:
    """Raise `RunExistsError` if a study is in the folder."""
    if (Path(folder).expanduser() / KEY_FILE).exists():
        raise RunExistsError(f"{folder} holds a study already; choose another folder")
