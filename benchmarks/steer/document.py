"""The part of `docs/benchmarks.md` on steering, made from benchmarks/steer/results."""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.markdown import table
from benchmarks.process import ROOT

RESULTS = ROOT / "benchmarks" / "steer" / "results"


def sections() -> Iterator[str]:
    """Yield the sections of what was measured."""
    if found := _result("sentiment-test"):
        yield _sentiment(found, _result("sentiment-valid"))
    if found := _result("composition"):
        yield _composition(found)
    chinese = [found for what in ("reviews", "lines") if (found := _result(f"chinese-{what}"))]
    if chinese:
        yield _chinese(chinese)
    for several, show in (("priors", _priors), ("imputation", _imputation), ("search", _searches)):
        results = {
            path.stem: json.loads(path.read_text("utf-8"))
            for path in sorted(RESULTS.glob(f"{several}-*.json"))
        }
        if results:
            yield show(results)


def _result(name: str) -> Any:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _sentiment(test: dict[str, Any], valid: dict[str, Any] | None) -> str:
    lines = [
        "## Steering: sentiment of short reviews",
        "",
        f"`python -m benchmarks.steer.sentiment RUN yelp_sentiment --test`, of a run trained `--for steering` without labels; {test['labels']} labels for the",
        f"attribute (cross-validated {test['attribute']['cross-validated accuracy']:.3f}). {test['texts']:,} test texts turned to the other sentiment. The judge, a linear",
        f"classifier of n-grams that neither steers nor ranks, is right on {test['judge']['accuracy on the texts']:.3f} of the texts as they are. BLEU-4 over white",
        "space; PPL by white-space word under a language model of 30,000 training texts (the human rewrites are not tokenised as the texts are).",
        "",
        _measures(
            [
                ("copy the input", test["copy the input"]),
                ("human rewrite", test["human rewrite"]),
                *_edits(test),
            ]
        ),
        "",
        "Published: LatentOps (pretrained parts, 400 labels) .95 at 24.3.",
        "",
    ]
    if valid:
        lines += [f"Over strength, {valid['texts']} validation texts:", "", _measures(_edits(valid)), ""]
    return "\n".join(lines)


def _composition(found: dict[str, Any]) -> str:
    names = ("sentiment", "length", "tense")
    cells = [
        [
            f"{row['method']}, strength {row['strength']:g}{said}",
            *(f"{row[name]:.3f}" for name in names),
            f"{row['seconds']:.1f}",
        ]
        for row, said in [*((row, "") for row in found["rows"]), (found["chosen"], ", chosen; another seed")]
    ]
    lines = [
        "## Steering: three attributes at once",
        "",
        f"`python -m benchmarks.steer.composition RUN yelp_sentiment`, of the same run: {found['texts']} random texts over eight combinations, each the best of",
        f"{found['tries']} by its own encoding, {found['labels']} labels an attribute; judged as wanted. Seconds: of all texts, threads: {found['threads']}. Published: LatentOps",
        ".97/.92/.93 in 5.5 s.",
        "",
        table(["", *names, "seconds"], cells),
        "",
        "Every twelfth of the chosen ones:",
        "",
        table([*names, "text"], found["chosen"]["texts"]),
        "",
    ]
    return "\n".join(lines)


def _chinese(found: list[dict[str, Any]]) -> str:
    cells = [
        [
            name if row is one["rows"][0] else "",
            f"{row['method']}, strength {row['strength']:g}{', chosen; another seed' if row is one['chosen'] else ''}",
            f"{row[name]['rate']:.3f} ({row[name]['interval'][0]:.3f} – {row[name]['interval'][1]:.3f})",
            f"{one['attributes'][name]['judge on real']:.3f}",
            f"{row[name]['share of real']:.3f}",
        ]
        for one in found
        for name in one["attributes"]
        for row in [*one["rows"], one["chosen"]]
    ]
    texts = [row for one in found for row in one["chosen"]["texts"][::4]]
    return "\n".join(
        [
            "## Steering in Chinese: reviews and poems",
            "",
            "`python -m benchmarks.steer.chinese reviews RUN zh_online_shopping_10cats`, of a run trained `--for steering` on the reviews of up to 40 characters without labels",
            "(5 epochs, decoder 320), 1,000 labels for the category, 400 for the sentiment; `lines RUN zh_poetry_jueju`, of the run of the section on persons, 1,000",
            f"labels. {found[0]['texts']} random texts each, every one the best of {found[0]['tries']} by its own encoding, judged by classifiers that neither steer nor rank (the length of",
            "lines: counted), beside the judges' rates on real test texts.",
            "",
            table(("attribute", "", "as asked", "judge on real texts", "ratio"), cells),
            "",
            "Some of the chosen ones:",
            "",
            *(f"- {', '.join(values)}: {text}" for *values, text in texts),
            "",
        ]
    )


def _edits(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{row['method']}, strength {row['strength']:g}", row) for row in found["edits"]]


def _measures(rows: list[tuple[str, dict[str, Any]]]) -> str:
    heads = {"accuracy": 3, "reference_bleu": 1, "self_bleu": 1, "perplexity": 0}
    kept = [name for name in heads if any(name in row for _, row in rows)]
    cells = [[title, *(f"{row[name]:.{heads[name]}f}" for name in kept)] for title, row in rows]
    return table(["", *(name.replace("_", " ").replace("bleu", "BLEU") for name in kept)], cells)


def _priors(found: dict[str, dict[str, Any]]) -> str:
    cells = [
        [
            name.removeprefix("priors-") if kind == "own" else "",
            "the model's own" if kind == "own" else kind,
            "–" if row["gain"] is None else f"{row['gain']:+.2f}",
            f"{row['forward_ppl']:.1f}",
            f"{row['reverse_ppl']:.1f}",
            f"{row['distinct_2']:.2f}",
            f"{row['fit_seconds']:.0f}",
        ]
        for name, one in found.items()
        for kind, row in one["priors"].items()
    ]
    falls = [
        f"{name.removeprefix('priors-')}: reverse PPL {-one['mark']['fall']:+.1%} by {one['mark']['best']} (mark: {-one['mark']['wanted']:+.0%}), "
        f"real texts' PPL {one['real_ppl']:.1f}, {one['texts']:,} samples"
        for name, one in found.items()
    ]
    return "\n".join(
        [
            "## Steering: priors after the fact",
            "",
            "`python -m benchmarks.steer.priors RUN DATA`. Gain: log p(z) of held-out latents over the model's own prior, nats a text. Forward PPL: of the",
            "samples under a language model of real texts; reverse: of real texts under one of the samples; both a word.",
            "",
            table(
                ["run", "prior", "gain", "forward PPL", "reverse PPL", "distinct-2", "seconds to fit"], cells
            ),
            "",
            "; ".join(falls) + ".",
            "",
        ]
    )


def _imputation(found: dict[str, dict[str, Any]]) -> str:
    one = next(iter(found.values()))
    cells = [
        [
            name,
            f"{row['error']:.3f} ({row['interval'][0]:.3f} – {row['interval'][1]:.3f})",
            f"{row['gap']:.3f}",
            f"{row['same_as_real']:.1%}",
        ]
        for name, row in one["systems"].items()
    ]
    return "\n".join(
        [
            "## Steering: imputation of captions",
            "",
            "`python -m benchmarks.steer.imputation VAE LM CAPTIONS` says the protocol, ours after Bowman et al. (2016): the last 40 % of",
            f"{one['captions']:,} Flickr30k test captions filled in, and a classifier that tells them from the real ones. An error of .5 cannot be told from real.",
            "",
            table(["", "adversarial error", "gap to .5", "equal to the real one"], cells),
            "",
        ]
    )


def _searches(found: dict[str, dict[str, Any]]) -> str:
    cells = [
        [
            name.removeprefix("search-"),
            f"{one['met']:.2f}",
            f"{one['met_by_random']:.2f}",
            f"{one['mean_decodes']:,.0f}",
        ]
        for name, one in found.items()
    ]
    budget = next(iter(found.values()))["budget"]
    return "\n".join(
        [
            "## Steering: search",
            "",
            f"`python -m benchmarks.steer.search RUN`: a text of 11 to 13 words that holds a given word, 20 words, {budget:,} decodes each;",
            "beside it as many random texts. Mean decodes: of a search, ended ones at the budget.",
            "",
            table(["run", "searches that met it", "random texts that did", "mean decodes"], cells),
            "",
        ]
    )
