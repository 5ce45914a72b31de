"""The registry of measures: what each number is, exactly, so that it is printed beside the number.

Symbols in the definitions are settings of one evaluation: N sentences (or texts), K importance samples, D latent
dimensions, "tokenizer" as sacrebleu names it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from textvae.config.fields import nearest
from textvae.errors import ConfigError

Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Definition:
    """One measure.

    Attributes:
        key: its name in reports, JSON and code.
        name: its name in tables.
        unit: what the number counts.
        better: the direction of improvement; "neither" for what is a property.
        text: the definition, denominators included.
        settings: symbols of the text whose values the reader needs beside the number.
        base: key of the measure this one is converted from, or None.
    """

    key: str
    name: str
    unit: str
    better: Direction
    text: str
    settings: tuple[str, ...] = ()
    base: str | None = None


_TARGETS = "`</s>` counted, `<s>` and pads not"
_UNITS = "units are words between white space, or single letters in scripts without spaces"

_ALL = (
    Definition(
        "distortion",
        "distortion",
        "nats a sentence",
        "lower",
        f"Mean over the N sentences of -log p(x|z) summed over the sentence's targets ({_TARGETS}), "
        "at one posterior sample z a sentence.",
        ("N",),
    ),
    Definition(
        "rate",
        "rate",
        "nats a sentence",
        "neither",
        "Mean over the N sentences of KL(q(z|x) || p(z)): in closed form for a Gaussian posterior and prior and on the "
        "sphere, else log q(z|x) - log p(z) at the distortion's sample.",
        ("N",),
    ),
    Definition(
        "neg_elbo",
        "-ELBO",
        "nats a sentence",
        "lower",
        f"distortion + rate: an upper bound on -log p(x), mean over the N sentences ({_TARGETS}).",
        ("N",),
    ),
    Definition(
        "iw_nll",
        "IW-NLL",
        "nats a sentence",
        "lower",
        "Mean over the N sentences of -[logsumexp over K samples z ~ q(z|x) of "
        f"(log p(z) + log p(x|z) - log q(z|x)) - ln K] ({_TARGETS}): an upper bound on -log p(x), "
        "tighter than -ELBO as K grows. Comparable at equal K only.",
        ("K", "N"),
    ),
    Definition(
        "ppl_word",
        "PPL a word",
        "perplexity",
        "lower",
        "exp(sum of IW-NLL (K samples) over the N sentences / number of words), one `</s>` a sentence counted as a word; words are runs between white "
        "space, or single letters in scripts without spaces, whatever the tokenizer. Comparable across tokenizers.",
        ("K", "N"),
        base="iw_nll",
    ),
    Definition(
        "ppl_token",
        "PPL a token",
        "perplexity",
        "lower",
        "exp(sum of IW-NLL (K samples) over the N sentences / number of the model's own tokens), one `</s>` a sentence counted. "
        "Not comparable across tokenizers.",
        ("K", "N"),
        base="iw_nll",
    ),
    Definition(
        "bits_per_byte",
        "bits per byte",
        "bits",
        "lower",
        "Sum of IW-NLL (K samples) over the N sentences / (ln 2 * UTF-8 bytes of the texts); `</s>` is paid for above and is no byte below. "
        "Comparable across tokenizers.",
        ("K", "N"),
        base="iw_nll",
    ),
    Definition(
        "mutual_information",
        "mutual information",
        "nats",
        "higher",
        "E[log q(z|x)] - E[log q(z)]: the first term in closed form (Gaussian posteriors; of others at the same sample), "
        "the second at one sample z a sentence under "
        "the aggregate posterior of the whole set of N sentences, not a mini-batch. Its ceiling is ln N.",
        ("N",),
    ),
    Definition(
        "z_shuffle_gain",
        "z-shuffle gain",
        "nats a sentence",
        "neither",
        "Mean over the N sentences of the distortion with the z of another sentence less that with its own, each at one "
        "posterior sample. The other is one of near-equal length (sorted by length, the one before it in a block of "
        "about 16), so that length alone is no gain. 0: the decoder ignores z. It exceeds the information in z, as "
        "another's z misleads.",
        ("N",),
    ),
    Definition(
        "active_units",
        "active units (0.01)",
        "dimensions of D",
        "higher",
        "Dimensions whose posterior mean has a variance over the N sentences (unbiased, N - 1 below) of at least 0.01.",
        ("D", "N"),
    ),
    Definition(
        "active_units_0.1",
        "active units (0.1)",
        "dimensions of D",
        "higher",
        "Dimensions whose posterior mean has a variance over the N sentences (unbiased, N - 1 below) of at least 0.1: "
        "the stricter count, for at 0.01 Transformer models saturate.",
        ("D", "N"),
    ),
    Definition(
        "reconstruction_bleu",
        "reconstruction BLEU-4",
        "0 to 100",
        "higher",
        "Corpus BLEU-4 by sacrebleu of the decode of each of N texts against the text itself; its tokenizer is 13a, zh "
        "(characters) where Han dominates, char for other scripts without spaces. z and decoding as stated.",
        ("tokenizer", "z", "decoding", "N"),
    ),
    Definition(
        "exact_match",
        "exact match",
        "share of texts",
        "higher",
        "Decodes equal to their text character for character / N texts. z and decoding as stated.",
        ("z", "decoding", "N"),
    ),
    Definition(
        "self_bleu",
        "self-BLEU",
        "0 to 100",
        "lower",
        "Mean over N samples of the sentence BLEU-n of each against all the others (sacrebleu's exp smoothing, "
        f"effective order, closest reference length); {_UNITS}. Comparable at equal N and n only.",
        ("n", "N"),
    ),
    Definition(
        "distinct_1",
        "distinct-1",
        "share of units",
        "higher",
        f"Distinct units / all units over N samples; {_UNITS}. Comparable at equal N only.",
        ("N",),
    ),
    Definition(
        "distinct_2",
        "distinct-2",
        "share of bigrams",
        "higher",
        f"Distinct bigrams of units / all bigrams of units over N samples; {_UNITS}. Comparable at equal N only.",
        ("N",),
    ),
    Definition(
        "copy_rate",
        "copy rate",
        "share of samples",
        "lower",
        "Samples that are a training text / N samples; case, runs of white space and terminal punctuation are ignored.",
        ("N",),
    ),
)

DEFINITIONS: Mapping[str, Definition] = {definition.key: definition for definition in _ALL}
"""Every measure by key, in the order reports print them."""


def define(key: str) -> Definition:
    """Return the definition of `key`.

    Raises:
        ConfigError: no such measure; the nearest is named.
    """
    if key not in DEFINITIONS:
        raise ConfigError(f"unknown measure {key!r}; {nearest(key, DEFINITIONS)}")
    return DEFINITIONS[key]


def as_records(keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return the definitions of `keys` (None: all) as JSON-able dicts.

    Raises:
        ConfigError: an unknown key.
    """
    chosen = map(define, DEFINITIONS if keys is None else keys)
    return [asdict(definition) | {"settings": list(definition.settings)} for definition in chosen]


def render(keys: Iterable[str] | None = None, settings: Mapping[str, object] | None = None) -> list[str]:
    """Return one plain line a measure, with the values of the settings it depends on where they are known.

    >>> render(["rate"], {"N": 3370, "K": 500})[0][-9:]
    '[N=3,370]'

    Raises:
        ConfigError: an unknown key.
    """
    known = settings or {}
    return [_line(define(key), known) for key in (DEFINITIONS if keys is None else keys)]


def _line(definition: Definition, known: Mapping[str, object]) -> str:
    direction = "" if definition.better == "neither" else f", {definition.better} is better"
    values = ", ".join(
        f"{symbol}={_show(known[symbol])}" for symbol in definition.settings if symbol in known
    )
    line = f"{definition.name} ({definition.key}; {definition.unit}{direction}): {definition.text}"
    return f"{line} [{values}]" if values else line


def _show(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
