"""The lexicon permits every known text, however it is cut into tokens, and no unknown word."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.config import DecodingConfig
from textvae.data.known import word_list
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import BOS, EOS, FIRST_BYTE, NUM_BYTES, PAD, UNK
from textvae.decoding import Lexicon, decode
from textvae.errors import TokenizerError

TEXTS = [
    'The six-year-old boy said: "I don\'t know!"',
    "It costs $1,300 (or 3.5 times as much) in the U.S. today.",
    "Snow is white; snow's cold... isn't it? «Oui, c'est ça!»",
    'He said "hello", then (softly) "good-bye" - and left.',
    "हिन्दी भाषा में लिखा गया।",
    "naïve café, re\u0301sume\u0301 — 100% done 😀 ⁂",
    "  two  spaces\tand a tab \n",
    "tic-tac-toe 24/7 rock'n'roll O'Neill",
    "",
]


class Mixed:
    """A tokenizer for tests whose pieces run across words, spaces and punctuation, cut at random."""

    kind, normalize = "unigram", "none"

    def __init__(self, texts, seed=0):
        generator = np.random.default_rng(seed)
        joined = [" " + text for text in texts]
        cuts = {
            text[start : start + size]
            for text in joined
            for start in range(len(text))
            for size in range(1, 9)
            if generator.random() < 0.35
        }
        self.pieces = sorted(cuts)
        self.vocab_size = FIRST_BYTE + NUM_BYTES + len(self.pieces)
        self.longest_first = sorted(range(len(self.pieces)), key=lambda i: -len(self.pieces[i]))

    def piece(self, index):
        if index >= FIRST_BYTE + NUM_BYTES:
            return self.pieces[index - FIRST_BYTE - NUM_BYTES]
        return "" if index < FIRST_BYTE else None

    def encode(self, texts):
        return [np.array(list(self._cut(" " + text if text else "")), np.int32) for text in texts]

    def _cut(self, text):
        while text:
            found = [i for i in self.longest_first if text.startswith(self.pieces[i])][:1]
            if found:
                yield FIRST_BYTE + NUM_BYTES + found[0]
                text = text[len(self.pieces[found[0]]) :]
            else:
                yield from (FIRST_BYTE + byte for byte in text[0].encode("utf-8", "surrogatepass"))
                text = text[1:]

    def decode(self, rows):
        units = [
            [bytes([i - FIRST_BYTE]) if self.piece(i) is None else self.piece(i).encode() for i in row]
            for row in rows
        ]
        return [b"".join(row).decode("utf-8", "surrogatepass").removeprefix(" ") for row in units]


TOKENIZERS = {
    "unigram": Tokenizer.train(TEXTS, kind="unigram", vocab_size=400),
    "bpe": Tokenizer.train(TEXTS, kind="bpe", vocab_size=420),
    "bytes": Tokenizer.train(["e t a e t a"] * 3, kind="bpe", vocab_size=264),
    "char": Tokenizer.train(TEXTS, kind="char"),
    "mixed": Mixed(TEXTS),
}
WORDS = word_list(TEXTS)
LEXICONS = {name: Lexicon(WORDS, tokenizer) for name, tokenizer in TOKENIZERS.items()}


def core_of(chunk):
    inner = [position for position, char in enumerate(chunk) if char.isalnum()]
    return chunk[inner[0] : inner[-1] + 1] if inner else ""


def unknown_words(text, words=frozenset(WORDS)):
    cores = map(core_of, text.split())
    return [core for core in cores if core and core not in words]


def first_refusal(lexicon, tokens):
    """Return the position of the first token (or `</s>`) that the constraint forbids, or None."""
    constraint = lexicon.constraint(1)
    for position, token in enumerate([*tokens.tolist(), EOS]):
        if not constraint.mask()[0, token]:
            return position
        constraint.advance(torch.tensor([token]))
    return None


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_known_text_is_permitted_token_by_token(name):
    for text, tokens in zip(TEXTS, TOKENIZERS[name].encode(TEXTS), strict=True):
        assert first_refusal(LEXICONS[name], tokens) is None, text


WORDISH = st.text("ab'-.,3 (\"\u0301é\u00a0😀।", min_size=0, max_size=12)


@given(
    st.lists(st.one_of(WORDISH, st.text(max_size=12)), min_size=1, max_size=4),
    st.sampled_from(["real", "mixed"]),
)
@settings(max_examples=60, deadline=None)
def test_any_text_is_permitted_once_its_words_are_known(texts, kind):
    tokenizer = TOKENIZERS["unigram"] if kind == "real" else Mixed(texts)
    lexicon = Lexicon(word_list(texts), tokenizer)
    for text, tokens in zip(texts, tokenizer.encode(texts), strict=True):
        assert first_refusal(lexicon, tokens) is None, text


class RandomLogits:
    """A decoder of pure noise, with some taste for ending."""

    def __init__(self, vocab_size, seed, end_bias=0.0):
        self.vocab_size, self.end_bias = vocab_size, end_bias
        self.generator = torch.Generator().manual_seed(seed)

    def _logits(self, count):
        logits = torch.randn(count, self.vocab_size, generator=self.generator) * 3
        logits[:, EOS] += self.end_bias
        return logits

    def prefill(self, z, tokens):
        return self._logits(len(z)), z

    def step(self, tokens, state):
        return self._logits(len(tokens)), state

    def select(self, state, rows):
        return state[rows]


CONFIGS = [
    DecodingConfig(),
    DecodingConfig(temperature=0),
    DecodingConfig(no_repeat_ngram=1, min_length=5),
    DecodingConfig(temperature=0, num_beams=3),
    DecodingConfig(temperature=0, num_beams=2, no_repeat_ngram=1, min_length=9),
]


@given(
    st.sampled_from(sorted(TOKENIZERS)),
    st.sampled_from(CONFIGS),
    st.integers(0, 10**6),
    st.integers(1, 15),
    st.sampled_from([-4.0, 4.0, 8.0]),
)
@settings(max_examples=80, deadline=None)
def test_generated_texts_hold_known_words_only(name, config, seed, max_length, end_bias):
    tokenizer = TOKENIZERS[name]
    decoder = RandomLogits(tokenizer.vocab_size, seed, end_bias)
    constraint = LEXICONS[name].constraint(8)
    decoded = decode(
        decoder, torch.zeros(8, 1), config, max_length=max_length, seed=seed, constraint=constraint
    )
    for text in tokenizer.decode(decoded.tokens):
        assert not unknown_words(text), text
        assert "\ufffd" not in text  # bytes were spelt to the end
    assert decoded.log_probs.isfinite().all()


def test_texts_are_generated_at_all():
    tokenizer = TOKENIZERS["unigram"]
    decoder = RandomLogits(tokenizer.vocab_size, 0, end_bias=-20.0)
    decoded = decode(
        decoder,
        torch.zeros(64, 1),
        DecodingConfig(),
        max_length=30,
        constraint=LEXICONS["unigram"].constraint(64),
    )
    assert sum(map(len, decoded.tokens)) > 64 * 20
    assert len({word for text in tokenizer.decode(decoded.tokens) for word in text.split()}) > 60
    assert all(unknown_words(text) for text in ["The six", "1,30", "snows", "3.5x", "doesn't", "said.left"])


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_mask_is_what_trying_every_token_says(name):
    lexicon = LEXICONS[name]
    generator = np.random.default_rng(1)
    constraint = lexicon.constraint(1)
    for _ in range(40):
        mask = constraint.mask()[0]
        assert not mask[[PAD, BOS, UNK]].any()
        [node] = constraint._nodes
        tried = [lexicon._step(node, token) is not None for token in range(UNK + 1, lexicon.vocab_size)]
        assert mask[UNK + 1 :].tolist() == tried
        assert bool(mask[EOS]) == lexicon.is_complete(node)
        choices = mask.nonzero().flatten().tolist()
        constraint.advance(torch.tensor([generator.choice([token for token in choices if token != EOS])]))


def test_no_permitted_token_leads_nowhere():
    lexicon = LEXICONS["bytes"]
    generator = np.random.default_rng(2)
    constraint = lexicon.constraint(200)
    for _ in range(60):
        mask = constraint.mask()
        assert mask.any(1).all()
        mask[:, EOS] = mask.sum(1) == 1
        picks = [generator.choice(np.flatnonzero(row)) for row in mask.numpy()]
        constraint.advance(torch.tensor([pick if pick != EOS else FIRST_BYTE + 32 for pick in picks]))


def permitted_after(text, lexicon=LEXICONS["char"], tokenizer=TOKENIZERS["char"]):
    constraint = lexicon.constraint(1)
    for token in tokenizer.encode([text])[0].tolist():
        constraint.advance(torch.tensor([token]))
    mask = constraint.mask()[0]
    pieces = {tokenizer.piece(i): bool(mask[i]) for i in range(FIRST_BYTE + NUM_BYTES, tokenizer.vocab_size)}
    return lambda piece: bool(mask[EOS]) if piece is None else pieces[piece]


@pytest.mark.parametrize(
    ("text", "may", "may_not"),
    [
        ("", 'T(" -', "z"),
        ("Th", "e", "T. )"),
        ("The", ' .!)"', "eT3"),
        ("The.", ').! "', "Te"),
        ("don", "'", "t .)"),
        ("U.S", ". )", "T"),
        ("3", ".", "0 )"),
        ("1,300", " ,.)", "0"),
        ("(", 'T"( ', ""),
        ("six-year", "-", " ."),
    ],
)
def test_states_of_a_chunk(text, may, may_not):
    permitted = permitted_after(text)
    assert all(permitted(char) for char in may)
    assert not any(permitted(char) for char in may_not if char != "z")


@pytest.mark.parametrize(
    ("text", "ends"), [("", True), ("The", True), ("Th", False), ("(", True), ("The.", True), ("3.", False)]
)
def test_a_text_ends_after_whole_words_only(text, ends):
    assert permitted_after(text)(None) is ends


def test_rows_are_followed_through_selection():
    tokenizer, lexicon = TOKENIZERS["char"], LEXICONS["char"]
    constraint = lexicon.constraint(2)
    constraint.advance(torch.from_numpy(np.concatenate(tokenizer.encode(["T", "s"]))))
    mask = constraint.mask()
    constraint.select(torch.tensor([1, 0, 1, 1]))
    assert (constraint.mask() == mask[[1, 0, 1, 1]]).all()
    assert (mask[0] != mask[1]).any()


def test_unknown_words_of_a_prefix_count_as_known():
    assert permitted_after("Th3T")(None)
    assert permitted_after("Th3T")(" ")
    assert not permitted_after("Th3T")("T")
    assert permitted_after("Th3T Th")("e")


def test_cut_keeps_whole_words():
    tokenizer, lexicon = TOKENIZERS["char"], LEXICONS["char"]
    constraint = lexicon.constraint(1)
    for text, kept in (
        ("The co", "The "),
        ("The Snow", "The Snow"),
        ("1,3", ""),
        ("said: do", "said: "),
        ("", ""),
    ):
        tokens = [] if not text else tokenizer.encode([text])[0].tolist()
        assert tokenizer.decode([tokens[: constraint.cut(tokens)]]) == [kept]


def test_words_are_taken_in_the_tokenizers_own_form():
    tokenizer = Tokenizer.train(["ABC def"], kind="char", normalize="nfkc")
    lexicon = Lexicon(["ＡＢＣ", "(def)"], tokenizer)
    for tokens in tokenizer.encode(["ＡＢＣ def", "def ABC!"]):
        assert first_refusal(lexicon, tokens) is None


def test_a_word_tokenizer_is_refused():
    with pytest.raises(TokenizerError, match="a lexicon was asked for a word tokenizer"):
        Lexicon(["a"], Tokenizer.train(["a b"], kind="word"))
