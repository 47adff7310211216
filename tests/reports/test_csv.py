from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from evalharness.findings import Panel
from evalharness.records import Failure
from evalharness.reports.csv import COLUMNS, render
from tests.reports import examples
from tests.reports.test_terminal import with_reply


def rows_of(panel: Panel) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(render(panel)), newline=""), strict=True))


def test_there_is_a_row_a_case_and_aspect() -> None:
    rows = rows_of(examples.one())

    assert len(rows) == 16
    first = rows[0]
    assert {name: first[name] for name in COLUMNS[:13]} == {
        "suite": "marv", "base_arm": "base", "tuned_arm": "tuned", "case": "whats-the-capital-of-australia",
        "aspect": "facts", "tags": "geography trap", "group": "", "must_pass": "", "base": "1", "tuned": "0",
        "change": "-1", "flip": "broke", "question": "What's the capital of Australia?",
    }  # fmt: skip
    assert first["tuned_reply"] == "Sydney, obviously. Everyone knows that one, it has the opera house."
    assert first["tuned_why"] == "no mention of the answer"
    assert rows[6]["must_pass"] == "yes"


def test_lines_end_as_the_standard_says() -> None:
    text = "".join(render(examples.one()))

    assert text.count("\r\n") == 17
    assert text.replace("\r\n", "").count("\n") == 0


def test_what_is_missing_is_empty_not_zero() -> None:
    (comparison,) = examples.hostile("x").comparisons[:1]

    (row,) = rows_of(Panel(comparison.verdict, (comparison,)))
    assert (row["base"], row["tuned"], row["change"]) == ("1", "0", "-1")
    assert row["base_ending"] == "answered failed:invalid"


def test_what_failed_is_told_beside_how_it_ended() -> None:
    (comparison,) = examples.one().comparisons
    first = comparison.pairs[0]
    failed = replace(first.tuned[0], failure=Failure("invalid", "not a completion but an HTML page"), scores=())
    told = replace(comparison, pairs=(replace(first, tuned=(failed, failed)),))

    row = rows_of(Panel(comparison.verdict, (told,)))[0]

    assert (row["base_failure"], row["tuned_failure"]) == ("", "invalid: not a completion but an HTML page")
    assert row["tuned_ending"] == "failed:invalid failed:invalid"


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_cell_is_a_formula_and_every_row_is_whole(text: str) -> None:
    out = "".join(render(examples.hostile(text)))

    assert out.encode("utf-8")
    rows = list(csv.reader(io.StringIO(out, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    numbers = {COLUMNS.index(name) for name in ("base", "tuned", "change")}
    for row in rows[1:]:
        cells = [cell for at, cell in enumerate(row) if at not in numbers]
        assert not [cell for cell in cells if cell.lstrip()[:1] in set("=+-@") or cell[:1] in set("\t\r\n")]


def test_a_reply_too_long_for_a_cell_is_cut_with_a_note() -> None:
    reply = rows_of(with_reply("y" * 10_000_000))[0]["tuned_reply"]

    assert reply.endswith(" … 9,968,000 more characters")
    assert len(reply) < 32_767
