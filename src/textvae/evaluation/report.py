"""`evaluate`: the measures of a model on a set of texts, in one record."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.config.fields import check_count
from textvae.data.conditions import Conditions
from textvae.errors import ConfigError, DataError
from textvae.evaluation import user
from textvae.evaluation.bootstrap import LEVEL, RESAMPLES
from textvae.evaluation.definitions import FAMILIES
from textvae.evaluation.digests import digest_of, model_digest, state_digest
from textvae.evaluation.judging import Judging
from textvae.evaluation.kept import Kept
from textvae.evaluation.plan import Plan, Tell
from textvae.evaluation.record import Evaluation, Part
from textvae.evaluation.subject import Subject


def evaluate(
    codec: Codec,
    texts: Sequence[str],
    *,
    conditions: Conditions | None = None,
    num_samples: int = 50,
    num_prior: int = 1000,
    num_pairs: int = 50,
    chinese_words: bool = False,
    training_texts: Sequence[str] | None = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    judging: Judging | None = None,
    keep: str | Path | None = None,
    fresh: bool = False,
    tell: Tell | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measure a model on held-out texts.

    Args:
        codec: the model.
        texts: what it is measured on; blank ones are left out.
        conditions: what each text answers to, of a conditional model; None: nothing.
        num_samples: K of the importance-weighted bound.
        num_prior: random texts, at the codec's own decoding settings; under 2: none, and no measure of them.
        num_pairs: pairs of texts between which paths are walked, at most.
        chinese_words: count Chinese in words (rjieba), not characters, in measures over texts.
        training_texts: for copies and near copies; None: they are left out.
        metrics: measures of the user's own by name, see `textvae.evaluation.user`.
        judging: for forward and reverse perplexity and coherence, which need training texts; None: they are left out.
        keep: a folder where results are kept as they come, and found again by the next evaluation; None: nowhere.
        fresh: measure again what is kept.
        tell: hears a line at each stage, with the time left in all.
        seed: of posterior and prior samples, pairs and places.

    Raises:
        ConfigError: a number of samples out of range; a metric that fails; language models without training texts.
        DataError: every text is blank.
        MissingExtraError: Chinese words without rjieba.
        SaveError: results cannot be written.
    """
    check_count("num_samples", num_samples, 1)
    check_count("num_prior", num_prior, 0)
    check_count("num_pairs", num_pairs, 0)
    kept_rows = [row for row, text in enumerate(texts) if text.strip()]
    texts = [texts[row] for row in kept_rows]
    if not texts:
        raise DataError("no texts to evaluate on; the file is empty or every line is blank")
    if judging is not None and training_texts is None:
        raise ConfigError("language models as judges need the training texts; give them as well (--training)")
    subject = Subject(
        codec=codec,
        texts=texts,
        conditions=conditions and conditions.rows(np.array(kept_rows, np.int64)),
        num_samples=num_samples,
        num_prior=num_prior,
        num_pairs=num_pairs,
        by_words=chinese_words,
        training=None if training_texts is None else list(training_texts),
        metrics=metrics or {},
        judging=judging,
        seed=seed,
    )
    settings, num_cut = _settings(subject), subject.store.num_cut
    kept = None
    if keep is not None:
        model, state = model_digest(codec), state_digest(codec)
        kept = Kept(Path(keep).expanduser(), settings, num_cut, model, state, fresh)
    return Evaluation(parts=_measured(subject, kept, tell), settings=settings, num_cut=num_cut)


def _measured(subject: Subject, kept: Kept | None, tell: Tell | None) -> dict[str, Part]:
    """Return what each family finds, or found."""
    families = [family for family in (*FAMILIES, user.FAMILY) if family.applies(subject)]
    inputs = {family.name: family.inputs(subject) for family in families}
    found = {
        family.name: part
        for family in families
        if kept and family.is_kept and (part := kept.get(family.name, inputs[family.name]))
    }
    drawn = next((part.details["samples"] for part in found.values() if "samples" in part.details), [])
    subject = dataclasses.replace(subject, drawn=drawn)
    missing = {family.name: family for family in families if family.name not in found}
    if found and tell:
        tell(f"as measured before: {', '.join(found)}")
    for name in Plan([(family.name, family.passes(subject)) for family in missing.values()], tell):
        found[name] = Part.of(missing[name].measure(subject))
        if kept:
            kept.put(name, inputs[name], found[name])
    return {family.name: found[family.name] for family in families}


def _settings(subject: Subject) -> dict[str, Any]:
    return {
        "N": len(subject.texts),
        "K": subject.num_samples,
        "D": subject.codec.latent_dim,
        "samples": subject.num_prior,
        "pairs": subject.num_pairs,
        "units": subject.units,
        "sampling": dataclasses.asdict(subject.codec.decoding),
        "texts": digest_of(subject.texts),
        **({} if subject.conditions is None else {"conditions": subject.conditions.digest}),
        "intervals": f"{LEVEL:.0%} percentile bootstrap over texts, {RESAMPLES:,} draws",
        "seed": subject.seed,
    }
