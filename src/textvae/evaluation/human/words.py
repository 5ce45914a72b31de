"""What raters read, in the languages there are."""

from dataclasses import dataclass

from textvae.config.fields import check_choice
from textvae.evaluation.human.criteria import Criterion


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a sheet; {braces} are filled in."""

    code: str
    """Of the language, as HTML names it."""
    title: str
    how: str
    rate: str
    compare: str
    keys_rate: str
    keys_compare: str
    csv_rate: str
    csv_compare: str
    scale: tuple[str, str, str, str, str]
    tie: str
    source: str
    text: str
    empty: str
    comment: str
    rater: str
    previous: str
    next: str
    next_open: str
    export: str
    anew: str
    anew_sure: str
    place: str
    done: str
    exported: str
    incomplete: str
    nameless: str
    unsaved: str
    no_script: str


ENGLISH = Words(
    code="en",
    title="Judging texts",
    how="How to judge",
    rate="You see one text at a time. For each question give a number from 1 to 5.",
    compare="You see two texts at a time. For each question say which is better, A or B, or that neither is.",
    keys_rate="Keys: 1 to 5 answer the next question; Enter or N goes on, P goes back.",
    keys_compare="Keys: A, B or T (tie) answer the next question; Enter or N goes on, P goes back.",
    csv_rate="Write a number from 1 to 5 in each column of a question. Leave empty what you cannot judge.",
    csv_compare="Write A, B or tie in each column of a question. Leave empty what you cannot judge.",
    scale=("very poor", "poor", "fair", "good", "very good"),
    tie="no difference",
    source="Source",
    text="Text",
    empty="(empty)",
    comment="Comment (if you like)",
    rater="Your name or initials",
    previous="Back",
    next="Next",
    next_open="Next unanswered",
    export="Save answers as a file (CSV)",
    anew="Start over",
    anew_sure="Remove all answers kept in this browser for this sheet?",
    place="{place} of {all}",
    done="{done} of {all} answered",
    exported="Saved as {name}. Please send this file back.",
    incomplete="Saved as {name}, but {open} of {all} are not answered in full.",
    nameless="Please fill in your name or initials first.",
    unsaved="This browser does not keep answers: save them as a file before you close the page.",
    no_script="This page needs JavaScript; without it use the CSV file of the same name.",
)
CHINESE = Words(
    code="zh-CN",
    title="文本评价",
    how="评价说明",
    rate="每次显示一段文本。请对每个问题打 1 到 5 分。",
    compare="每次显示两段文本。请对每个问题选择较好的一段（A 或 B）；不分高下时选“不分高下”。",
    keys_rate="按键：1 到 5 回答下一个问题；回车或 N 到下一条，P 返回上一条。",
    keys_compare="按键：A、B 或 T（不分高下）回答下一个问题；回车或 N 到下一条，P 返回上一条。",
    csv_rate="请在每个问题的列中填写 1 到 5 的数字；无法判断时留空。",
    csv_compare="请在每个问题的列中填写 A、B 或 tie（不分高下）；无法判断时留空。",
    scale=("很差", "较差", "一般", "较好", "很好"),
    tie="不分高下",
    source="原文",
    text="文本",
    empty="（空）",
    comment="备注（可不填）",
    rater="您的姓名或代号",
    previous="上一条",
    next="下一条",
    next_open="下一条未完成",
    export="将答案存为文件（CSV）",
    anew="重新开始",
    anew_sure="要清除本浏览器中保存的这份评价表的所有答案吗？",
    place="第 {place} 条，共 {all} 条",
    done="已完成 {done} / {all}",
    exported="已保存为 {name}，请将此文件发回。",
    incomplete="已保存为 {name}，但 {all} 条中还有 {open} 条未完成。",
    nameless="请先填写您的姓名或代号。",
    unsaved="此浏览器不会保存答案：关闭页面前请先存为文件。",
    no_script="此页面需要 JavaScript；否则请使用同名的 CSV 文件。",
)
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}


def words_of(language: str) -> Words:
    """Return the words of a language.

    Raises:
        ConfigError: a language there are none for.
    """
    check_choice("language", language, tuple(LANGUAGES))
    return LANGUAGES[language]


def instructions(mode: str, criteria: tuple[Criterion, ...], language: str) -> str:
    """Return what a rater who fills in a CSV sheet has to know."""
    words = words_of(language)
    lines = [
        words.title,
        "",
        *((words.rate, words.csv_rate) if mode == "rate" else (words.compare, words.csv_compare)),
    ]
    lines += ["", *(_asked(one, language) for one in criteria)]
    if mode == "rate":
        lines += ["", *(f"{number} = {anchor}" for number, anchor in enumerate(words.scale, 1))]
    return "\n".join(lines) + "\n"


def _asked(criterion: Criterion, language: str) -> str:
    """Return a criterion as its column is named, with what raters call it and what it asks."""
    label = criterion.label[language]
    named = criterion.name if label.lower() == criterion.name.lower() else f"{criterion.name} ({label})"
    return f"{named}: {criterion.question[language]}".rstrip(": ")
