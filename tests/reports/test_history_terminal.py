"""The history on a terminal: what stands last, what fits, and what cannot do harm."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evalharness.history import Held, History, Standing, chart
from evalharness.layout import cells
from evalharness.records import ModelRef
from evalharness.reports.history.terminal import render
from tests.reports.examples import HOSTILE
from tests.reports.histories import SLIDING, STEADY, TWO_SERIES, hostile
from tests.shelved import arms, charted, scored


def printed(history: History, *, width: int = 100, encoding: str = "utf-8", color: bool = False) -> str:
    return "".join(render(history, width=width, encoding=encoding, color=color))


def test_the_alarm_stands_last_beside_what_decides() -> None:
    lines = printed(SLIDING, width=160).splitlines()

    assert lines[-5:] == [
        "An alarm asks somebody to read; release is decided by `compare --base reference`:",
        "  ▼ REGRESSED  2026-09 against 2026-01",
        "",
        "▼ facts: alarm at 2026-04 (EWMA and CUSUM; Shewhart one later): 84.0 %, 6 points below the reference 2026-01",
        "    ▼ REGRESSED  facts regressed: 16 points lower",
    ]


def test_a_row_a_snapshot_with_its_numbers_and_where_the_alarm_began() -> None:
    rows = [re.split(r"\s{2,}", line.strip()) for line in printed(SLIDING, width=160).splitlines()[6:10]]

    assert rows == [
        ["2026-01", "2026-01-01", "replay:base.jsonl", "90.0 % [85.1, 93.4]", "90.0 %", "0.0", "reference"],
        ["2026-02", "2026-02-01", "replay:base.jsonl", "88.0 % [82.8, 91.8]", "89.6 %", "0.4"],
        ["2026-03", "2026-03-01", "replay:base.jsonl", "86.0 % [80.5, 90.1]", "88.9 %", "1.8"],
        ["2026-04", "2026-04-01", "replay:base.jsonl", "84.0 % [78.3, 88.4]", "87.9 %", "4.2", "▼ EWMA CUSUM first"],
    ]


def test_the_curve_falls_with_the_scores() -> None:
    assert "facts  ▆▆▅▄▃▃▂▁▁  from 74.0 % to 96.4 %" in printed(SLIDING)


def test_noise_within_the_limits_does_not_fill_the_curve() -> None:
    line = next(line for line in printed(STEADY).splitlines() if line.startswith("facts  "))

    assert set(line.split()[1]).isdisjoint("▁█")


def test_without_unicode_digits_stand_for_blocks_and_nothing_else_is_left() -> None:
    text = printed(SLIDING, encoding="ascii")

    assert "facts  665433211  from 74.0 % to 96.4 %" in text
    assert "v facts: alarm at 2026-04" in text
    assert text.isascii()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 200])
def test_it_fits(width: int) -> None:
    for history in (SLIDING, STEADY, TWO_SERIES, hostile("long " * 80), charted([scored(20)] * 70)):
        for encoding in ("utf-8", "ascii"):
            text = printed(history, width=width, encoding=encoding)
            assert max(map(cells, text.splitlines())) <= width


def test_a_wide_screen_shows_the_model_and_a_narrow_one_keeps_the_numbers() -> None:
    assert "replay:base.jsonl" in printed(SLIDING, width=100)
    narrow = printed(SLIDING, width=60)
    assert "replay:base.jsonl" not in narrow
    assert "  2026-04   84.0 % [78.3, 88.4]  87.9 %    4.2  ▼ EC first" in narrow
    assert "S Shewhart, E EWMA, C CUSUM" in narrow


def test_of_a_long_model_name_both_ends_are_shown() -> None:
    (first, *_) = arms([scored(20)])
    model = ModelRef("base", "openai:ft:gpt-4o-mini-2024-07-18:acme:harbour-master-9:xyz")

    text = printed(chart("made", [replace(first, run=replace(first.run, model=model))]), width=160)

    assert "  openai:ft:gpt…:acme:harbour-master-9:xyz  " in text


def test_a_new_series_says_why_it_is_one() -> None:
    text = printed(TWO_SERIES, width=160)

    assert "series 1, 2026-01 to 2026-02, read against 2026-01 (the first)\n" in text
    assert "series 2, 2026-03 to 2026-04, read against 2026-03 (the first): the suite changed (10 cases more)\n" in text


def test_a_broken_chain_is_told() -> None:
    text = printed(replace(STEADY, warnings=("'2026-03' follows a snapshot that was edited",)))

    assert "warning   '2026-03' follows a snapshot that was edited\n" in text


def test_a_ruling_about_what_is_no_aspect_is_told_too() -> None:
    held = Held("overall", "HELD", "overall held: no change seen")
    text = printed(replace(STEADY, standing=Standing("2026-09", "2026-01", "HELD", (held,))))

    assert "  = HELD  overall held: no change seen\n" in text


def test_colours_are_only_added() -> None:
    coloured = printed(SLIDING, color=True)

    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == printed(SLIDING)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_others_wrote_moves_the_cursor_or_hides(name: str) -> None:
    text = printed(hostile(HOSTILE[name]), width=300)

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200f\u202e\u2066\u2028\ud800-\udfff]", text)


def test_a_history_of_one_snapshot_says_what_is_missing() -> None:
    (run,) = arms([scored(20)])
    model = ModelRef("base", "replay:a.jsonl")
    alone = chart("made", [replace(run, run=replace(run.run, model=model))])

    last = printed(alone, width=120).splitlines()[-1]

    assert last == "· facts: nothing to chart yet: the reference 2026-01 is the newest snapshot of its series"
