"""CMA-ES in the environment: one move from one place, which move is best?

python examples/evolution.py RUN "A short sentence." --reward length:6

For more than a look use `vae.search`, which decodes a generation at once, starts anew where it stagnates, and keeps what it finds.
"""

import argparse

import cma
import numpy as np
from gymnasium import Env

from textvae import TextVAE


def best_move(env: Env, text: str, generations: int = 20, seed: int = 1) -> tuple[float, str]:
    """Return the best score that one move from a text leads to, and the text there."""
    settings = {"seed": seed, "bounds": [-1, 1], "verbose": -9, "verb_log": 0, "signals_filename": ""}
    z, _ = env.reset(options={"text": text})
    evolution = cma.CMAEvolutionStrategy(np.zeros(len(z)), 0.3, settings)
    best = (-np.inf, "")
    for _ in range(generations):
        moves, scores = evolution.ask(), []
        for move in moves:
            env.reset(options={"text": text})
            info = env.step(move)[-1]
            scores.append(info["score"])
            best = max(best, (info["score"], info["text"]))
        evolution.tell(moves, [-score for score in scores])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("text")
    parser.add_argument("--reward", default="length:6")
    options = parser.parse_args()
    env = TextVAE.from_pretrained(options.run).environment(options.reward, length=1, step=3.0)
    score, text = best_move(env, options.text)
    print(f"CMA-ES: {score:.3f}  {text}")


if __name__ == "__main__":
    main()
