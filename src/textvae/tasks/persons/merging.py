"""One person made of several: by the numbers of texts that each was fitted to."""

from collections.abc import Sequence

import numpy as np

from textvae.config.names import checked_name
from textvae.data.persons import Person
from textvae.errors import PersonError


def merged(persons: Sequence[Person], name: str) -> Person:
    """Return the person that stands for all of them, with shares w_i = n_i / sum_j n_j of their texts.

    The embedding is sum_i w_i e_i. The profile has the moments of the mixture sum_i w_i N(m_i, s_i²): the mean
    m = sum_i w_i m_i and the variance sum_i w_i (s_i² + m_i²) - m². Both stand for what a fit to all texts together would
    find, which needs the texts; the gain is not known.

    Raises:
        ConfigError: a name that no file can have.
        PersonError: fewer than two, or persons that are not of one model, one label and the same parts.
    """
    if len({person.name for person in persons}) < max(2, len(persons)):
        raise PersonError(
            f"two persons or more are merged, each once; got {[person.name for person in persons]}"
        )
    first = persons[0]
    for person in persons[1:]:
        if (person.model, person.label, person.parts) != (first.model, first.label, first.parts):
            raise PersonError(
                f"{first.name} ({described(first)}) and {person.name} ({described(person)}) cannot be merged; "
                "fit both alike, with one model"
            )
    shares = np.array([person.num_texts for person in persons], np.float64)
    shares /= shares.sum()
    return Person(
        name=checked_name(name, "person"),
        model=first.model,
        label=first.label,
        embedding=_mean(shares, [person.embedding for person in persons]),
        profile=_mixed(shares, [person.profile for person in persons]),
        num_texts=sum(person.num_texts for person in persons),
    )


def described(person: Person) -> str:
    """Return what a person is of and made of, as "author: embedding, of model 0123456789abcdef"."""
    return f"{person.condition}: {' and '.join(person.parts)}, of model {person.model}"


def _mean(shares: np.ndarray, embeddings: Sequence[np.ndarray | None]) -> np.ndarray | None:
    there = [embedding for embedding in embeddings if embedding is not None]
    return np.einsum("p,pc->c", shares, np.stack(there)).astype(there[0].dtype) if there else None


def _mixed(shares: np.ndarray, profiles: Sequence[np.ndarray | None]) -> np.ndarray | None:
    there = [profile for profile in profiles if profile is not None]
    if not there:
        return None
    loc, scale = np.stack(there, axis=1)  # (P, D) each
    mean = shares @ loc
    return np.stack([mean, np.sqrt(shares @ (scale**2 + loc**2) - mean**2)])
