"""Fit an attribute to labelled texts: a regularised linear model of posterior means.

Latent spaces of text VAEs are read well by linear classifiers of few labels (Liu et al. 2022, arXiv:2208.00638, use 200 a
value). The strength of the ridge and the calibration are chosen by cross-validation, on texts that the weights did not see.
"""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from textvae.config.conditions import CATEGORICAL, NUMERIC
from textvae.config.fields import check_choice
from textvae.config.names import checked_name
from textvae.control.attributes.attribute import Attribute
from textvae.data.labels import as_label
from textvae.errors import DataError, MissingExtraError

KINDS = (CATEGORICAL, NUMERIC)
FOLDS = 5
STRENGTHS = tuple(10.0**power for power in np.arange(-4, 2.5, 0.5))
"""C of the logistic regression, inverse to the ridge; 1 / C is tried for numbers."""
TEMPERATURES = tuple(2.0**power for power in np.arange(-3, 3.25, 0.25))
MIN_TEXTS = 10
MAX_VALUES = 200
NUM_BINS = 10


def fit_attribute(
    z: np.ndarray,
    labels: Sequence[Any],
    *,
    name: str,
    model: str,
    kind: str | None = None,
    seed: int = 0,
) -> Attribute:
    """Fit an attribute.

    Args:
        z: posterior means of the texts, (N, D).
        labels: one a text; texts whose label is missing are left out.
        name: what the attribute is called.
        model: what tells the model's weights apart.
        kind: categorical or numeric; None: numeric where all labels are numbers of more than ten values.
        seed: of the folds.

    Raises:
        ConfigError: a name that no file can have, or an unknown kind.
        DataError: fewer than ten labelled texts, one z for all of them, one value only, a value of a single text, too many values, or no numbers.
        MissingExtraError: scikit-learn is not installed.
    """
    name = checked_name(name, "attribute")
    read = [as_label(label) for label in labels]
    kept = [row for row, label in enumerate(read) if label is not None]
    words = [label for label in read if label is not None]
    if len(kept) < MIN_TEXTS:
        raise DataError(f"{len(kept)} texts have a label of {name}; give at least {MIN_TEXTS}")
    kind = kind or _kind(words)
    check_choice("kind", kind, KINDS)
    rows = np.asarray(z, np.float64)[kept]
    if (rows == rows[0]).all():
        raise DataError(
            f"z is the same for all {len(rows)} texts with a label of {name}; give different texts, or a model that encodes more"
        )
    center, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-8
    fit = _numeric if kind == NUMERIC else _categorical
    found = fit((rows - center) / scale, words, name, seed)
    weight = found.pop("weight") / scale
    return Attribute(
        name=name,
        model=model,
        kind=kind,
        weight=weight,
        bias=found.pop("bias") - weight @ center,
        means=found.pop("means") * scale + center,
        covariance=_covariance(rows),
        num_texts=len(kept),
        seed=seed,
        **found,
    )


def _kind(words: Sequence[str]) -> str:
    """Return numeric for labels that are numbers of more than ten values."""
    try:
        numbers = {float(word) for word in words}
    except ValueError:
        return CATEGORICAL
    return NUMERIC if len(numbers) > 10 else CATEGORICAL


def _categorical(z: np.ndarray, words: Sequence[str], name: str, seed: int) -> dict[str, Any]:
    counts = Counter(words)
    values = tuple(sorted(counts, key=lambda value: (-counts[value], value)))
    _check_values(values, counts, name)
    targets = np.array([values.index(word) for word in words])
    held = {strength: _held_out_logits(z, targets, strength, seed) for strength in STRENGTHS}
    strength = min(held, key=lambda one: min(_log_loss(held[one] / t, targets) for t in TEMPERATURES))
    temperature = min(TEMPERATURES, key=lambda t: _log_loss(held[strength] / t, targets))
    weight, bias = _logistic(z, targets, strength, len(values))
    logits = held[strength] / temperature
    return {
        "values": values,
        "weight": weight / temperature,
        "bias": bias / temperature,
        "means": np.stack([z[targets == place].mean(axis=0) for place in range(len(values))]),
        "counts": tuple(counts[value] for value in values),
        "score": float((logits.argmax(1) == targets).mean()),
        "base": counts[values[0]] / len(words),
        "calibration_error": _calibration_error(logits, targets),
    }


def _numeric(z: np.ndarray, words: Sequence[str], name: str, seed: int) -> dict[str, Any]:
    targets = np.array([_number(word, name) for word in words])
    if targets.std() == 0:
        raise DataError(f"all labels of {name} are {words[0]}; two values at least are needed")
    linear, selection = _learners()
    folds = selection.KFold(FOLDS, shuffle=True, random_state=seed)
    model = linear.RidgeCV(alphas=[1 / strength for strength in STRENGTHS])
    held = selection.cross_val_predict(model, z, targets, cv=folds)
    model.fit(z, targets)
    residual = float(np.square(held - targets).mean())
    above = (
        targets > np.median(targets)
        if (targets > np.median(targets)).any()
        else targets >= np.median(targets)
    )
    return {
        "weight": model.coef_[None],
        "bias": np.array([model.intercept_]),
        "means": np.stack([z[above].mean(axis=0), z[~above].mean(axis=0)]),
        "deviation": max(residual**0.5, 1e-6),
        "span": (float(np.quantile(targets, 0.05)), float(np.quantile(targets, 0.95))),
        "score": float(1 - residual / targets.var()),
    }


def _covariance(rows: np.ndarray) -> np.ndarray:
    """Return the covariance of z, (N, D), as (D, D), shrunk towards a multiple of the identity."""
    from sklearn.covariance import ledoit_wolf

    return ledoit_wolf(rows)[0]


def _check_values(values: Sequence[str], counts: Counter[str], name: str) -> None:
    if len(values) == 1:
        raise DataError(f"all labels of {name} are {values[0]!r}; texts of two values at least are needed")
    if len(values) > MAX_VALUES:
        raise DataError(
            f"{name} has {len(values):,} values, more than {MAX_VALUES}; for numbers give --kind numeric"
        )
    if counts[values[-1]] < 2:
        raise DataError(f"{name} is {values[-1]!r} in a single text; give two at least of each value")


def _held_out_logits(z: np.ndarray, targets: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the logits of each text, (N, C), by weights fitted to the other folds."""
    _, selection = _learners()
    rarest = int(np.bincount(targets).min())
    folds = selection.StratifiedKFold(min(FOLDS, rarest), shuffle=True, random_state=seed)
    num_values = int(targets.max()) + 1
    logits = np.zeros((len(z), num_values))
    for fitted, held in folds.split(z, targets):
        weight, bias = _logistic(z[fitted], targets[fitted], strength, num_values)
        logits[held] = z[held] @ weight.T + bias
    return logits


def _logistic(
    z: np.ndarray, targets: np.ndarray, strength: float, num_values: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return W, (C, D), and b, (C,); of two values the two rows are opposite."""
    linear, _ = _learners()
    from sklearn.exceptions import ConvergenceWarning

    model = linear.LogisticRegression(C=strength, max_iter=1000)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model.fit(z, targets)  # the last digits of weights that are as good as done
    if num_values == 2:
        return np.concatenate([-model.coef_, model.coef_]) / 2, np.concatenate(
            [-model.intercept_, model.intercept_]
        ) / 2
    return model.coef_, model.intercept_


def _log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probs[np.arange(len(targets)), targets].mean())


def _calibration_error(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the expected calibration error: |share right - confidence| over bins of confidence, weighted by their texts."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = shifted.max(axis=1) / shifted.sum(axis=1)
    right = logits.argmax(1) == targets
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = [
        abs(right[bins == number].mean() - confidence[bins == number].mean()) * (bins == number).mean()
        for number in np.unique(bins)
    ]
    return float(sum(gaps))


def _number(word: str, name: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"a label of {name} is {word!r}, no number; give --kind categorical")
    return number


def _learners() -> tuple[Any, Any]:
    """Return scikit-learn's linear models and model selection, imported when they are needed: it takes a second."""
    try:
        from sklearn import linear_model, model_selection
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "control") from error
    return linear_model, model_selection
