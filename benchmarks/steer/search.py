"""How often a search finds a text with a given word and a given length: python -m benchmarks.steer.search RUN DATA.

Each of 20 words is sought in a text of 11 to 13 words, with 2,000 greedy decodes at most; beside it, whether 2,000 random texts, the same for
all words and decoded alike, hold such a text. The words are of medium frequency in DATA, a corpus such as the run was trained on (or
"english", the demo's): lower-case words of at least four letters that .1 % to 1 % of the texts hold, ranked by how many do, 20 at even
steps of the rank. With --within the search begins at the texts of DATA (the first 10,000) that have the word and the length, as `--within DATA` of
the command line does, and keeps to a mixture fitted to their latents; random texts know nothing of them.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from textvae import TextVAE, open_corpus
from textvae.config import GREEDY
from textvae.control.priors import fit_prior
from textvae.control.search.rewards import Contains, Length
from textvae.control.search.scoring import read_rewards
from textvae.control.search.search import promising_of, search
from textvae.data.embedded import embedded_texts

NUM_WORDS, BUDGET = 20, 2000
FITTED = 10_000
LENGTH = "11-13"
LEAST, MOST = 0.001, 0.01
RESULTS = Path(__file__).parent / "results"
_WORD = re.compile(r"(?<!\S)[a-z]{4,}(?!\S)")


def medium_words(texts: Sequence[str]) -> list[str]:
    """Return 20 words that between .1 % and 1 % of the texts hold, at even steps of their rank."""
    counts = Counter(word for text in texts for word in set(_WORD.findall(text)))
    ranked = [
        word
        for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if LEAST <= count / len(texts) <= MOST
    ]
    if len(ranked) < NUM_WORDS:
        raise ValueError(f"{len(ranked)} words are of medium frequency; {NUM_WORDS} are needed")
    return [ranked[i * len(ranked) // NUM_WORDS] for i in range(NUM_WORDS)]


def is_met(texts: Sequence[str], word: str) -> bool:
    """Return whether a text has the word and the length."""
    scores = zip(Contains((word,))(texts), Length.read(LENGTH)(texts), strict=True)
    return any(has == fits == 0 for has, fits in scores)


class Corpus:
    """What a search is told of a corpus, taken once for all words: a prior fitted to its latents, and those latents."""

    def __init__(self, vae: TextVAE, texts: Sequence[str]) -> None:
        self.texts = texts
        posterior = vae.codec.posterior(texts)
        self.z = posterior.loc
        self.prior = fit_prior(posterior, vae.codec.prior()).prior or vae.codec.prior()

    def begins(self, vae: TextVAE, word: str) -> dict[str, Any]:
        """Return the options of a search that begins at the texts with the word and the length."""
        rewards = read_rewards([f"contains:{word}", f"length:{LENGTH}"])
        return {"within": self.prior, "promising": promising_of(vae.codec, rewards, self.texts, self.z)}


def measure(
    vae: TextVAE,
    rewards: Sequence[str],
    words: Sequence[str],
    random_texts: Sequence[str],
    corpus: Corpus | None = None,
) -> dict:
    """Return what the searches found, word by word."""
    rows: list[dict[str, Any]] = []
    for seed, word in enumerate(words, 1):
        wanted = read_rewards([reward.format(word=word) for reward in rewards])
        begins = corpus.begins(vae, word) if corpus else {}
        found = search(vae.codec, wanted, budget=BUDGET, n=1, target=0, seed=seed, **begins)
        rows.append(
            {
                "word": word,
                "met": is_met([found.best[0].text], word),
                "decodes": found.num_decodes,
                "text": found.best[0].text,
                "random": is_met(random_texts, word),
            }
        )
        print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    return {
        "rewards": list(rewards),
        "budget": BUDGET,
        "met": sum(row["met"] for row in rows) / len(rows),
        "met_by_random": sum(row["random"] for row in rows) / len(rows),
        "mean_decodes": sum(row["decodes"] for row in rows) / len(rows),
        "words": rows,
    }


def main() -> None:
    """Measure a run and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--text", help="column of the data")
    parser.add_argument("--fit-prior", action="store_true", help="to the first 10,000 texts, for both ways")
    parser.add_argument(
        "--within", action="store_true", help="begin at the corpus's best texts (the first 10,000)"
    )
    parser.add_argument("--rewards", nargs="+", default=["likely:{word}", f"length:{LENGTH}"])
    parser.add_argument("--name", help="of the file in results/; unset: nothing is written")
    options = parser.parse_args()
    torch.set_num_threads(1)
    vae = TextVAE.from_pretrained(options.run, device="cpu")
    corpus = (
        embedded_texts(options.data)
        if options.data in ("english", "chinese")
        else list(open_corpus(options.data, text=options.text))
    )
    if options.fit_prior:
        vae.fit_prior(corpus[:FITTED])
    random_texts = vae.codec.decode(vae.codec.prior_sample(BUDGET, seed=0), GREEDY)
    within = Corpus(vae, corpus[:FITTED]) if options.within else None
    found = measure(vae, options.rewards, medium_words(corpus), random_texts, within)
    found |= {"fitted_prior": vae.codec.fitted_prior is not None, "within": options.within}
    print(
        f"met {found['met']:.2f}, by random texts {found['met_by_random']:.2f}, decodes {found['mean_decodes']:.0f}"
    )
    if options.name:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"search-{options.name}.json"
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
