"""`textvae generate` and `chat`: answers of a conditional model."""

import dataclasses
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.given import Given
from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.cli.screen import one_line
from textvae.config.names import counted
from textvae.errors import ConditionError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textvae.codec import Codec
    from textvae.tasks.answers import Answer
    from textvae.vae import TextVAE

AT_ONCE = 256
"""Sources that are answered together, before anything is shown."""
_COMMAND = re.compile(r"/[^\W\d_]\w*(\s.*)?")
COMMANDS = "/new forgets what was said, /more shows the other answers, an empty line ends"
"""Of `chat`, as it tells them."""
BLANK = ""
"""What stands for a row of --input without a source."""

Number = Annotated[int, typer.Option("-n", "--number", min=1, help="Different answers, at most.")]
Rerank = Annotated[
    bool,
    typer.Option(
        "--rerank", help="The likeliest first, by log p(x|c) a token; of data, what leaves least out."
    ),
]


def generate(
    run: Run,
    given: Given,
    decoding: Decoding,
    reading: Reading,
    common: WithModel,
    data: Annotated[
        str | None,
        typer.Option("--input", metavar="DATA", help="Source texts, one a line or in a column; or -."),
    ] = None,
    number: Number = 5,
    rerank: Rerank = False,
) -> None:
    """Write different answers to a source, labels or features.

    Each comes from a z of its own (at temperature 0 the first from their mean, or with --latents from many) and has its score before it: log p(x|c) a token, in nats. Unset
    decoding options are the run's own. With --json there is an entry for each row of --input, one without answers for a blank one: `textvae measure` reads it.
    """
    vae = common.load(run)
    if data is None:
        vae.codec.conditions(given.of(vae), 1)  # refuses several
        if vae.codec.schema is not None and not given.of(vae):
            raise ConditionError(
                f"a condition is needed to answer to; {vae.codec.schema.described()}: give --source TEXT, --label NAME=VALUE or "
                "--feature FILE"
            )
    sources = _sources(vae, given, data, reading, common)
    _say_if_cut(vae.codec, sources, common)
    config, seed = decoding.over(vae.codec.decoding), common.drawn_seed
    answered: list[list[Answer]] = [[] for _ in sources]
    asked = [place for place, source in enumerate(sources) if source != BLANK]
    for start in range(0, len(asked), AT_ONCE):
        places = asked[start : start + AT_ONCE]
        some = [sources[place] for place in places]
        values = given.of(vae) | ({} if some[0] is None else {"source": some})
        found = vae.generate_each(values, number, decoding=config, rerank=rerank, seed=seed + start)
        for place, several in zip(places, found, strict=True):
            answered[place] = several
            if not common.as_json:
                _show(sources[place], several, common, alone=data is None)
    if common.as_json:
        rows = zip(sources, answered, strict=True)
        entries = [{"source": source, "answers": [*map(dataclasses.asdict, row)]} for source, row in rows]
        common.screen.json({"seed": seed, "sources": entries})


def chat(
    run: Run,
    given: Given,
    decoding: Decoding,
    common: WithModel,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="Answers drawn a turn; the likeliest is said.")
    ] = 5,
) -> None:
    """Talk with a model of dialogue, a turn a line.

    An empty line or Ctrl-D ends it. A model of whole dialogues hears the last three turns, one trained with --source the last. /new forgets what was said,
    /more shows the other answers that were drawn.
    """
    from textvae.tasks.talk import Conversation

    if given.source is not None:
        raise ConditionError("what you say is the source here; leave out --source")
    vae = common.load(run)
    config, seed = decoding.over(vae.codec.decoding), common.drawn_seed
    talk = Conversation(vae.codec, given.of(vae))
    last: list[Answer] = []
    turns = []
    for line in _heard():
        if line == "/new":
            talk.turns, last = [], []
        elif line == "/more":
            common.screen.say(*([f"  {one_line(answer.text)}" for answer in last[1:]] or ["  no others"]))
        elif _COMMAND.fullmatch(line):
            common.screen.note(f"there is no {line.split()[0]}; {COMMANDS}")
        else:
            last = list(talk.say(line, number, decoding=config, seed=seed))
            turns.append({"heard": line, "answers": [dataclasses.asdict(answer) for answer in last]})
            if not common.as_json:
                common.screen.say(one_line(last[0].text) if last else "…")
        sys.stdout.flush()  # who talks through a pipe waits for it
    if common.as_json:
        common.screen.json({"seed": seed, "turns": turns})


def _heard() -> "Iterator[str]":
    """Yield what is said, until an empty line or the end of the input."""
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line


def _sources(
    vae: "TextVAE", given: Given, data: str | None, reading: Reading, common: WithModel
) -> list[str | None]:
    """Return the sources to answer to, of a table from the column of those of training, a row each; None: the condition is without one."""
    if data is None:
        return [given.source]
    if given.source is not None:
        raise typer.BadParameter("sources are given twice, with --source and with --input; use one of them")
    schema = vae.codec.schema
    if schema is not None and not schema.source_max_length:
        raise ConditionError(
            f"--input gives source texts, and this model has none: {schema.described()}; give one, as --label NAME=VALUE"
        )
    corpus = reading.open(data, common.screen, expected=schema and schema.columns.source)
    found = {row.number: row.text for row in corpus.rows()}
    if not found:
        raise DataError(f"no texts in {data}; it is empty or every line is blank")
    if corpus.num_skipped:
        common.screen.note(
            f"note: {corpus.num_skipped:,} of {corpus.num_rows:,} rows of {corpus.name} have no text and get no answers"
        )
    return [found.get(number, BLANK) for number in range(corpus.num_rows)]


def _say_if_cut(codec: "Codec", sources: list[str | None], common: WithModel) -> None:
    schema, texts = codec.schema, [source for source in sources if source]
    if schema is None or not schema.source_max_length:
        return
    if cut := schema.num_cut(texts, codec.tokenizer):
        longest = schema.source_max_length
        long, lost = ("is", "loses its end") if cut == 1 else ("are", "lose their ends")
        common.screen.note(
            f"note: {counted(cut, 'source text')} {long} longer than {longest} tokens and {lost}"
        )


def _show(source: str | None, found: "list[Answer]", common: WithModel, *, alone: bool) -> None:
    if not alone and source is not None:
        common.screen.say(one_line(source))
    for answer in found:
        common.screen.say(f"{'' if alone else '  '}{answer.score:7.3f}  {one_line(answer.text)}")
    if not found:
        common.screen.note("note: every draw was empty; try another --seed or --temperature")
