"""Files broken on purpose by one change each, and what is known about them from elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evalharness.tuning.dataset import Wanted, check

FILES = Path(__file__).parents[1] / "data/chat-finetune-jsonl"
KNOWN = json.loads((FILES / "known_cases.json").read_text())
TOY = json.loads((FILES / "known_figures.json").read_text())


@pytest.mark.parametrize("name", KNOWN)
def test_each_file_has_its_known_findings_and_no_others(name: str) -> None:
    known = KNOWN[name]

    report = check(FILES / name)

    for severity, expected in (("error", known["errors"]), ("warning", known["warnings"])):
        found = [finding for finding in report.findings if finding.severity == severity]
        assert [finding.code for finding in found] == [each["code"] for each in expected]
        for finding, each in zip(found, expected, strict=True):
            assert finding.line == each.get("line", finding.line)
            assert finding.message == each.get("message", finding.message)
            assert sorted({*finding.others, finding.line}) == each.get("lines", sorted({*finding.others, finding.line}))
    assert report.valid == (known["errors"] == [])
    assert report.examples == (known["n_examples"] or report.examples)


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known["server_message_like"]])
def test_the_words_of_the_server_are_quoted(name: str) -> None:
    (error,) = [finding for finding in check(FILES / name).findings if finding.severity == "error"]

    assert KNOWN[name]["server_message_like"] in error.server


def test_the_published_figures_of_the_toy_file_are_met() -> None:
    path, known = FILES / "toy_chat_fine_tuning.jsonl", TOY["published"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == TOY["sha256"]

    report = check(path, Wanted(context=4096))

    for spread, figures in (
        (report.messages, known["messages_per_example"]),
        (report.tokens, known["total_tokens_per_example"]),
        (report.replies, known["assistant_tokens_per_example"]),
    ):
        # Tokens are an estimate, and meet the tokenizer's figures to one per cent here.
        ours = (spread.least, spread.low, spread.median, spread.high, spread.most, spread.mean)
        assert ours == pytest.approx(
            [figures[name] for name in ("min", "p5", "median", "p95", "max", "mean")], rel=0.01
        )
    assert report.examples == known["num_examples"]
    assert report.totals["missing_system"] == known["missing_system"]
    assert report.totals["no_user_message"] == known["missing_user"]
    assert report.totals["too_long"] == known["over_4096"]
    assert report.estimate.epochs == known["default_epochs"]
    assert report.estimate.billed == pytest.approx(known["total_billed"], rel=0.01)
