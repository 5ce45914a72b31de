"""An agent that moves z at random: what the others have to beat.

python examples/random_agent.py RUN --reward length:6
"""

import argparse

from gymnasium import Env

from textvae import TextVAE


def last_scores(env: Env, num: int, seed: int = 0) -> list[float]:
    """Return the score at the end of each of `num` episodes of random moves."""
    env.action_space.seed(seed)
    scores = []
    for episode in range(num):
        env.reset(seed=seed + episode)
        is_over = False
        while not is_over:
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            is_over = terminated or truncated
        scores.append(info["score"])
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--reward", default="length:6")
    parser.add_argument("--episodes", type=int, default=20)
    options = parser.parse_args()
    env = TextVAE.from_pretrained(options.run).environment(options.reward, length=8)
    scores = last_scores(env, options.episodes)
    print(f"random: {sum(scores) / len(scores):.3f} at the end of an episode")


if __name__ == "__main__":
    main()
