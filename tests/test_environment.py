"""The Gymnasium environment: it is one, it keeps to the trust region, and agents learn in it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained import untrained

from textvae import TextVAE
from textvae.errors import ConfigError, LatentError

EXAMPLES = Path(__file__).parent.parent / "examples"
gymnasium = pytest.importorskip("gymnasium")


def letters(texts):
    return [text.count("e") + 0.1 * len(text) for text in texts]


def nearness(texts, z):
    """Best at (1, 1, ...), so that there is something to learn from every move."""
    return (-(z - 1).square().sum(dim=1)).tolist()


def environment(reward=letters, **options):
    return TextVAE(untrained(latent_dim=4, max_length=5)).environment(reward, **options)


@pytest.fixture
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in ("random_agent", "evolution", "reinforce"):
        sys.modules.pop(name, None)


def test_gymnasium_takes_it_for_an_environment():
    from gymnasium.utils.env_checker import check_env

    check_env(environment(length=5), skip_render_check=True)


def test_episodes_are_functions_of_their_seed():
    env = environment(length=4)
    played = []
    for seed in (1, 1, 2):
        z, info = env.reset(seed=seed)
        moved, paid, *_ = env.step(np.full(4, 0.5, np.float32))
        played.append((z.tolist(), info["text"], moved.tolist(), paid))
    assert played[0] == played[1] != played[2]
    following = [env.reset()[0].tolist() for _ in range(3)]
    assert following[0] != following[1] != following[2]


def test_improvements_add_up_to_what_was_won():
    env = environment(length=6, payment="improvement")
    _, first = env.reset(seed=3)
    env.action_space.seed(3)
    steps = [env.step(env.action_space.sample()) for _ in range(6)]
    assert sum(step[1] for step in steps) == pytest.approx(steps[-1][4]["score"] - first["score"])
    assert [step[3] for step in steps] == [False] * 5 + [True]
    env = environment(length=2, payment="score")
    env.reset(seed=3)
    _, paid, _, _, info = env.step(np.zeros(4))
    assert paid == info["score"] == letters([info["text"]])[0]


def test_it_stays_in_the_region_however_far_it_is_pushed():
    env = environment(step=3.0, length=30)
    env.reset(seed=1)
    for _ in range(20):
        z, *_ = env.step(np.ones(4, np.float32))
        assert env.observation_space.contains(z)
    near = torch.from_numpy(z).unsqueeze(0).double() * 0.999
    assert bool(env.region.contains(near).all())


def test_the_target_ends_an_episode():
    env = environment(target=-1.0)
    env.reset(seed=1)
    assert env.step(np.zeros(4))[2] is True


def test_an_episode_begins_where_it_is_told_to():
    env = environment()
    z, _ = env.reset(options={"z": [0.1, 0.2, 0.3, 0.4]})
    assert z.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    z, _ = env.reset(options={"text": "the cat sees the sea."})
    np.testing.assert_allclose(z, env.codec.encode(["the cat sees the sea."])[0], rtol=1e-5)
    assert environment(decoding=None).render() is None


def test_what_no_environment_can_be_made_of():
    with pytest.raises(ConfigError, match="length is 0; it must be at least 1"):
        environment(length=0)
    with pytest.raises(ConfigError, match="step is 0; it must be greater than 0"):
        environment(step=0)
    with pytest.raises(ConfigError, match="payment is 'scores'; did you mean score"):
        environment(payment="scores")
    with pytest.raises(LatentError, match=r"z to begin at has shape \(1, 4\); give \(4,\)"):
        environment().reset(options={"z": [[0, 0, 0, 0]]})


# Examples


@pytest.mark.usefixtures("examples")
def test_reinforce_beats_random_moves():
    import reinforce
    from random_agent import last_scores

    env = environment(nearness, length=3, step=1.0)
    policy = reinforce.train(env, updates=14, episodes=6)
    learned, random = reinforce.evaluated(env, policy, 12, 100), last_scores(env, 12, 100)
    error = (np.var(learned) + np.var(random)) ** 0.5 / 12**0.5
    assert np.mean(learned) > np.mean(random) + 2 * error


@pytest.mark.usefixtures("examples")
def test_evolution_beats_where_it_began():
    from evolution import best_move

    env = environment(length=1, step=3.0)
    _, info = env.reset(options={"text": "the cat sees the sea."})
    assert best_move(env, "the cat sees the sea.", generations=2)[0] > info["score"]


@pytest.mark.usefixtures("examples")
def test_examples_run_on_a_saved_model(tmp_path, monkeypatch, capsys):
    import random_agent

    TextVAE(untrained(latent_dim=4)).save(tmp_path / "model")
    monkeypatch.setattr(sys, "argv", ["random_agent.py", str(tmp_path / "model"), "--episodes", "2"])
    random_agent.main()
    assert "at the end of an episode" in capsys.readouterr().out
