"""What answers are measured beside: options, and the files that they name."""

import dataclasses
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.groups import Common, Group, Reading
from textvae.errors import DataError

if TYPE_CHECKING:
    from textvae.codec import Codec
    from textvae.evaluation.tasks.task import Task

FILE = "One a line, or JSON lines"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Beside(Group):
    """References, sources, labels, training texts and a judge; what a file of answers says itself gives way."""

    references: Annotated[
        list[str] | None,
        typer.Option(
            "--references",
            metavar="FILE",
            help=f"Good answers. {FILE} of texts or lists; more than once: several a source.",
        ),
    ] = None
    sources: Annotated[
        str | None, typer.Option("--sources", metavar="FILE", help=f"What was answered. {FILE}.")
    ] = None
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="FILE", help=f"What answers were to be of. {FILE}.")
    ] = None
    as_long_as_source: Annotated[
        bool, typer.Option("--as-long-as-source", help="Answers were to be as long, as in couplets.")
    ] = False
    training: Annotated[
        str | None,
        typer.Option("--training", metavar="DATA", help="The answers that the model was trained on."),
    ] = None
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="Their labels, another column of --training."),
    ] = None
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge", metavar="RUN", help="A language model of such texts, as a doctor's RUN/baseline."
        ),
    ] = None
    chinese_words: Annotated[
        bool, typer.Option("--chinese-words", help="Count Chinese in words (rjieba), not characters.")
    ] = False

    def tasks(self, files: Sequence[str], reading: Reading, common: Common) -> "list[Task]":
        """Return what is to be measured of each file of answers.

        Raises:
            DataError: files that cannot be read, or do not agree.
        """
        from textvae.evaluation.tasks.checking import checked_task
        from textvae.evaluation.tasks.files import read_answers

        shared: dict[str, Any] = {
            **self._given(reading),
            **self._training(reading, common),
            "judge": self._judge(common),
            "chinese_words": self.chinese_words,
            "seed": common.seed or 0,
        }
        tasks = []
        for name in files:
            options: dict[str, Any] = dataclasses.asdict(read_answers(name, reading.encoding)) | shared
            if self.as_long_as_source:
                options["lengths"] = self._lengths(options["sources"])
            if options["labels"] is not None and "training_labels" not in options:
                common.screen.note(
                    f"note: label accuracy of {name} is left out: it needs labelled texts, --training DATA with --label COLUMN of it"
                )
            tasks.append(checked_task(**options))
        return tasks

    def _given(self, reading: Reading) -> dict[str, Any]:
        from textvae.evaluation.tasks.files import read_lists, read_texts

        given: dict[str, Any] = {}
        if self.references:
            files = [read_lists(name, reading.encoding) for name in self.references]
            if len(lengths := {len(lists) for lists in files}) > 1:
                raise DataError(f"files of {sorted(lengths)} references; as many in each are needed")
            given["references"] = [list(chain(*several)) for several in zip(*files, strict=True)]
        for key, name in (("sources", self.sources), ("labels", self.labels)):
            if name:
                given[key] = read_texts(name, reading.encoding)
        return given

    def _lengths(self, sources: list[str] | None) -> list[int]:
        from textvae.data.units import chinese_words, units

        if sources is None:
            raise typer.BadParameter("--as-long-as-source needs sources")
        return [len((chinese_words if self.chinese_words else units)(source)) for source in sources]

    def _training(self, reading: Reading, common: Common) -> dict[str, Any]:
        from textvae.data.labels import as_label

        if self.training is None:
            return {}
        if self.label is None:
            return {"training": reading.texts(self.training, common.screen)}
        rows = list(reading.open(self.training, common.screen, columns=[self.label]).rows())
        labels = [as_label(row.cells[0]) for row in rows]
        if missing := labels.count(None):
            common.screen.note(
                f"note: {missing:,} training texts have no label; the judge of labels leaves them out"
            )
        return {"training": [row.text for row in rows], "training_labels": labels}

    def _judge(self, common: Common) -> "Codec | None":
        if self.judge is None:
            return None
        from textvae.vae import TextVAE

        return TextVAE.from_pretrained(self.judge, device=common.device).codec
