"""What a language model says of the main answers: how likely they are, and whether they fit their source."""

import numpy as np

from textvae.data.scripts import is_spaceless, script_counts
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.coherence import Places, fitting
from textvae.evaluation.definition import WORDS
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.yardstick import beside, both

_SAME = ("texts", "judge")

DEFINITIONS = (
    *beside(
        "answer_ppl",
        "PPL a word",
        "perplexity",
        "neither",
        f"exp(sum of -log p over the N {{texts}} / number of words) under the judge, a language model; {WORDS}. Far below the references' own: safe, "
        "short of content; far above: broken.",
        same=_SAME,
    ),
    *beside(
        "fluency",
        "fluency",
        "0 to 1",
        "higher",
        "Mean over the N {texts} of min(1, PPL of real texts / PPL of the text), PPL a word under the judge, a language model; real texts are the "
        f"first references, or 1,000 training texts at most; {WORDS}.",
        same=(*_SAME, "training"),
    ),
    *beside(
        "answer_coherence",
        "coherence with the source",
        "share of texts",
        "higher",
        "Share of P of the N {texts} whose log p(text | source) - log p(text) under the judge, a language model, is larger than that of the text "
        "of another source drawn at random (ties count half); those longer than the judge reads are left out. 0.5 is chance.",
        ("P",),
        same=(*_SAME, "seed"),
    ),
)


def measure(task: Task) -> Findings:
    """Return perplexity and fluency, and coherence where there are two sources at least."""
    measures: dict[str, float | Tally] = {}
    own: dict[str, dict[str, int]] = {}
    measures |= both(task, "answer_ppl", lambda texts: _perplexity(texts, task))
    if task.has_real_texts:
        measures |= both(task, "fluency", lambda texts: fluency(texts, task))
    if has_coherence(task):
        found = both(task, "answer_coherence", lambda texts: coherence(texts, task))
        own = {key: {"P": int(tally.columns[:, 1].sum())} for key, tally in found.items()}
        measures |= {key: tally for key, tally in found.items() if own[key]["P"]}
    return Findings(
        measures=measures,
        settings={"judge": task.judge_digest},
        own_settings=own,
        notes=task.judged(task.main).notes,
    )


def fluency(texts: list[str], task: Task) -> Tally:
    """Return how likely texts are beside real ones, 1 at most each."""
    found = task.judged(texts)
    return Tally.mean(np.exp(np.minimum(0.0, task.log_ppl_real - found.nats / found.words)))


def has_coherence(task: Task) -> bool:
    """Return whether there are sources that an answer could be mistaken for one of."""
    return task.judge is not None and task.sources is not None and len(task.answers) > 1


def coherence(texts: list[str], task: Task) -> Tally:
    """Return the share of texts that fit their source better than the text of another source would."""
    assert task.judge is not None
    assert task.sources is not None
    order = task.order
    before = [before_answer(task.sources[i], texts[i]) for i in order]
    scores = np.empty(len(texts))
    scores[order] = fitting(task.judge, Places(before, [texts[i] for i in order]))
    return Tally.ratio(np.nan_to_num(scores), ~np.isnan(scores))


def before_answer(source: str, answer: str) -> str:
    """Return what the judge reads before an answer: the source, and a space where scripts have them.

    >>> before_answer("How are you?", "Fine."), before_answer("你好吗？", "很好。")
    ('How are you? ', '你好吗？')
    """
    return source if is_spaceless(script_counts(source + answer)) else f"{source} "


def _perplexity(texts: list[str], task: Task) -> Tally:
    found = task.judged(texts)
    return Tally.ratio(found.nats, found.words, formula="perplexity")


FAMILY = Family(
    name="language model",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.judge is not None,
)
