"""What a model says of texts: distortion, rate, bounds on log p(x), and perplexities made of them."""

import numpy as np

from textvae.data.vocabulary import UNK
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import TARGETS, WORDS, Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.scored import num_words
from textvae.evaluation.subject import Subject

_SAME = ("texts", "scored", "unknown")
"""Texts in which a tokenizer sees unknown words, or that a model cuts, are not the same task."""

DEFINITIONS = (
    Definition(
        "distortion",
        "distortion",
        "nats a sentence",
        "lower",
        f"Mean over the N sentences of -log p(x|z) summed over the sentence's targets ({TARGETS}), "
        "at one posterior sample z a sentence.",
        ("N",),
        same=_SAME,
    ),
    Definition(
        "rate",
        "rate",
        "nats a sentence",
        "neither",
        "Mean over the N sentences of KL(q(z|x) || p(z)): in closed form for a Gaussian posterior and prior and on the "
        "sphere, else log q(z|x) - log p(z) at the distortion's sample.",
        ("N",),
        same=_SAME,
    ),
    Definition(
        "neg_elbo",
        "-ELBO",
        "nats a sentence",
        "lower",
        f"distortion + rate: an upper bound on -log p(x), mean over the N sentences ({TARGETS}).",
        ("N",),
        same=_SAME,
    ),
    Definition(
        "iw_nll",
        "IW-NLL",
        "nats a sentence",
        "lower",
        "Mean over the N sentences of -[logsumexp over K samples z ~ q(z|x) of "
        f"(log p(z) + log p(x|z) - log q(z|x)) - ln K] ({TARGETS}): an upper bound on -log p(x), "
        "tighter than -ELBO as K grows. Comparable at equal K only.",
        ("K", "N"),
        same=_SAME,
    ),
    Definition(
        "ppl_word",
        "PPL a word",
        "perplexity",
        "lower",
        f"exp(sum of IW-NLL (K samples) over the N sentences / number of words), {WORDS}. "
        "Comparable across tokenizers.",
        ("K", "N"),
        base="iw_nll",
        same=_SAME,
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
        same=(*_SAME, "vocabulary"),
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
        same=_SAME,
    ),
)


def measure(subject: Subject) -> Findings:
    """Return distortion, rate, bounds and perplexities, text by text."""
    terms, store, texts = subject.terms, subject.store, subject.scored
    tokens = np.asarray(store.lengths) + 1
    num_bytes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    nats = terms.iw_nll.numpy()
    measures = {
        "distortion": Tally.mean(terms.distortion.numpy()),
        "rate": Tally.mean(terms.rate.numpy()),
        "neg_elbo": Tally.mean((terms.distortion + terms.rate).numpy()),
        "iw_nll": Tally.mean(nats),
        "ppl_word": Tally.ratio(nats, num_words(texts), formula="perplexity"),
        "ppl_token": Tally.ratio(nats, tokens, formula="perplexity"),
        "bits_per_byte": Tally.ratio(nats, num_bytes, formula="bits"),
    }
    return Findings(
        measures=measures,
        settings={
            "scored": sum(num_bytes),
            "unknown": int(sum((store[i] == UNK).sum() for i in range(len(store)))),
            "vocabulary": subject.codec.tokenizer.fingerprint[:16],
        },
        details={"tokens": tokens.tolist()},
    )


FAMILY = Family(
    name="likelihoods",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: True,
    passes=lambda subject: len(subject.texts) * (subject.num_samples + 1),
)
