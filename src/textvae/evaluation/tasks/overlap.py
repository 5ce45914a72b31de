"""What the main answers share with their references: BLEU, chrF and ROUGE."""

from collections.abc import Callable
from functools import partial

from textvae.evaluation.bleu import multi_bleu_columns, multi_chrf_columns, signatures
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.rouge import rouge_l, rouge_n
from textvae.evaluation.tasks.task import Task

TOKENIZER = (
    "its tokenizer is 13a, zh (characters) where Han dominates, char for other scripts without spaces, or words that "
    "rjieba finds where asked for"
)
ROUGE_WORDS = (
    "lower-case words without punctuation, not stemmed; letters of scripts without spaces are words, Latin words among "
    "them stay whole, and where asked for Chinese words are what rjieba finds"
)


def _rouge(kind: str, shared: str) -> Definition:
    return Definition(
        f"rouge_{kind}",
        f"ROUGE-{kind.upper()}",
        "0 to 1",
        "higher",
        f"Mean over the N first answers of the F-measure of {shared} (Lin 2004, W04-1013), with the one of its R references at "
        f"most that gives the most; {ROUGE_WORDS}.",
        ("N", "R"),
        same=("texts", "units"),
    )


DEFINITIONS = (
    Definition(
        "answer_bleu",
        "BLEU-4",
        "0 to 100",
        "higher",
        f"Corpus BLEU-4 by sacrebleu of the N first answers, against R references each at most; {TOKENIZER}; its "
        "signature is stated.",
        ("N", "R", "signature"),
        same=("texts", "tokenizer"),
    ),
    Definition(
        "answer_chrf",
        "chrF2",
        "0 to 100",
        "higher",
        "Corpus chrF2 as sacrebleu's (character n-grams up to 6, white space left out, recall weighs twice) of the N first "
        "answers, each against the one of its R references at most that it fits best; sacrebleu's signature is stated.",
        ("N", "R", "signature"),
        same=("texts",),
    ),
    _rouge("1", "shared words"),
    _rouge("2", "shared pairs of neighbouring words"),
    _rouge("l", "the longest common subsequence of words"),
)


def measure(task: Task) -> Findings:
    """Return BLEU, chrF and ROUGE of the main answers."""
    references = task.references or []
    bleu, chrf = signatures(references, task.tokenizer)
    measures = {
        "answer_bleu": Tally("bleu", multi_bleu_columns(task.main, references, task.tokenizer)),
        "answer_chrf": Tally("chrf", multi_chrf_columns(task.main, references)),
        "rouge_1": _mean(task, partial(rouge_n, n=1)),
        "rouge_2": _mean(task, partial(rouge_n, n=2)),
        "rouge_l": _mean(task, rouge_l),
    }
    own = {"answer_bleu": {"signature": bleu}, "answer_chrf": {"signature": chrf}}
    return Findings(measures=measures, settings={"tokenizer": task.tokenizer}, own_settings=own)


def _mean(task: Task, rouge: Callable[[list[str], list[str]], float]) -> Tally:
    """Return the mean over main answers of ROUGE with the reference that gives the most."""
    pairs = zip(task.answer_words, task.reference_words, strict=True)
    return Tally.mean([max(rouge(several[0], one) for one in known) for several, known in pairs])


FAMILY = Family(
    name="against references",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.has_parallel,
)
