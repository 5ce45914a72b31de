"""Several answers to one source against its references: the best of them, how many are right, and what they miss."""

import numpy as np

from textvae.evaluation.bleu import multi_bleu_columns
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.rouge import rouge_l
from textvae.evaluation.sentence_bleu import SMOOTHING, Grams, sentence_bleus
from textvae.evaluation.tasks.overlap import ROUGE_WORDS, TOKENIZER
from textvae.evaluation.tasks.task import Task

_SENTENCE = f"sentence BLEU-4 ({SMOOTHING}; {TOKENIZER})"
_OF = "Zhao et al. 2017, arXiv:1703.10960; deviation: the smoothing"
_SAME = ("texts", "tokenizer")

DEFINITIONS = (
    Definition(
        "multi_bleu_recall",
        "BLEU recall",
        "0 to 100",
        "higher",
        f"Mean over N sources and their references (R at most) of the largest {_SENTENCE} of one of the M answers at most against "
        f"the reference: whether each good answer is among them ({_OF}).",
        ("N", "M", "R"),
        same=_SAME,
    ),
    Definition(
        "multi_bleu_precision",
        "BLEU precision",
        "0 to 100",
        "higher",
        f"Mean over N sources of the mean over their answers, M at most, of the largest {_SENTENCE} against one of the references (R at most): "
        f"whether each answer is good ({_OF}).",
        ("N", "M", "R"),
        same=_SAME,
    ),
    Definition(
        "oracle_bleu",
        "oracle BLEU-4",
        "0 to 100",
        "higher",
        f"As BLEU-4, of the best of the M answers at most to each of N sources: the one of the largest {_SENTENCE} against all R "
        "references at most. It grows with M.",
        ("N", "M", "R"),
        same=_SAME,
    ),
    Definition(
        "oracle_rouge_l",
        "oracle ROUGE-L",
        "0 to 1",
        "higher",
        "As ROUGE-L, of the best of the M answers at most to each of N sources, with R references at most; "
        f"{ROUGE_WORDS}. It grows with M.",
        ("N", "M", "R"),
        same=("texts", "units"),
    ),
)


def measure(task: Task) -> Findings:
    """Return multi-response BLEU, and BLEU and ROUGE-L of the best answers."""
    grids = [sentence_bleus(*pair) for pair in zip(task.answer_grams, task.reference_grams, strict=True)]
    pairs = zip(task.answer_words, task.reference_words, strict=True)
    rouge = [max(rouge_l(one, other) for one in ours for other in known) for ours, known in pairs]
    best = multi_bleu_columns(best_answers(task), task.references or [], task.tokenizer)
    measures = {
        "multi_bleu_recall": Tally.mean([grid.max(axis=0).mean() for grid in grids]),
        "multi_bleu_precision": Tally.mean([grid.max(axis=1).mean() for grid in grids]),
        "oracle_bleu": Tally("bleu", best),
        "oracle_rouge_l": Tally.mean(rouge),
    }
    return Findings(measures=measures, settings={"tokenizer": task.tokenizer})


def best_answers(task: Task) -> list[str]:
    """Return the answer to each source of the largest sentence BLEU against all references; the first of equal ones."""
    merged = map(Grams.merged, task.reference_grams)
    scores = [sentence_bleus(ours, [all_]) for ours, all_ in zip(task.answer_grams, merged, strict=True)]
    return [several[int(np.argmax(one))] for several, one in zip(task.answers, scores, strict=True)]


FAMILY = Family(
    name="several answers",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.has_parallel and task.num_answers > 1,
)
