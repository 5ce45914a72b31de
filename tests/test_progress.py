"""How far work is: who hears of it, and the line that shows it. The clock is a number that the tests set."""

import io
import time
from itertools import chain, repeat

import numpy as np
import pytest
from rich.cells import cell_len
from tiny import ENGLISH
from untrained import untrained

from textvae import DecodingConfig, ProgressLine, TextVAE
from textvae.config import GREEDY
from textvae.evaluation.report import evaluate
from textvae.progress import Work


class Heard:
    """Writes down what it hears: a piece of work is its name, total and what was counted."""

    def __init__(self):
        self.parts, self.over = [], 0

    def begin(self, what, total):
        self.parts.append([what, total, 0])

    def advance(self, num):
        self.parts[-1][2] += num

    def end(self):
        self.over += 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def vae():
    codec = untrained()
    codec.batch_size = 7
    return TextVAE(codec)


@pytest.fixture
def heard(vae):
    vae.progress = Heard()
    return vae.progress


def test_every_text_is_counted_once_whatever_the_method(vae, heard):
    vae.encode(ENGLISH[:20])
    vae.decode(np.zeros((9, 3)), decoding=GREEDY)
    vae.sample(15, decoding=DecodingConfig(candidates=3))
    vae.reconstruct(ENGLISH[:5])
    vae.neighbors([ENGLISH[3]], ENGLISH[:30], k=2)
    assert heard.parts == [
        ["encoding", 20, 20], ["decoding", 9, 9], ["sampling", 15, 15], ["encoding", 5, 5], ["decoding", 5, 5],
        ["encoding", 1, 1], ["encoding", 30, 30],
    ]  # fmt: skip
    assert heard.over == len(heard.parts)


def test_the_parts_of_an_evaluation(vae, heard):
    evaluate(vae.codec, ENGLISH[:10], num_samples=4, num_prior=12)
    assert [part[:2] for part in heard.parts] == [
        ["likelihoods, K = 4", 10], ["with another text's z", 10], ["reconstructing", 10], ["sampling", 12],
        ["interpolating", 45],
    ]  # fmt: skip
    assert [part[2] for part in heard.parts] == pytest.approx([10, 10, 10, 12, 45])
    vae.score(ENGLISH[:3], num_samples=2)
    assert heard.parts[-1][2] == pytest.approx(3)


def test_work_that_fails_ends_too_and_the_next_is_heard(vae, heard, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(vae.codec.model), "posterior", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vae.encode(ENGLISH[:3])
    assert (heard.parts, heard.over) == ([["encoding", 3, 0]], 1)
    vae.encode(ENGLISH[:3])
    assert heard.parts[1:] == [["encoding", 3, 3]]


def test_nobody_need_listen():
    work = Work()
    with work.part("encoding", 3):
        work.count(3)
    assert work.listener is None


def line_on(stream) -> tuple[ProgressLine, list[float]]:
    now = [0.0]
    line = ProgressLine(stream, now=lambda: now[0])
    line._watch = lambda: None  # the thread, which looks by itself
    return line, now


def test_a_line_on_a_terminal_appears_after_a_second_and_vanishes(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    line, now = line_on(terminal)
    line.begin("encoding", 50_000)
    line.advance(1000)
    now[0] = 0.9
    line.look()
    assert terminal.getvalue() == ""
    now[0] = 2.0
    line.look()
    line.look()  # too soon for another picture
    shown = "encoding  1,000/50,000 texts  500 texts/s  1:38 left"
    assert terminal.getvalue() == f"\r{shown}"
    line.end()
    assert terminal.getvalue() == f"\r{shown}\r{' ' * len(shown)}\r"


def test_a_line_that_gets_shorter_leaves_nothing_behind(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    line, now = line_on(terminal := Terminal())
    line.begin("sampling", 100)
    line.advance(0.5)
    now[0] = 1000.0
    line.look()
    line.advance(99)
    now[0] = 1001.0
    line.look()
    _, long, short = terminal.getvalue().split("\r")
    assert long.endswith("55:16:40 left")
    assert len(short) == len(long)


def test_work_too_short_to_be_seen_leaves_no_trace(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    vae = TextVAE(untrained())
    vae.progress = ProgressLine(terminal := Terminal())
    vae.encode(ENGLISH[:3])
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_plain_lines_every_ten_seconds_where_nobody_watches(term, monkeypatch):
    monkeypatch.setenv("TERM", term)
    stream = Terminal() if term == "dumb" else io.StringIO()
    line, now = line_on(stream)
    line.begin("sampling", 64)
    for now[0] in (2.0, 9.9, 10.5, 11.0, 19.0, 20.6):
        line.look()
        line.advance(1)
    line.end()
    assert stream.getvalue() == (
        "sampling  2/64 texts  0.2 texts/s  5:26 left\nsampling  5/64 texts  0.2 texts/s  4:03 left\n"
    )


def test_a_line_fits_its_terminal_and_shows_the_time_before_the_first_batch_is_done(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    line, now = line_on(terminal := Terminal())
    line.begin("likelihoods, K = 5000", 100_000_000)
    assert line.line(75) == "likelihoods, K = 5000  0/100,000,000 texts  1:15"
    line.advance(99_999_999)
    monkeypatch.setenv("COLUMNS", "80")
    assert cell_len(line.line(3600)) <= 79
    monkeypatch.setenv("COLUMNS", "20")
    now[0] = 5.0
    line.look()
    assert terminal.getvalue() == "\rlikelihoods, K = 50"


def test_more_work_than_was_foreseen_is_no_negative_time():
    line, _ = line_on(io.StringIO())
    line.begin("answering", 4)
    line.advance(40)
    line.end()
    assert line.line(10) == "answering  4/4 texts  4.0 texts/s  0:00 left"


def test_the_thread_looks_within_a_long_batch(monkeypatch):
    """The clock jumps; the thread is waited for, not the time."""
    monkeypatch.setenv("TERM", "xterm")
    now = chain([0.0], repeat(5.0))
    terminal = Terminal()
    line = ProgressLine(terminal, now=lambda: next(now))
    monkeypatch.setattr("textvae.progress.LIVE_SECONDS", 0.001)
    line.begin("sampling", 8)
    while not terminal.getvalue():
        time.sleep(0.001)
    line.end()
    assert "sampling  0/8 texts  0:05" in terminal.getvalue()
