"""Blind human evaluation: sheets that tell nothing, answers read as they come, statistics against worked examples."""

import csv
import io
import json
import random
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CHINESE, ENGLISH

from textvae.errors import ConfigError, DataError, RunExistsError
from textvae.evaluation.human.alpha import LEVELS, alpha
from textvae.evaluation.human.criteria import criteria, criterion
from textvae.evaluation.human.key import Key
from textvae.evaluation.human.outcome import tally
from textvae.evaluation.human.page import page
from textvae.evaluation.human.reading import read_filled
from textvae.evaluation.human.sheets import FORMULA_STARTS, csv_sheet, guarded, unguarded
from textvae.evaluation.human.significance import holm, shuffle_test, sign_flip_test, sign_test
from textvae.evaluation.human.study import make_study
from textvae.evaluation.human.writing import write_study

NAN = float("nan")
FORMULAS = "=+-@\t\n\r＝'x"
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]
"""Example C of "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units."""
NASTY = [
    "=cmd|' /C calc'!A0",
    "</script><script>alert(1)</script>",
    'a "quote", comma',
    "two\nlines",
    "",
    "- 你好；\t再见",
]
LATER, EARLIER = "zulu-system", "alpha-system"


def systems(num=12):
    return {EARLIER: ENGLISH[:num], LATER: (NASTY + ENGLISH[40:])[:num]}


def study(**options):
    return make_study(systems(options.pop("num", 12)), **options)


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def filled(study, number, answer, *, rater="", keep=lambda place: True):
    """Return a filled sheet: `answer(criterion, place)` gives each cell."""
    rows = rows_of(csv_sheet(study.sheets[number - 1], study.criteria))
    for row in rows:
        place = study.key.places[row["item"]]
        row |= {name: answer(name, place) for name in study.key.criteria if keep(place)} | {"rater": rater}
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def written(folder, **sheets):
    for name, content in sheets.items():
        (folder / f"{name}.csv").write_bytes(
            content.encode("utf-8-sig") if isinstance(content, str) else content
        )
    return [folder / f"{name}.csv" for name in sheets]


class Outline(HTMLParser):
    """What is in a page: open tags, attributes, and whether every tag is closed."""

    VOID = ("meta", "input", "br", "link", "img")

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.texts, self.faults = [], Counter(), [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self.open.append(tag)
        if ("class", "text") in attrs:
            self.texts.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if self.texts and self.open[-1:] == ["div"]:
            self.texts[-1] += data


def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    return parser


# --- agreement and tests


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_krippendorffs_own_example(level, expected):
    found = alpha(np.array(KRIPPENDORFF), level)
    assert found.value == pytest.approx(expected, abs=5e-4)
    assert found.num_units == 11
    assert found.interval[0] < found.value < found.interval[1] <= 1


def test_alpha_of_two_observers_without_gaps():
    """Example A of the same paper (two observers, binary data): .095; on two values all levels are one."""
    ratings = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], dtype=float)
    for level in LEVELS:
        assert alpha(ratings, level).value == pytest.approx(0.095, abs=5e-4)


def test_alpha_at_its_ends():
    same = np.array([[1, 2, 3, 4.0]] * 3)
    assert [alpha(same, level).value for level in LEVELS] == [1, 1, 1]
    chance = np.random.default_rng(0).integers(1, 6, size=(3, 4000)).astype(float)
    assert all(abs(alpha(chance, level).value) < 0.04 for level in LEVELS)
    assert alpha(np.array([[1, 2.0], [2, 1.0]]), "interval").value < 0
    assert alpha(np.full((2, 3), 4.0), "ordinal").value is None  # no variation, no agreement to speak of
    assert alpha(np.array([[1, 2, NAN], [NAN, NAN, 3]]), "nominal").num_units == 0


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_alpha_knows_neither_the_order_of_raters_nor_of_units(rng):
    ratings = np.array(KRIPPENDORFF)
    rows, columns = rng.sample(range(4), 4), rng.sample(range(12), 12)
    for level in LEVELS:
        assert alpha(ratings[rows][:, columns], level).value == pytest.approx(alpha(ratings, level).value)
    assert alpha(ratings * 3 + 1, "ordinal").value == pytest.approx(alpha(ratings, "ordinal").value)


def test_sign_test_is_the_binomial_distribution():
    assert sign_test(0, 0) == sign_test(5, 5) == 1
    assert sign_test(9, 1) == pytest.approx(22 / 1024)
    assert sign_test(1, 9) == sign_test(9, 1)
    assert 0 < sign_test(1200, 900) < 1e-9  # beyond what floats could add up


def test_randomisation_tests_near_exact_enumeration():
    differences = np.array([1, 2, -1, 3, 2, 1, 0.5, 2])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1).T
    exact = (np.abs(signs @ differences) >= differences.sum() - 1e-9).mean()
    assert sign_flip_test(differences) == pytest.approx(exact, abs=0.01)
    first, second = np.array([[1, 1], [2, 1], [2, 1.0]]), np.array([[3, 1], [4, 1], [5, 1.0]])
    assert shuffle_test(first, second) == pytest.approx(
        2 / 20, abs=0.01
    )  # 2 of 20 ways to halve six are as far
    assert shuffle_test(first, first) == 1


def test_holm_never_lowers_a_p_and_keeps_their_order():
    assert holm([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


# --- sheets


def test_sheets_name_no_system_and_hold_every_text():
    made = study(mode="compare", raters=2, repeats=3, seed=4)
    for number, sheet in enumerate(made.sheets, 1):
        content = csv_sheet(sheet, made.criteria)
        for text in (content.decode("utf-8-sig"), page(made, number)):
            assert EARLIER not in text
            assert LATER not in text
        rows = rows_of(content)
        shown = Counter(unguarded(row["text_a"]) for row in rows) + Counter(
            unguarded(row["text_b"]) for row in rows
        )
        assert set(shown) == {text for texts in systems().values() for text in texts}
        assert len(rows) == 12 + 3


def test_nothing_but_the_key_depends_on_names():
    texts = systems()
    other = make_study(dict(zip(("one", "two"), texts.values(), strict=True)), mode="compare", seed=4)
    ours = study(mode="compare", seed=4)
    assert [[one.texts for one in sheet] for sheet in ours.sheets] == [
        [one.texts for one in sheet] for sheet in other.sheets
    ]


def test_order_and_sides_are_random_balanced_and_seeded():
    made = study(num=40, mode="compare", raters=2, seed=1)
    assert made.sheets == study(num=40, mode="compare", raters=2, seed=1).sheets
    assert made.sheets != study(num=40, mode="compare", raters=2, seed=2).sheets
    first, second = ([made.key.places[one.item] for one in sheet] for sheet in made.sheets)
    half = [one.number for one in first][:20]
    assert half != sorted(half)
    assert [one.number for one in first] != [one.number for one in second]
    for places in (first, second):
        assert Counter(one.systems[0] for one in places) == {EARLIER: 20, LATER: 20}
        runs = sum(a.systems != b.systems for a, b in pairwise(places))
        assert 8 < runs < 32  # neither in blocks nor alternating


def test_systems_are_mixed_throughout_a_sheet_to_rate():
    made = study(num=40, seed=1)
    systems_shown = [made.key.places[one.item].systems for one in made.sheets[0]]
    assert 10 < systems_shown[:40].count((EARLIER,)) < 30
    assert 20 < sum(a != b for a, b in pairwise(systems_shown)) < 60


def test_repeats_come_later_with_sides_changed():
    made = study(mode="compare", repeats=6, seed=2)
    places = [made.key.places[one.item] for one in made.sheets[0]]
    where = {one.number: row for row, one in enumerate(places) if not one.is_repeat}
    repeats = [(row, one) for row, one in enumerate(places) if one.is_repeat]
    assert len(repeats) == len({one.number for _, one in repeats}) == 6
    for row, one in repeats:
        assert where[one.number] < row
        assert places[where[one.number]].systems == one.systems[::-1]


def test_three_systems_are_compared_two_by_two():
    made = make_study({"a": CHINESE[:5], "b": CHINESE[5:10], "c": CHINESE[10:15]}, mode="compare")
    teams = Counter(tuple(sorted(place.systems)) for place in made.key.places.values())
    assert teams == {("a", "b"): 5, ("a", "c"): 5, ("b", "c"): 5}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "rank"}, "mode is 'rank'"),
        ({"language": "de"}, "language is 'de'"),
        ({"raters": 0}, "raters"),
        ({"repeats": 13}, "repeats"),
        ({"questions": ["adequacy"]}, "adequacy is judged against a source text"),
        ({"questions": ["fluency", "fluency"]}, "given twice"),
        ({"questions": ["text"]}, "cannot name a criterion"),
        ({"questions": ["=1+1"]}, "cannot name a criterion"),
        ({"questions": ["Flency"]}, "did you mean fluency"),
    ],
)
def test_studies_that_cannot_be(options, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        study(**options)


def test_systems_of_different_sizes():
    with pytest.raises(DataError, match="different numbers of texts \\(a 2, b 1\\)"):
        make_study({"a": ["x", "y"], "b": ["z"]})
    with pytest.raises(DataError, match="no texts to judge"):
        make_study({"a": []})
    with pytest.raises(ConfigError, match="1 system to compare"):
        make_study({"a": ["x"]}, mode="compare")


def test_criteria_unless_told_otherwise():
    assert [one.name for one in criteria((), in_context=False)] == ["fluency", "naturalness", "creativity"]
    assert [one.name for one in criteria((), in_context=True)] == ["fluency", "adequacy", "naturalness"]
    own = criterion("意境=有意境吗？")
    assert (own.name, own.label["zh"], own.question["zh"]) == ("意境", "意境", "有意境吗？")
    assert criterion("fluency=Smooth?").question["en"] == "Smooth?"


# --- CSV


def test_cells_are_no_formulas_and_open_as_utf8():
    made = study(contexts=(NASTY + ENGLISH)[:12])
    content = csv_sheet(made.sheets[0], made.criteria)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = rows_of(content)
    assert not any(cell.startswith(FORMULA_STARTS) for row in rows for cell in row.values())
    shown = {one.item: one for one in made.sheets[0]}
    assert all(unguarded(row["text"]) == shown[row["item"]].texts[0] for row in rows)
    assert all(unguarded(row["context"]) == shown[row["item"]].context for row in rows)


@settings(max_examples=50)
@given(st.text(FORMULAS, max_size=5) | st.text(max_size=20))
def test_guarding_is_undone(text):
    assert unguarded(guarded(text)) == text.replace("\r\n", "\n").replace("\r", "\n")
    assert not guarded(text).startswith(FORMULA_STARTS)


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (",", "gb18030")]
)
def test_what_spreadsheets_make_of_a_sheet_is_read(tmp_path, delimiter, encoding):
    made = make_study({"a": CHINESE[:20], "b": CHINESE[20:40]}, language="zh", questions=["fluency", "意境"])
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["rater", " fluency ", "意境", "comment", "item", "text"])
    marks = {"5": 5, "4.0": 4, "3,0": 3, " 2 ": 2, "１": 1}
    for one, mark in zip(made.sheets[0], marks, strict=False):
        writer.writerow(["李雷", mark, "", "很好；\n不错", one.item, one.texts[0]])
    writer.writerow([""] * 6)
    (tmp_path / "x.csv").write_bytes(stream.getvalue().encode(encoding))
    found = read_filled(made.key, [tmp_path / "x.csv"])
    assert [one.values for one in found.answers] == [{"fluency": mark} for mark in marks.values()]
    assert {one.rater for one in found.answers} == {"李雷"}
    assert {one.comment for one in found.answers} == {"很好；\n不错"}


def test_preferences_as_people_write_them(tmp_path):
    made = study(mode="compare", questions=["fluency"])
    cells = ["a", "B", "tie", "Ｂ", "=", "平局", " Tie "]
    content = filled(made, 1, lambda name, place: "")
    rows = rows_of(content.encode("utf-8-sig"))
    lines = ["item,fluency", *(f"{row['item']},{cell}" for row, cell in zip(rows, cells, strict=False))]
    found = read_filled(made.key, written(tmp_path, anna="\n".join(lines)))
    assert [one.values["fluency"] for one in found.answers] == [-1, 1, 0, 1, 0, 0, 0]


def test_the_round_trip_of_a_study(tmp_path):
    made = study(raters=2, language="zh")
    folder = write_study(made, tmp_path / "s")
    assert sorted(path.name for path in folder.iterdir()) == [
        "instructions.txt", "rater-1.csv", "rater-1.html", "rater-2.csv", "rater-2.html",
    ]  # fmt: skip
    assert Key.read(tmp_path / "s") == made.key == Key.read(tmp_path / "s" / "key.json")
    assert "流畅度" in (folder / "instructions.txt").read_text("utf-8-sig")
    with pytest.raises(RunExistsError, match="holds a study already"):
        write_study(made, tmp_path / "s")
    with pytest.raises(DataError, match="no answer in any of the sheets"):
        tally(tmp_path / "s", [folder])


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"format": 2}'])
def test_what_is_no_key(tmp_path, content):
    (tmp_path / "key.json").write_text(content)
    with pytest.raises(DataError, match=r"key\.json is no key of a study"):
        Key.read(tmp_path)
    with pytest.raises(DataError, match="no key at"):
        Key.read(tmp_path / "other")


# --- pages


@pytest.mark.parametrize("mode", ["rate", "compare"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_whole_ask_nobody_and_show_texts_as_they_are(mode, language):
    made = study(mode=mode, language=language, contexts=CHINESE[:12])
    html = page(made, 1)
    found = outline(html)
    assert not found.faults
    assert not found.open
    assert found.tags["article"] == len(made.sheets[0])
    assert found.tags["script"] == 2
    assert found.tags["input"] == 1 + len(made.sheets[0]) * 3 * (5 if mode == "rate" else 3)
    loading = {"src", "href", "srcset", "action", "data", "poster", "style"}
    assert not [one for one in found.attributes if one[1] in loading]
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttp|eval\(", html)
    shown = [text for one in made.sheets[0] for text in (one.context, *one.texts)]
    empty = {"en": "(empty)", "zh": "（空）"}[language]
    assert [text for text in found.texts if text] == [text for text in shown if text]
    assert html.count(empty) == shown.count("")
    assert html.startswith(f'<!DOCTYPE html>\n<html lang="{ {"en": "en", "zh": "zh-CN"}[language] }">')


def test_ids_are_unique_and_radios_belong_to_one_question():
    html = page(study(contexts=ENGLISH[:12]), 1)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    groups = Counter(re.findall(r'type="radio" name="([^"]+)"', html))
    assert set(groups.values()) == {5}
    assert len(groups) == 24 * 3


def test_a_criterion_cannot_break_out_of_the_page():
    html = page(study(questions=["a</script><b>=<i>?"]), 1)
    assert not outline(html).faults
    assert "<i>" not in html
    assert html.count("</script>") == 2


NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node, to run the page's script")
def test_what_the_page_saves_is_read_back(tmp_path):
    script = tmp_path / "sheet.cjs"
    script.write_bytes(files("textvae.evaluation.human").joinpath("sheet.js").read_bytes())
    made = study(questions=["fluency", "意境"])
    items = [one.item for one in made.sheets[0]]
    state = {
        "rater": '=李 "L", x',
        "answers": {items[0]: {"fluency": "4", "意境": "5"}, items[2]: {"fluency": "1"}},
        "comments": {items[2]: '@home, "why"\nnot', items[3]: "just words"},
    }
    code = (
        f"process.stdout.write(require({json.dumps(str(script))}).csv("
        f"{json.dumps(items)}, {json.dumps(made.key.criteria)}, {json.dumps(state)}))"
    )
    done = subprocess.run([NODE, "-e", code], check=True, capture_output=True)
    found = read_filled(made.key, written(tmp_path, saved=done.stdout))
    assert not found.problems
    assert [(one.item, one.values, one.comment) for one in found.answers] == [
        (items[0], {"fluency": 4, "意境": 5}, ""),
        (items[2], {"fluency": 1}, '@home, "why"\nnot'),
        (items[3], {}, "just words"),
    ]
    assert {one.rater for one in found.answers} == {'=李 "L", x'}


# --- tally


def test_means_and_paired_differences_by_hand(tmp_path):
    made = study(num=4, contexts=CHINESE[:4], raters=2, questions=["fluency"])
    marks = {EARLIER: [1, 2, 3, 4], LATER: [2, 4, 3, 5]}

    def strict(name, place):
        return marks[place.systems[0]][place.number]

    def lenient(name, place):
        return min(5, strict(name, place) + 1)

    found = tally(made.key, written(tmp_path, anna=filled(made, 1, strict), ben=filled(made, 2, lenient)))
    assert [(one.system, one.value, one.num_ratings) for one in found.means] == [
        (EARLIER, 3.0, 8), (LATER, pytest.approx((14 + 17) / 8), 8),
    ]  # fmt: skip
    [contrast] = found.contrasts
    assert contrast.value == pytest.approx((1 + 2 + 0 + 1 + 1 + 2 + 0 + 0) / 8)
    assert (contrast.wins, contrast.ties, contrast.losses) == (3, 1, 0)
    assert contrast.interval[0] <= contrast.value <= contrast.interval[1]
    assert [(one.name, one.answered, one.asked) for one in found.raters] == [("anna", 8, 8), ("ben", 8, 8)]


@pytest.mark.parametrize("seen", [EARLIER, LATER])
def test_a_rater_who_saw_but_one_of_a_pair_moves_no_difference(tmp_path, seen):
    made = study(num=4, contexts=CHINESE[:4], raters=2, questions=["fluency"])
    sheets = written(
        tmp_path,
        anna=filled(made, 1, lambda name, place: 4 if place.systems == (LATER,) else 3),
        ben=filled(made, 2, lambda name, place: 1, keep=lambda place: place.systems == (seen,)),
    )
    [contrast] = tally(made.key, sheets).contrasts
    assert (contrast.value, contrast.num_answers) == (1.0, 4)


def test_random_texts_are_no_pairs(tmp_path):
    made = study(num=10, questions=["fluency"])
    rng = random.Random(0)
    content = filled(
        made, 1, lambda name, place: rng.choice([1, 2]) + (3 if place.systems == (LATER,) else 0)
    )
    [contrast] = tally(made.key, written(tmp_path, anna=content)).contrasts
    assert (contrast.wins, contrast.ties, contrast.losses) == (None, None, None)
    assert contrast.value > 2
    assert contrast.p < 0.001


@pytest.mark.parametrize("swap", [False, True])
def test_preferences_do_not_depend_on_sides(tmp_path, swap):
    """Raters who always know the later system win for it, wherever it stands; who always say A win for nobody."""
    made = study(num=12, mode="compare", raters=3, repeats=4, questions=["fluency", "creativity"])

    def knows(name, place):
        wanted = EARLIER if swap else LATER
        return "tie" if place.number < 2 else "AB"[place.systems.index(wanted)]

    sheets = written(
        tmp_path, a=filled(made, 1, knows), b=filled(made, 2, knows), c=filled(made, 3, lambda *_: "A")
    )
    found = tally(made.key, sheets)
    for one in found.contrasts:
        assert one.num_answers == 36
        assert (one.wins, one.losses) == ((0, 10) if swap else (10, 0)) or one.ties < 2
        assert one.wins + one.ties + one.losses == 12
        assert sum(one.shares) == pytest.approx(1)
        assert one.value == pytest.approx(one.shares[2] + one.shares[1] / 2)
        assert one.p_holm >= one.p
    one = found.contrasts[0]
    assert one.value == pytest.approx(
        ((0 if swap else 20) + 2 + 6) / 36
    )  # the third rater's sides are balanced
    knowing, _, blind = found.raters
    assert (knowing.repeats, knowing.same, knowing.gap) == (8, 8, 0)
    assert blind.left == 1
    assert blind.same == 0  # sides of repeats are changed
    assert blind.gap == 2


def test_repeats_count_for_consistency_alone(tmp_path):
    made = study(num=6, repeats=3, questions=["fluency"])
    content = filled(made, 1, lambda name, place: 5 if place.is_repeat else 3)
    found = tally(made.key, written(tmp_path, anna=content))
    assert {one.value for one in found.means} == {3.0}
    assert (found.raters[0].repeats, found.raters[0].same, found.raters[0].gap) == (3, 0, 2.0)


def test_agreement_is_alpha_of_the_raters_matrix(tmp_path):
    made = make_study({"only": ENGLISH[:12]}, raters=4, questions=["fluency"])
    marks = np.nan_to_num(np.array(KRIPPENDORFF)).astype(int)
    sheets = written(
        tmp_path,
        **{
            f"r{row + 1}": filled(made, row + 1, lambda name, place, row=row: marks[row, place.number] or "")
            for row in range(4)
        },
    )
    found = tally(made.key, sheets)
    assert [round(found.agreement["fluency"][level].value, 3) for level in LEVELS] == [0.743, 0.815, 0.849]
    assert not found.contrasts
    assert sum(one.asked - one.answered for one in found.raters) == 48 - 41


def test_what_cannot_be_taken_is_told_and_nothing_else_is_lost(tmp_path):
    made = study(num=4, questions=["fluency"])
    rows = rows_of(filled(made, 1, lambda name, place: 3).encode("utf-8-sig"))
    cells = [(row["item"], "3") for row in rows]
    cells[0], cells[1], cells[2] = (cells[0][0], "7"), (cells[1][0], "good"), (f"{made.key.study}-9-001", "3")
    text = "item,fluency\n" + "\n".join(",".join(pair) for pair in cells)
    found = tally(made.key, written(tmp_path, anna=text))
    told = [str(one) for one in found.problems]
    assert told[0] == f"anna.csv: items that the study does not have, left out: 1 ({made.key.study}-9-001)"
    assert told[1].startswith("anna.csv: values that are not 1 to 5, taken as unanswered: 2 (")
    assert "'7'" in told[1]
    assert "'good'" in told[1]
    assert (found.raters[0].answered, found.raters[0].asked) == (5, 8)
    assert json.loads(json.dumps(found.to_json()))["problems"][0]["file"] == "anna.csv"


def test_raters_who_are_not_told_apart(tmp_path):
    made = study(num=4, raters=2, questions=["fluency"])
    three, four = (filled(made, 1, lambda name, place, mark=mark: mark, rater="anna") for mark in (3, 4))
    with pytest.raises(
        DataError, match=r"rater 'anna' gives 8 items two different answers, in a\.csv and b\.csv"
    ):
        tally(made.key, written(tmp_path, a=three, b=four))
    found = tally(made.key, written(tmp_path, a=three, c=three))
    assert [one.answered for one in found.raters] == [8]
    assert "answered twice, alike; counted once" in str(found.problems[0])
    other = filled(made, 2, lambda name, place: 3, rater="anna")
    with pytest.raises(
        DataError, match="filled in the sheets rater-1 and rater-2, which hold the same texts"
    ):
        tally(made.key, written(tmp_path, a=three, d=other))


def test_two_halves_of_a_sheet_are_one(tmp_path):
    made = study(num=6, questions=["fluency"])
    parts = [
        filled(
            made,
            1,
            lambda name, place: 3,
            rater="anna",
            keep=lambda place, part=part: place.number % 2 == part,
        )
        for part in (0, 1)
    ]
    found = tally(made.key, written(tmp_path, a=parts[0], b=parts[1]))
    assert [(one.name, one.answered) for one in found.raters] == [("anna", 12)]
    assert not found.problems


def test_several_raters_in_one_file(tmp_path):
    made = study(num=4, questions=["fluency"])
    one, two = (filled(made, 1, lambda name, place: 3, rater=rater) for rater in ("anna", "ben"))
    found = tally(made.key, written(tmp_path, all=one + two.partition("\r\n")[2]))
    assert [(one.name, one.answered) for one in found.raters] == [("anna", 8), ("ben", 8)]


def test_files_that_are_no_sheets_of_this_study(tmp_path):
    made, other = study(num=4), study(num=5)
    with pytest.raises(DataError, match="belongs to another study"):
        tally(made.key, written(tmp_path, a=filled(other, 1, lambda *_: 3)))
    with pytest.raises(DataError, match='has no column "item"'):
        tally(made.key, written(tmp_path, b="name,mark\nx,3\n"))
    with pytest.raises(DataError, match="no file at"):
        tally(made.key, [tmp_path / "missing.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.csv in the folder"):
        tally(made.key, [tmp_path / "empty"])
    found = tally(made.key, written(tmp_path, c="item,fluency\n" + made.sheets[0][0].item + ",3\n"))
    assert "no column naturalness, creativity" in str(found.problems[0])
