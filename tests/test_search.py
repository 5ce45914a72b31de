"""Searches: they stay where the decoder was trained and within their budget, they go on as if never stopped, and find what random draws do not."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from conditioned import REST, SUBJECTS, conditional
from test_cli import done, failed
from tiny import ENGLISH, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.config import DecodingConfig
from textvae.control.search import strategies
from textvae.control.search.log import SearchLog
from textvae.control.search.presence import _shortfalls, presence
from textvae.control.search.region import TrustRegion
from textvae.control.search.rewards import Contains, Lacks, Length, Likely
from textvae.control.search.scoring import Scorer, Weighted, read_rewards
from textvae.control.search.search import promising_of, search
from textvae.data.store import TokenStore
from textvae.data.vocabulary import BOS, FIRST_BYTE, NUM_BYTES, PAD, UNK
from textvae.distributions import DiagonalGaussian, GaussianMixture, SphereUniform, standard_normal
from textvae.errors import ConfigError, CorruptRunError, MissingExtraError, RunExistsError, RunNotFoundError


def letters(texts):
    """A reward that any move of z may change a little."""
    return [-abs(text.count("e") + 0.1 * len(text) - 4) for text in texts]


def latent_reward(texts, z):
    """The best z is (1, 1, ...): an optimum that is known."""
    return (-(z - 1).square().sum(dim=1)).tolist()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("search") / "run")


def mixture():
    loc = torch.tensor([[8.0, 0.0], [-8.0, 0.0]])
    return GaussianMixture(torch.tensor([0.5, 0.5]), loc, torch.ones(2, 2))


# Where the decoder was trained


def test_the_region_of_a_gaussian_is_a_ball():
    region = TrustRegion(standard_normal(2, like=torch.zeros(1)))
    assert region.bound == pytest.approx(-np.log(2 * np.pi) - 9.21 / 2, abs=0.7)  # chi-square, 99 %
    outside = torch.tensor([[30.0, 40.0], [0.1, 0.2]])
    moved = region.projected(outside)
    assert bool(region.contains(moved).all())
    torch.testing.assert_close(moved[1], outside[1].double())
    lengths = moved.norm(dim=1)
    assert 2.5 < float(lengths[0]) < 4
    assert float((moved[0] / lengths[0]) @ torch.tensor([0.6, 0.8], dtype=torch.float64)) > 0.95


def test_between_two_clusters_there_is_no_region():
    region = TrustRegion(mixture())
    assert region.contains(torch.tensor([[8.0, 0.0], [0.0, 0.0], [-8.0, 1.0]])).tolist() == [
        True,
        False,
        True,
    ]
    moved = region.projected(torch.tensor([[1.5, 0.0], [-1.5, 0.5]]))
    assert bool(region.contains(moved).all())
    assert float(moved[0, 0]) > 4
    assert float(moved[1, 0]) < -4


def test_on_the_sphere_points_are_moved_to_it():
    region = TrustRegion(SphereUniform(torch.zeros(3)))
    moved = region.projected(torch.tensor([[2.0, 0.0, 0.0], [0.1, 0.1, 0.0]]))
    torch.testing.assert_close(moved.norm(dim=1), torch.ones(2, dtype=torch.float64))
    assert bool(region.contains(moved).all())


def test_a_prior_of_one_condition_bounds_a_search():
    prior = DiagonalGaussian(torch.full((1, 3), 5.0), torch.ones(1, 3))
    region = TrustRegion(prior)
    assert region.draws(range(4), seed=1).shape == (4, 3)
    assert region.contains(torch.tensor([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]])).tolist() == [True, False]


@pytest.mark.parametrize("latent_dim", [3, 64])
@pytest.mark.parametrize("strategy", ["cma", "random"])
def test_every_latent_lies_in_the_region(strategy, latent_dim):
    codec = untrained(latent_dim=latent_dim)
    log = SearchLog(None)
    found = search(
        codec, read_rewards(lambda texts, z: z.sum(dim=1).tolist()), budget=260, strategy=strategy, seed=1
    )
    region = TrustRegion(codec.prior(), seed=1)
    assert bool(region.contains(torch.from_numpy(found.best[0].z).unsqueeze(0)).all())
    asked = strategies.strategy_of(strategy, region, None, 1)
    for _ in range(8):
        z = asked.ask()
        log.add(z, [""] * len(z), [0.0] * len(z))
        asked.tell(z, z.sum(dim=1).tolist())
    assert bool(region.contains(torch.stack(log.z)).all())


# Finding


def test_a_known_optimum_is_found_and_random_draws_come_nowhere_near():
    codec = untrained(latent_dim=6)
    rewards = read_rewards(latent_reward)
    best = {
        name: search(codec, rewards, budget=700, strategy=name, seed=1).best[0] for name in ("cma", "random")
    }
    assert best["cma"].score > -0.05
    assert best["random"].score < -0.5


def test_a_start_is_where_it_begins():
    codec = untrained(latent_dim=6)
    start = torch.full((6,), 0.9, dtype=torch.float64)
    [hit] = search(codec, read_rewards(latent_reward), budget=13, start=start, seed=1).best
    assert hit.score > -1
    far = search(codec, read_rewards(latent_reward), budget=13, start=-start, seed=1).best[0]
    assert far.score < -3


@pytest.mark.parametrize("budget", [1, 37, 100, 123])
@pytest.mark.parametrize("strategy", ["cma", "random"])
def test_the_budget_is_spent_to_the_last_decode_and_no_further(budget, strategy, monkeypatch):
    codec = untrained()
    decoded = []
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda z, *a, **k: decoded.append(len(z)) or decode(z, *a, **k))
    found = search(codec, read_rewards(letters), budget=budget, strategy=strategy)
    assert found.num_decodes == sum(decoded) == budget
    assert found.met is None


def test_results_are_distinct_sorted_and_what_their_latents_decode_to():
    codec = untrained()
    found = search(codec, read_rewards(letters), budget=200, n=6, seed=4)
    scores = [hit.score for hit in found.best]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.text for hit in found.best}) == 6
    assert found.num_texts <= 200
    z = torch.from_numpy(np.stack([hit.z for hit in found.best]))
    assert codec.decode(z, DecodingConfig(temperature=0)) == [hit.text for hit in found.best]
    assert letters([hit.text for hit in found.best]) == scores


def test_a_search_is_a_function_of_its_seed():
    codec = untrained()
    found = [search(codec, read_rewards(letters), budget=150, n=3, seed=seed) for seed in (1, 1, 2)]
    texts = [[(hit.text, hit.decode) for hit in one.best] for one in found]
    assert texts[0] == texts[1] != texts[2]


def test_it_stops_when_n_texts_reach_the_target():
    codec = untrained()
    full = search(codec, read_rewards(letters), budget=400, n=3, seed=1)
    target = full.best[-1].score - 0.5
    found = search(codec, read_rewards(letters), budget=400, n=3, target=target, seed=1)
    assert found.met
    assert found.num_decodes < 400
    assert all(hit.score >= target for hit in found.best)
    assert search(codec, read_rewards(letters), budget=120, target=10.0).met is False


def test_it_begins_at_the_texts_that_score_best():
    codec = untrained(latent_dim=6)
    z = torch.randn(300, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rewards = read_rewards(latent_reward)
    promising = promising_of(codec, rewards, [""] * 300, z)
    assert latent_reward(None, promising) == sorted(latent_reward(None, z), reverse=True)
    [hit] = search(codec, rewards, budget=1, promising=promising, seed=1).best
    np.testing.assert_allclose(hit.z, promising[0])
    asked = strategies.strategy_of("cma", TrustRegion(codec.prior()), None, 1, promising=promising[:3])
    assert len(asked.ask()) == 3


def test_a_descent_that_stagnates_gives_way_to_another():
    codec = untrained(latent_dim=3)
    region = TrustRegion(codec.prior())
    asked = strategies.strategy_of("cma", region, None, 1)
    sizes = []
    for _ in range(40):
        z = asked.ask()
        sizes.append(len(z))
        asked.tell(z, [0.0] * len(z))
    assert sizes.count(strategies.NUM_STARTS) >= 2


# Going on


@pytest.mark.parametrize(
    ("strategy", "broken_at", "temperature"),
    [("cma", 30, 0), ("cma", 104, 1), ("cma", 250, 0), ("random", 150, 1)],
)
def test_a_search_goes_on_as_if_it_had_never_stopped(tmp_path, strategy, broken_at, temperature):
    codec, decoding = untrained(), DecodingConfig(temperature=temperature)
    kept = {"n": 4, "strategy": strategy, "decoding": decoding, "seed": 3}
    whole = search(codec, read_rewards(letters), budget=300, output=tmp_path / "whole", **kept)
    search(codec, read_rewards(letters), budget=broken_at, output=tmp_path / "broken", **kept)
    again = search(codec, read_rewards(letters), budget=300, output=tmp_path / "broken", resume=True, **kept)
    for one, other in zip(whole.best, again.best, strict=True):
        assert (one.text, one.score, one.decode) == (other.text, other.score, other.decode)
        np.testing.assert_array_equal(one.z, other.z)
    assert (whole.num_decodes, whole.num_texts) == (again.num_decodes, again.num_texts)


def test_what_a_failing_reward_has_scored_is_kept(tmp_path):
    codec, calls = untrained(seed=1), []

    def fails(texts):
        calls.append(len(texts))
        if len(calls) == 3:
            raise OSError("the judge is asleep")
        return letters(texts)

    kept = {"budget": 200, "seed": 1, "output": tmp_path / "s"}
    with pytest.raises(ConfigError, match="reward r failed: OSError: the judge is asleep"):
        search(codec, [Weighted("r", fails)], **kept)
    before = sum(calls[:2])
    again = search(codec, [Weighted("r", fails)], resume=True, **kept)
    assert sum(calls[:2]) == before >= strategies.NUM_STARTS - 30
    assert again.best[0].text == search(codec, [Weighted("r", letters)], budget=200, seed=1).best[0].text


def test_searches_that_cannot_go_on(tmp_path):
    codec, folder = untrained(), tmp_path / "s"
    search(codec, read_rewards(letters), budget=110, output=folder)
    with pytest.raises(RunExistsError, match="holds a search already; go on with it"):
        search(codec, read_rewards(letters), budget=110, output=folder)
    with pytest.raises(ConfigError, match=r"another seed 0, region"):
        search(codec, read_rewards(letters), budget=120, output=folder, resume=True, seed=5)
    with pytest.raises(ConfigError, match=r"another rewards \['letters'\]"):
        search(codec, read_rewards("length:3"), budget=120, output=folder, resume=True)
    with pytest.raises(ConfigError, match="another model"):
        search(untrained(seed=1), read_rewards(letters), budget=120, output=folder, resume=True)
    with pytest.raises(RunNotFoundError, match="no search to go on with in"):
        search(codec, read_rewards(letters), budget=110, output=tmp_path / "none", resume=True)
    with pytest.raises(RunNotFoundError, match="only from a folder"):
        search(codec, read_rewards(letters), budget=110, resume=True)
    answering, asked = conditional(source=True, labels=False), tmp_path / "asked"
    given = [answering.conditions({"source": [text]}, 1) for text in ("tea", "music")]
    for source in given:
        with pytest.raises(ConfigError, match="another conditions") if asked.exists() else nullcontext():
            search(
                answering,
                read_rewards(letters),
                budget=110,
                output=asked,
                conditions=source,
                resume=asked.exists(),
            )
    part = folder / "decodes-00000000.safetensors"
    part.write_bytes(part.read_bytes()[:-4])
    with pytest.raises(CorruptRunError, match="is damaged"):
        search(codec, read_rewards(letters), budget=120, output=folder, resume=True)
    (folder / "search.json").write_text("{}")
    with pytest.raises(CorruptRunError, match=r"search\.json is damaged"):
        search(codec, read_rewards(letters), budget=120, output=folder, resume=True)


def test_any_text_can_be_kept(tmp_path):
    log = SearchLog.open(tmp_path, {"seed": 0}, resume=False)
    log.add(torch.zeros(2, 3, dtype=torch.float64), ["\ud800\n\x00", ""], [0.1, -1e300])
    again = SearchLog.open(tmp_path, {"seed": 0}, resume=True)
    assert (again.texts, again.scores) == (log.texts, log.scores)


def test_nothing_is_a_pickle(tmp_path):
    search(untrained(), read_rewards(letters), budget=110, output=tmp_path / "s")
    assert {path.suffix for path in (tmp_path / "s").iterdir()} == {".json", ".safetensors"}


# Rewards


def test_ready_rewards_are_0_where_they_are_met_and_below_elsewhere():
    texts = ["Coffee, and tea.", "a teapot", "我喜欢咖啡", ""]
    assert Contains.read("coffee")(texts) == [0, -1, -1, -1]
    assert Contains.read("coffee, tea")(texts) == [0, -1, -1, -1]
    assert Contains.read("咖啡，大海")(texts) == [-1, -1, -0.5, -1]
    assert Lacks.read("tea")(texts) == [-1, 0, 0, 0]
    assert Length.read("2-3")(texts) == [0, 0, -1, -1]
    assert Length.read("4")(texts) == [-0.25, -0.5, -0.25, -1]


def test_latin_words_are_found_beside_chinese_letters():
    texts = ["我们去KFC吃饭", "我们去KFCs吃饭"]
    assert Contains(("KFC",))(texts) == [0, -1]
    assert Lacks(("KFC",))(texts) == [-1, 0]


def test_rewards_are_weighted_and_added_up():
    codec = untrained()
    rewards = read_rewards(["contains:sea", "2*length:3", letters, "0.5*tests_reward_lengths:no"][:3])
    assert [(one.name, one.weight) for one in rewards] == [
        ("contains:sea", 1),
        ("2*length:3", 2),
        ("letters", 1),
    ]
    score = Scorer(codec, rewards)(["the blue sea by night"], torch.zeros(1, 3))
    assert score == [pytest.approx(0 - 2 * 2 / 3 + letters(["the blue sea by night"])[0])]


def test_a_text_is_scored_once_unless_its_latent_counts():
    asked, with_z = [], []

    def plain(texts):
        asked.extend(texts)
        return [float(len(text)) for text in texts]

    def latent(texts, z):
        with_z.extend(texts)
        return z[:, 0].tolist()

    scorer = Scorer(untrained(), read_rewards([plain, latent]))
    z = torch.arange(6.0).view(3, 2)
    assert scorer(["a", "bb", "a"], z) == [1 + 0, 2 + 2, 1 + 4]
    assert scorer(["bb"], z[:1]) == [2]
    assert asked == ["a", "bb"]
    assert with_z == ["a", "bb", "a", "bb"]


def test_scores_may_be_arrays_or_tensors():
    for numbers in (np.array([1, 2]), torch.tensor([1.0, 2.0]), (np.float32(1), True)):
        scorer = Scorer(untrained(), [Weighted("r", lambda texts, numbers=numbers: numbers)])
        assert len(scorer(["a", "b"], torch.zeros(2, 3))) == 2


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([1.0], "reward r returned 1 scores for 2 texts"),
        ([1.0, float("nan")], "reward r returned nan for the text 'b'; a finite number is needed"),
        ([float("inf"), 1.0], "reward r returned inf for the text 'a'"),
        (["high", 1.0], "reward r returned 'high' for the text 'a'"),
        (3.0, "reward r failed: TypeError"),
        (None, "reward r failed: TypeError"),
    ],
)
def test_what_a_reward_may_not_return(returned, message):
    scorer = Scorer(untrained(), [Weighted("r", lambda texts: returned)])
    with pytest.raises(ConfigError, match=message):
        scorer(["a", "b"], torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ("contains:", "names no word"),
        ("likely: ", "names no word"),
        ("length:many", "cannot be read; write length:12 or length:10-14"),
        ("length:14-10", "cannot be read"),
        ("length:0", "cannot be read"),
        ("lenght:3", "ready rewards are contains:…, lacks:…, length:…, likely:…"),
        ("nothing", "--reward 'nothing' cannot be read; write module:function"),
        (7, "a reward is 7; give a function of a list of texts, or a name"),
        ([], "a search needs a reward"),
    ],
)
def test_rewards_that_cannot_be_read(reward, message):
    with pytest.raises(ConfigError, match=message):
        search(untrained(), read_rewards(reward), budget=10)


def test_a_reward_is_never_executed_from_the_models_folder(run, monkeypatch):
    (run / "reward_in_run.py").write_text("raise SystemExit('executed')\n")
    monkeypatch.chdir(run)
    with pytest.raises(ConfigError, match="lies in the model's folder, from which nothing is executed"):
        TextVAE.from_pretrained(run, device="cpu").search("reward_in_run:f", budget=10)


@pytest.mark.parametrize("word", ["sea", "sea music"])
def test_presence_is_how_much_less_likely_the_word_was_than_the_likeliest_at_its_best_place(word):
    codec = untrained(kind="word")
    codec.model.requires_grad_(False)
    text, z = codec.tokenizer.encode(["the cat sees the"])[0].tolist(), torch.randn(1, 3, dtype=torch.float64)
    spelt = codec.tokenizer.encode([word])[0].tolist()

    def short(before, token):
        logits = codec.model.decoder.prefill(z, torch.tensor([[BOS, *before]]))[0][0]
        return float(logits[token] - logits.max())

    best = max(range(5), key=lambda place: short(text[:place], spelt[0]))
    wanted = sum(short([*text[:best], *spelt[:i]], token) for i, token in enumerate(spelt))
    assert presence(codec, ["the cat sees the"], word, z)[0] == pytest.approx(wanted)


def test_a_word_that_a_greedy_decoder_says_is_not_short_of_anything():
    codec = untrained(kind="word")
    z = torch.randn(6, 3, dtype=torch.float64)
    for row, text in enumerate(codec.decode(z, DecodingConfig(temperature=0))):
        for word in text.split()[:3]:
            assert presence(codec, [text], word, z[row : row + 1])[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_a_word_is_looked_for_between_words(kind, monkeypatch):
    """Letters of their own or with the space before them: never glued to the word before."""
    tried, rows = [], TokenStore.from_rows
    monkeypatch.setattr(
        TokenStore,
        "from_rows",
        lambda found, *more, **named: tried.append(found) or rows(found, *more, **named),
    )
    codec = untrained(kind=kind, max_length=60)
    for seed in range(4):
        z = torch.randn(1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        presence(codec, ["the cat sees tea."], "dog", z)
        [text] = codec.tokenizer.decode(tried[-1])
        assert text in {"dog", "the dog", "the cat dog", "the cat sees dog", "the cat sees tea. dog"}


def test_where_a_word_does_not_fit_any_more_it_is_not_looked_for():
    codec = untrained(kind="word", max_length=4)
    z = torch.randn(1, 3, dtype=torch.float64)
    assert np.isfinite(presence(codec, ["the cat sees the"], "sea.", z)).all()
    assert presence(codec, ["the"], "one two three four five", z) == [-np.inf]
    assert Likely("one two three four five")(["the"], z=z, codec=codec) == [-1]


def under_conditions(**options):
    """A model whose conditions matter, two of them, and latents."""
    codec = conditional(**options)
    codec.model.requires_grad_(False)
    bias = codec.model.decoder.output.linear.bias
    bias[[PAD, BOS, UNK]] -= 99  # which no decode has
    bias[FIRST_BYTE : FIRST_BYTE + NUM_BYTES] -= 99  # which are held back where they make no character
    values = [
        {name: value for name, value in {"who": who, "source": source}.items() if name in codec.schema.names}
        for who, source in ((SUBJECTS[0], REST[0]), (SUBJECTS[-1], REST[-1]))
    ]
    return codec, [codec.conditions(one, 1) for one in values], codec.prior_sample(3, seed=1)


@pytest.mark.parametrize(
    "options", [{"source": False}, {"labels": False}, {"source": True}, {"source": True, "copy": True}]
)
def test_under_its_condition_a_greedy_decode_is_short_of_nothing(options):
    codec, conditions, z = under_conditions(**options)
    told = DecodingConfig(temperature=0, known_words=False, guidance=1.0)
    free = 0.0
    for condition in conditions:
        given = condition.rows(np.zeros(3, np.int64))
        rows = [np.array(row, np.int32) for row in codec.decode_rows(z, told, conditions=given)]
        own = _shortfalls(codec, TokenStore.from_rows(rows, conditions=given), z)
        assert sum(len(row) for row in rows) > 3
        assert max(float(-short[:-1].sum()) for short in own) == pytest.approx(0, abs=1e-9)
        free += sum(float(-short[:-1].sum()) for short in _shortfalls(codec, TokenStore.from_rows(rows), z))
    assert free > 1  # under none it would be: the conditions matter


def test_likely_asks_under_the_condition_of_the_search():
    codec, conditions, z = under_conditions(source=False)
    texts = ["the sea", "by the night", "blue"]
    found = []
    for condition in [*conditions, None]:
        given = condition and condition.rows(np.zeros(3, np.int64))
        expected = -1 + 1 / (1 - presence(codec, texts, "moon", z, given))
        assert Scorer(codec, read_rewards("likely:moon"), condition)(texts, z) == pytest.approx(expected)
        found.append(expected.tolist())
    assert found[0] != found[1] != found[2]


def test_a_search_and_an_environment_score_under_their_condition():
    codec, [condition, _], _ = under_conditions(source=False)
    vae, reward, scored = TextVAE(codec), "likely:moon", {}
    for hit in search(
        codec, read_rewards(reward), budget=12, n=4, strategy="random", conditions=condition
    ).best:
        scored[hit.text] = (torch.from_numpy(hit.z).unsqueeze(0), hit.score)
    environment = vae.environment(reward, conditions={"who": SUBJECTS[0]})
    seen, info = environment.reset(seed=0)
    scored[info["text"]] = (torch.from_numpy(seen).double().unsqueeze(0), info["score"])
    for text, (z, score) in scored.items():
        expected = Likely("moon")([text], z=z, codec=codec, conditions=condition)
        assert [score] == pytest.approx(expected, abs=1e-5)
        assert expected != pytest.approx(Likely("moon")([text], z=z, codec=codec), abs=1e-4)


def test_likely_slopes_towards_a_word_that_is_missing():
    codec = untrained(words=True)
    texts = codec.decode(codec.prior_sample(30, seed=1), DecodingConfig(temperature=0))
    scores = Likely("sea")(texts, z=codec.prior_sample(30, seed=1), codec=codec)
    contains = Contains(("sea",))(texts)
    assert all((score == 0) == (has == 0) for score, has in zip(scores, contains, strict=True))
    assert all(-1 < score <= 0 for score in scores)
    assert len(set(scores)) > 10


def test_without_cma_it_is_said(monkeypatch):
    monkeypatch.setattr(strategies, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"this needs cma, which is not installed: pip install 'textvae\[control\]'"
    ):
        search(untrained(), read_rewards(letters), budget=10)


# The object and the command line


def test_a_search_among_the_latents_of_texts(run):
    vae = TextVAE.from_pretrained(run, device="cpu")
    drawn = DecodingConfig(temperature=1)
    found = vae.search(letters, budget=120, n=2, within=ENGLISH, start=ENGLISH[0], decoding=drawn, seed=1)
    assert len(found.best) == 2


def test_on_the_command_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_like.py").write_text(
        "def ends(texts):\n    return [text.endswith('.') for text in texts]\n"
    )
    verb = (
        "search",
        run,
        "--reward",
        "mine_to_like:ends",
        "--reward",
        "2*contains:sea",
        "--temperature",
        1,
        "--budget",
        130,
    )
    said = done(*verb, "-n", 2, "--seed", 1, "--output", "kept", "--json").stdout
    found = json.loads(said)
    assert found["decodes"] == 130
    assert len(found["best"]) == 2
    assert len(found["best"][0]["z"]) == 4
    assert "holds a search already" in failed(*verb, "--seed", 1, "--output", "kept")
    plain = done(*verb[:-1], 140, "-n", 2, "--output", "kept", "--resume")
    assert len(plain.stdout.splitlines()) == 2
    assert "140 decodes" in plain.stderr
    met = done(
        "search", run, "--reward", "length:1-9", "--target", 0, "--temperature", 1, "-n", 1, "--seed", 2
    )
    assert "the target is met" in met.stderr
    assert "no search to go on with" in failed(*verb, "--output", "none", "--resume")
