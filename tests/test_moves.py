"""From text to text: analogies, blends, variations, traversals, and paths along high density."""

import json
import math

import pytest
import torch
from conditioned import conditional
from test_cli import done, failed
from tiny import CHINESE, ENGLISH, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.config import GREEDY
from textvae.control.changes import kept_share
from textvae.control.density import log_energy
from textvae.control.interpolation import arc, path
from textvae.control.moves.blending import blended, checked_weights
from textvae.control.moves.conditioned import Conditioned
from textvae.control.moves.directions import directions
from textvae.control.principal import principal_axes
from textvae.distributions import DiagonalGaussian, GaussianMixture, standard_normal
from textvae.errors import ConditionError, ConfigError, DataError, LatentError


@pytest.fixture(scope="module")
def vae():
    return TextVAE(untrained(ENGLISH + CHINESE, kind="char"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.training.trainer.draw_curves", lambda run: None)
        return train_tiny(tmp_path_factory.mktemp("moves") / "run", training={"epochs": 1})


def normals(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Analogies


def test_an_analogy_is_the_text_of_a_difference_added(vae):
    a, b, c = ENGLISH[0], CHINESE[3], ENGLISH[50]
    z = vae.encode([a, b, c])
    for strength in (0.0, 1.0, -2.0):
        expected = vae.decode([z[2] + strength * (z[1] - z[0])], decoding=GREEDY)
        assert vae.analogy(a, b, c, strength=strength) == expected
    assert vae.analogy(a, a, c) == vae.reconstruct([c])
    several = vae.analogy(a, b, c, n=4, distance=1.0, seed=1)
    assert several[0] == vae.analogy(a, b, c)[0]
    assert len(set(several)) == len(several) == 4


def test_on_a_sphere_answers_are_on_it():
    codec = untrained(posterior="von-mises-fisher", kappa=20.0)
    vae = TextVAE(codec)
    a, b, c = ENGLISH[:3]
    z = codec.encode([a, b, c])
    moved = torch.nn.functional.normalize(z[2] + z[1] - z[0], dim=0)
    assert vae.analogy(a, b, c) == vae.decode([moved], decoding=GREEDY)
    assert len(vae.blend([a, b, c])) == 1
    assert vae.traverse(a, dimension=0)[0].reconstruction == vae.reconstruct([a])[0]
    assert vae.vary(a, 2, distance=1.0, seed=0)
    with pytest.raises(
        ConfigError, match="does not say which dimensions are active; name one, or give texts"
    ):
        vae.traverse(a)


def test_analogies_that_cannot_be(vae):
    with pytest.raises(ConfigError, match="n is 0; it must be at least 1"):
        vae.analogy("a", "b", "c", n=0)
    with pytest.raises(ConfigError, match="strength is nan; a finite number is needed"):
        vae.analogy("a", "b", "c", strength=math.nan)
    with pytest.raises(ConfigError, match="distance is 2; it must be at most 1"):
        vae.analogy("a", "b", "c", distance=2)
    with pytest.raises(DataError, match="every text must be a string"):
        vae.analogy("a", ["b"], "c")


# Blends


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_a_blend_of_two_is_slerp(share):
    z = normals(2, 9)
    shares = torch.tensor([1 - share, share], dtype=torch.float64)
    expected = arc(z[0], z[1], torch.tensor([share], dtype=torch.float64))
    torch.testing.assert_close(blended(z, shares), expected, rtol=1e-9, atol=1e-12)


def test_the_mean_direction_is_the_one_of_least_squared_angles():
    z, shares = normals(4, 6) + 1, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    found = blended(z, shares)
    assert float(found.norm()) == pytest.approx(float((shares * z.norm(dim=1)).sum()))

    def cost(direction):
        cosines = torch.nn.functional.cosine_similarity(z, direction.unsqueeze(0), dim=1)
        return float((shares * torch.arccos(cosines).square()).sum())

    assert all(cost(found) <= cost(found + 0.02 * normals(6, seed=i)) for i in range(40))
    assert float(blended(z, shares, "mean").norm()) < float(found.norm())


def test_order_copies_and_the_unit_of_weights_do_not_matter(vae):
    z, shares = normals(3, 5) + 1, torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    order = [2, 0, 1]
    torch.testing.assert_close(blended(z[order], shares[order]), blended(z, shares), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(blended(z[[0, 0]], torch.tensor([0.5, 0.5]).double()), z[0])
    assert checked_weights([2, 1, 1], 3) == checked_weights([4.0, 2, 2], 3) == [0.5, 0.25, 0.25]
    texts = [ENGLISH[0], CHINESE[0], ENGLISH[40]]
    assert vae.blend(texts, weights=[0, 1, 0]) == vae.reconstruct([CHINESE[0]])


def test_where_directions_cancel_out_a_blend_is_the_mean():
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double()
    half = torch.tensor([0.5, 0.5]).double()
    assert blended(z, half).tolist() == [0, 0]
    assert blended(torch.stack([torch.zeros(2), torch.ones(2)]), half).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "1 weights for 2 texts; give one for each"),
        ([1, -1], "each must be finite and at least 0, and one above 0"),
        ([0, 0], "each must be finite and at least 0, and one above 0"),
        ([1, math.inf], "each must be finite"),
    ],
)
def test_weights_that_are_none(vae, weights, message):
    with pytest.raises(ConfigError, match=message):
        vae.blend(ENGLISH[:2], weights=weights)


def test_blends_that_cannot_be(vae):
    with pytest.raises(DataError, match="a blend of 1 texts was asked for; give at least 2"):
        vae.blend(["one"])
    with pytest.raises(DataError, match="a list of texts is needed"):
        vae.blend("one")
    with pytest.raises(ConfigError, match="method is 'spheer'; did you mean sphere"):
        vae.blend(["a", "b"], method="spheer")


# Variations


@pytest.mark.parametrize("text", [ENGLISH[5], CHINESE[5]])
def test_variations_differ_and_the_nearest_comes_first(vae, text):
    [reconstruction] = vae.reconstruct([text])
    assert vae.vary(text, 3, distance=0) == [reconstruction]
    found = vae.vary(text, 6, distance=0.8, seed=3)
    assert 1 < len(found) == len(set(found)) <= 6
    assert not {text, reconstruction, ""} & set(found)
    shares = [kept_share(reconstruction, one) for one in found]
    assert shares == sorted(shares, reverse=True)
    assert vae.vary(text, 6, distance=0.8, seed=3) == found != vae.vary(text, 6, distance=0.8, seed=4)


def test_a_distance_is_a_share_of_the_way_to_random_texts(vae, monkeypatch):
    seen = []
    decode = Conditioned.decode
    monkeypatch.setattr(Conditioned, "decode", lambda self, z: seen.append(z) or decode(self, z))
    [mean] = vae.codec.encode([ENGLISH[0]])
    angles = []
    for distance in (0.2, 0.6, 1.0):
        seen.clear()
        vae.vary(ENGLISH[0], 2, distance=distance, seed=1)
        angles.append(torch.arccos(torch.nn.functional.cosine_similarity(seen[1], mean.unsqueeze(0))))
    torch.testing.assert_close(angles[0] / angles[2], torch.full_like(angles[0], 0.2))
    torch.testing.assert_close(angles[1] / angles[2], torch.full_like(angles[0], 0.6))


def test_at_small_distances_there_may_be_none(vae):
    assert vae.vary(ENGLISH[0], 3, distance=1e-9, seed=0) == []
    with pytest.raises(ConfigError, match=r"distance is -0\.1; it must be at least 0"):
        vae.vary(ENGLISH[0], distance=-0.1)


# Traversals


def test_a_traversal_moves_one_dimension_by_the_prior_s_deviations(vae):
    [found] = vae.traverse(ENGLISH[7], dimension=2, steps=5, span=2)
    z = torch.from_numpy(vae.encode([ENGLISH[7]])).double().repeat(5, 1)
    z[:, 2] += torch.tensor([-2.0, -1, 0, 1, 2])
    assert (found.direction.name, found.offsets) == ("dimension 2", (-2, -1, 0, 1, 2))
    assert list(found.texts) == vae.decode(z, decoding=GREEDY)
    assert found.reconstruction == found.texts[2] == vae.reconstruct([ENGLISH[7]])[0]
    for text, spans in zip(found.texts, found.changes, strict=True):
        assert "".join(span.text for span in spans if span.kind != "removed") == text
    assert all(span.kind == "kept" for span in found.changes[2])


def test_an_axis_is_principal_and_its_unit_the_aggregate_posterior_s_deviation(vae):
    model, posterior = Conditioned(vae.codec), vae.posterior(ENGLISH[:60])
    [first] = directions(model, ENGLISH[0], axis=0, corpus=posterior)
    axis = first.step / first.step.norm()
    draws = posterior.at(normals(400, 60, 3)).reshape(-1, 3) @ axis
    assert float(first.step.norm()) == pytest.approx(float(draws.std()), rel=0.02)
    _, values, vectors = torch.linalg.svd(posterior.loc - posterior.loc.mean(dim=0))
    assert abs(float(vectors[0] @ axis)) == pytest.approx(1)
    assert first.share == pytest.approx(float(values[0] ** 2 / values.square().sum()))
    [text] = vae.traverse(ENGLISH[0], axis=0, data=ENGLISH[:60])
    assert text.direction.share == pytest.approx(first.share)


def test_active_dimensions_are_chosen(vae):
    loc = normals(50, 3) * torch.tensor([0.1, 2.0, 1.0])
    corpus = DiagonalGaussian(loc, torch.full_like(loc, 0.5))
    model = Conditioned(vae.codec)
    found = directions(model, "a", corpus=corpus, num=2)
    assert [one.name for one in found] == ["dimension 1", "dimension 2"]
    assert found[0].share > found[1].share > 0.1
    scale = vae.posterior([ENGLISH[0]]).scale[0]
    assert [one.number for one in directions(model, ENGLISH[0])] == scale.argsort().tolist()
    assert [one.direction.number for one in vae.traverse(ENGLISH[0])] == scale.argsort().tolist()


@pytest.mark.parametrize("asked", [{}, {"dimension": 0}])
def test_a_single_text_has_no_directions(vae, asked):
    corpus = DiagonalGaussian(normals(1, 3), torch.ones(1, 3))
    with pytest.raises(DataError, match="single text"):
        directions(Conditioned(vae.codec), "a", corpus=corpus, **asked)


def test_under_a_fitted_prior_its_deviations_are_the_unit():
    vae = TextVAE(untrained())
    loc = torch.tensor([[3.0, 0, 0], [-3, 0, 0]]).double()
    vae.codec.fitted_prior = GaussianMixture(
        torch.tensor([0.5, 0.5]).double(), loc, torch.full_like(loc, 0.5)
    )
    [one] = directions(Conditioned(vae.codec), "a", dimension=0)
    assert float(one.step[0]) == pytest.approx(math.sqrt(9.25))


def test_axes_of_texts_and_places_along_them():
    loc = normals(30, 4) @ normals(4, 4, seed=1) + 5
    axes = principal_axes(loc)
    torch.testing.assert_close(axes.directions @ axes.directions.T, torch.eye(4).double())
    places = axes.places(loc, 4)
    torch.testing.assert_close(places.var(dim=0), axes.variances)
    torch.testing.assert_close(places @ axes.directions + axes.mean, loc)
    assert float(axes.shares.sum()) == pytest.approx(1)
    assert bool((axes.variances.diff() <= 0).all())
    assert axes.places(loc, 6)[:, 4:].abs().sum() == 0
    still = principal_axes(torch.ones(5, 2))
    assert still.shares.tolist() == [0, 0]


def test_traversals_that_cannot_be(vae):
    with pytest.raises(ConfigError, match="dimension is 3; it must be at most 2"):
        vae.traverse("a", dimension=3)
    with pytest.raises(ConfigError, match="both dimension 1 and axis 0 are named; name one"):
        vae.traverse("a", dimension=1, axis=0)
    with pytest.raises(
        ConfigError, match=r"a principal axis is one of given texts; give them \(--data DATA\)"
    ):
        vae.traverse("a", axis=0)
    with pytest.raises(ConfigError, match="steps is 1; it must be at least 2"):
        vae.traverse("a", dimension=0, steps=1)
    with pytest.raises(ConfigError, match="span is 0; it must be greater than 0"):
        vae.traverse("a", dimension=0, span=0)
    with pytest.raises(DataError, match="axes along which 1 texts vary were asked for; give at least 2"):
        vae.traverse("a", axis=0, data=ENGLISH[:1])
    with pytest.raises(LatentError, match="means have shape"):
        principal_axes(torch.zeros(3))


# Density


RING = [[4 * math.cos(angle), 4 * math.sin(angle), 0.0] for angle in (0.4, 0.8, 1.2)]


def ring(scale=0.6):
    """A prior that is dense along an arc of the plane z_2 = 0."""
    loc = torch.tensor(RING, dtype=torch.float64)
    return GaussianMixture(torch.full((3,), 1 / 3).double(), loc, torch.full_like(loc, scale))


def test_under_a_standard_normal_the_densest_path_is_the_arc():
    start, end = normals(2, 8)
    slerp = path(start, end, steps=6)
    torch.testing.assert_close(path(start, end, steps=6, method="density"), slerp)
    prior = standard_normal(8, like=start)
    found = path(start, end, steps=6, method="density", prior=prior)
    torch.testing.assert_close(found, slerp, rtol=1e-6, atol=1e-6)


def test_the_densest_path_is_denser_and_costs_less():
    start, end = torch.tensor([4.0, 0.0, 2.0]), torch.tensor([0.0, 4.0, 2.0])
    slerp, found = (path(start, end, steps=9, method=method, prior=ring()) for method in ("slerp", "density"))
    assert torch.equal(found[0], start)
    assert torch.equal(found[-1], end)
    torch.testing.assert_close(found.norm(dim=1), slerp.norm(dim=1))
    dense, plain = (ring().log_prob(z.double()) for z in (found, slerp))
    assert float(dense[1:-1].mean()) > float(plain[1:-1].mean()) + 1
    assert float(log_energy(found.double(), ring())) < float(log_energy(slerp.double(), ring())) - 0.1
    assert float(found[4, 2]) < float(slerp[4, 2]) - 0.5  # towards the plane where the prior is


def test_density_where_there_is_no_arc():
    start = torch.tensor([1.0, 2.0, 0.0])
    for end in (start, -start, torch.zeros(3)):
        found = path(start, end, steps=5, method="density", prior=ring())
        assert bool(found.isfinite().all())
        torch.testing.assert_close(found[-1], end)
    far = path(100 * start, torch.tensor([-200.0, 50, 70]), steps=4, method="density", prior=ring())
    assert bool(far.isfinite().all())


def test_interpolation_takes_the_prior_that_is_there():
    vae = TextVAE(untrained())
    a, b = ENGLISH[0], ENGLISH[100]
    assert vae.interpolate(a, b, method="density") == vae.interpolate(a, b)
    vae.codec.fitted_prior = ring()
    z = vae.codec.encode([a, b])
    expected = path(z[0], z[1], steps=4, method="density", prior=ring())
    assert vae.interpolate(a, b, steps=4, method="density") == vae.decode(expected, decoding=GREEDY)


# Conditions


@pytest.mark.parametrize(
    "ask",
    [
        lambda vae: vae.vary(ENGLISH[0]),
        lambda vae: vae.blend(ENGLISH[:2]),
        lambda vae: vae.traverse(ENGLISH[0]),
        lambda vae: vae.map(ENGLISH),
        lambda vae: vae.analogy(*ENGLISH[:3]),
        lambda vae: vae.interpolate(*ENGLISH[:2]),
        lambda vae: vae.search("contains:sea", budget=2),
        lambda vae: vae.environment("contains:sea"),
        lambda vae: vae.fit_attribute(ENGLISH, len, name="length"),
        lambda vae: vae.edit(ENGLISH[0], length=5),
        lambda vae: vae.compose(2, length=5),
        lambda vae: vae.style(ENGLISH[:6]),
        lambda vae: vae.sample(2, like=ENGLISH[:6]),
        lambda vae: vae.neighbors(ENGLISH[:1], ENGLISH),
        lambda vae: vae.fit_prior(ENGLISH * 9),
    ],
)
def test_without_z_there_is_nothing_to_move(ask):
    with pytest.raises(ConfigError, match="this is a language model without z"):
        ask(TextVAE(untrained(encoder="none", injection="none")))


def test_moves_are_under_one_condition():
    vae = TextVAE(conditional(source=False))
    one, other = ({"who": who, "length": 20} for who in ("the cat", "no one"))
    a, b, c = ENGLISH[:3]
    z = vae.encode([a, b, c], conditions=one)
    expected = vae.decode([z[2] + z[1] - z[0]], conditions=one, decoding=GREEDY)
    assert vae.analogy(a, b, c, conditions=one) == expected != vae.analogy(a, b, c, conditions=other)
    assert vae.vary(a, 2, distance=0, conditions=one) == vae.reconstruct([a], conditions=one)
    assert (
        vae.traverse(a, dimension=0, conditions=one)[0].reconstruction
        == vae.reconstruct([a], conditions=one)[0]
    )
    assert vae.blend([a, a], conditions=one) == vae.reconstruct([a], conditions=one)
    with pytest.raises(ConditionError, match="2 values of who for 1 texts"):
        vae.analogy(a, b, c, conditions={"who": ["the cat", "no one"]})


def test_under_a_conditional_prior_density_and_units_are_the_condition_s():
    vae = TextVAE(conditional(source=False, prior="conditional"))
    one = {"who": "the cat", "length": 20}
    scale = vae.codec.prior(vae.codec.conditions(one, 1)).scale[0]
    model = Conditioned(vae.codec, vae.codec.conditions(one, 1))
    [found] = directions(model, ENGLISH[0], dimension=1)
    assert float(found.step[1]) == pytest.approx(float(scale[1]))
    assert len(vae.interpolate(*ENGLISH[:2], steps=3, method="density", conditions=one)) == 3
    assert vae.vary(ENGLISH[0], 2, distance=1.0, conditions=one, seed=1)


# The command line


def record(*arguments):
    return json.loads(done(*arguments, "--json", "--quiet").stdout)


def test_analogy_and_blend_on_the_command_line(run):
    vae = TextVAE.from_pretrained(run, device="cpu")
    a, b, c = ENGLISH[:3]
    result = done("analogy", run, a, b, c)
    assert result.stdout.splitlines() == vae.analogy(a, b, c)
    assert "this model is lossy" in result.stderr
    assert "seed" not in result.stderr  # nothing was drawn
    found = record("analogy", run, a, b, c, "-n", 3, "--distance", 1, "--seed", 2, "--strength", 0.5)
    assert found["texts"] == vae.analogy(a, b, c, n=3, distance=1, strength=0.5, seed=2)
    found = record("blend", run, a, b, c, "--weights", "2,1,1")
    assert found["texts"] == vae.blend([a, b, c], weights=[2, 1, 1])
    assert "write numbers with commas, as 2,1,1" in failed("blend", run, a, b, "--weights", "2;1")
    assert "give at least 2" in failed("blend", run, a)


def test_vary_on_the_command_line(run):
    vae = TextVAE.from_pretrained(run, device="cpu")
    found = record("vary", run, ENGLISH[3], "-n", 4, "--distance", 0.9, "--seed", 5)
    assert [one["text"] for one in found["variations"]] == vae.vary(ENGLISH[3], 4, distance=0.9, seed=5)
    for one in found["variations"]:
        parts = [span["text"] for span in one["changes"] if span["kind"] != "removed"]
        assert "".join(parts) == one["text"]
    result = done("vary", run, ENGLISH[3], "-n", 4, "--distance", 1e-9, "--seed", 5)
    assert result.stdout == ""
    assert "only 0 different at this distance; try a greater --distance" in result.stderr


def test_traverse_on_the_command_line(run, tmp_path):
    vae = TextVAE.from_pretrained(run, device="cpu")
    shown = done("traverse", run, ENGLISH[3], "--dimension", 1, "--steps", 3).stdout
    [one] = vae.traverse(ENGLISH[3], dimension=1, steps=3)
    lines = shown.split("\n\n")[-1].splitlines() if "\n\n" in shown else shown.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["-3.0", "+0.0", "+3.0"]
    assert lines[-2].endswith(one.reconstruction)
    assert "\x1b" not in shown
    (tmp_path / "texts.txt").write_text("\n".join(ENGLISH), encoding="utf-8")
    found = record("traverse", run, ENGLISH[3], "--axis", 0, "--data", tmp_path / "texts.txt", "--steps", 5)
    [direction] = found["directions"]
    assert direction["axis"] == 0
    assert 0.25 <= direction["share"] <= 1
    assert len(direction["steps"]) == 5
    assert len(record("traverse", run, ENGLISH[3])["directions"]) == 3
    assert "give them (--data DATA)" in failed("traverse", run, ENGLISH[3], "--axis", 0)


def test_changed_words_are_set_off_on_a_terminal_without_colour(capsys, monkeypatch):
    from textvae.cli.screen import Screen
    from textvae.control.changes import changes

    rows = [("+1.0", changes("the food was cold", "the food was good")), ("", changes("我喜欢", "我不喜欢"))]
    Screen().marked(rows)
    assert capsys.readouterr().out == "+1.0  the food was good\n      我不喜欢\n"
    monkeypatch.setattr("textvae.cli.screen.is_watched", lambda stream: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    Screen().marked(rows)
    shown = capsys.readouterr().out
    assert "the food was \x1b[1;4mgood\x1b[0m" in shown
    assert "我\x1b[1;4m不\x1b[0m喜欢" in shown
    assert "38;" not in shown


def test_interpolating_by_density_says_when_it_is_slerp(run):
    result = done("interpolate", run, *ENGLISH[:2], "--method", "density", "--steps", 3)
    assert "this prior is as dense in all directions, and the path is that of slerp" in result.stderr
    assert result.stdout == done("interpolate", run, *ENGLISH[:2], "--steps", 3).stdout
