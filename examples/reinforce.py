"""A policy that learns where to move z: REINFORCE (Williams 1992, doi:10.1007/BF00992696) in plain PyTorch.

python examples/reinforce.py RUN --reward length:6

The move is drawn from a Gaussian whose mean is a function of z. The gradient of its log density is weighted by the return from there on,
less the mean over the episodes of the update, which lowers the variance and changes no expectation.
"""

import argparse

import torch
from gymnasium import Env
from random_agent import last_scores
from torch import Tensor, nn

from textvae import TextVAE


class Policy(nn.Module):
    """N(f(z), scale²) over moves."""

    def __init__(self, dim: int, hidden: int = 32) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, dim))
        self.log_scale = nn.Parameter(torch.full((dim,), -0.5))

    def forward(self, z: Tensor) -> torch.distributions.Normal:
        return torch.distributions.Normal(self.mean(z), self.log_scale.exp())


def episode(
    env: Env, policy: Policy, *, seed: int | None = None, explore: bool = True
) -> tuple[Tensor, Tensor, float]:
    """Return log p of each move, what each was paid, and the last score."""
    z, _ = env.reset(seed=seed)
    log_probs, paid, is_over = [], [], False
    while not is_over:
        moves = policy(torch.from_numpy(z))
        move = moves.sample() if explore else moves.mean.detach()
        log_probs.append(moves.log_prob(move).sum())
        z, reward, terminated, truncated, info = env.step(move.numpy())
        paid.append(reward)
        is_over = terminated or truncated
    return torch.stack(log_probs), torch.tensor(paid), info["score"]


def train(env: Env, *, updates: int = 40, episodes: int = 8, seed: int = 0) -> Policy:
    """Return a policy after so many updates of so many episodes."""
    torch.manual_seed(seed)
    z, _ = env.reset(seed=seed)
    policy = Policy(len(z))
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)
    for _ in range(updates):
        played = [episode(env, policy)[:2] for _ in range(episodes)]
        returns = [paid.flip(0).cumsum(0).flip(0) for _, paid in played]
        mean, scale = torch.cat(returns).mean(), torch.cat(returns).std() + 1e-6
        losses = [
            -(log_p * (of - mean) / scale).sum() for (log_p, _), of in zip(played, returns, strict=True)
        ]
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()
        optimizer.step()
    return policy


def evaluated(env: Env, policy: Policy, num: int, seed: int = 0) -> list[float]:
    """Return the score at the end of each of `num` episodes without noise."""
    return [episode(env, policy, seed=seed + i, explore=False)[2] for i in range(num)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--reward", default="length:6")
    parser.add_argument("--updates", type=int, default=40)
    options = parser.parse_args()
    env = TextVAE.from_pretrained(options.run).environment(options.reward, length=8)
    policy = train(env, updates=options.updates)
    for name, scores in (
        ("random", last_scores(env, 20, 10_000)),
        ("REINFORCE", evaluated(env, policy, 20, 10_000)),
    ):
        print(f"{name}: {sum(scores) / len(scores):.3f} at the end of an episode")


if __name__ == "__main__":
    main()
