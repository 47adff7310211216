"""The history as Markdown: what stands first, and that texts stay texts."""

from __future__ import annotations

import re

import pytest

from evalharness.history import History
from evalharness.reports.history.markdown import render
from tests.reports.examples import HOSTILE
from tests.reports.histories import SLIDING, TWO_SERIES, hostile


def written(history: History) -> str:
    return "".join(render(history))


def test_the_alarm_and_what_decides_stand_first() -> None:
    lines = written(SLIDING).splitlines()

    assert lines[:5] == [
        "# made: 9 snapshots",
        "",
        "- **▼** facts: alarm at 2026-04 (EWMA and CUSUM; Shewhart one later): 84.0 %, 6 points below the reference "
        "2026-01 (compared: **▼ REGRESSED**, facts regressed: 16 points lower)",
        "",
        "An alarm asks somebody to read; release is decided by `compare --base reference`: **▼ REGRESSED**, "
        "2026-09 against 2026-01.",
    ]


def test_a_table_has_a_row_a_snapshot() -> None:
    rows = [line for line in written(SLIDING).splitlines() if line.startswith("| 2026")]

    assert len(rows) == 9
    assert rows[3] == (
        "| 2026-04 | 2026-04-01 | replay:base.jsonl | 84.0 % \\[78.3, 88.4\\] | 87.9 % | 4.2 | ▼ EWMA CUSUM first |"
    )


def test_series_have_headings_that_say_why() -> None:
    headings = [line for line in written(TWO_SERIES).splitlines() if line.startswith("## ")]

    assert headings == [
        "## series 1, 2026-01 to 2026-02, read against 2026-01 (the first)",
        "## series 2, 2026-03 to 2026-04, read against 2026-03 (the first): the suite changed (10 cases more)",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_others_wrote_every_table_keeps_its_columns(name: str) -> None:
    text = written(hostile(HOSTILE[name]))

    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_others_wrote_nothing_of_it_is_markup(name: str) -> None:
    text = written(hostile(HOSTILE[name]))

    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"https?://", text)
    assert not re.search(r"(?<![\w&])[@#]\w", text)
