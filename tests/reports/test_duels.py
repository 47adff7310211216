"""The duels of a comparison in words."""

from __future__ import annotations

from dataclasses import replace

from evalharness.findings import DuelRow, Duels
from evalharness.reports import duels
from tests.reports.examples import preferred

FOUND = preferred("kinder")


def test_every_figure_of_the_method_is_printed() -> None:
    head, rows = next(duels.tables(FOUND))

    assert head == ("by", "win", "tie", "loss", "win rate in %", "p", "orders disagree", "first shown wins")
    # 1 of 3 duels inconsistent; 4 of 6 verdicts for the reply shown first
    assert rows[0] == ("all", "2", "0", "1", "66.7 (20.8 to 93.8)", "1.0000", "33.3 %", "66.7 % (p 0.6875)")
    assert [row[0] for row in rows] == ["all", "kinder", "kinder"]


def test_judges_are_held_against_each_other() -> None:
    _, (head, rows) = duels.tables(FOUND)

    assert (head, rows) == (("judges", "duels", "agree", "kappa"), [("kinder, kinder", "3", "66.7 %", "0.400")])
    assert len(list(duels.tables(replace(FOUND, agreements=())))) == 1


def test_lengths_and_what_is_missing_are_told_in_sentences() -> None:
    told = list(duels.lines(replace(FOUND, refused="lengths do not overlap", same=2)))

    assert told == [
        "which reply is better by this: kinder",
        "3 duels with a verdict of kinder, kinder, each pair shown in both orders, of which the mean counts",
        "2 duels of one text on both sides: a tie, which nobody was asked",
        "no verdict in 1 duel: kinder",
        "tuned's replies are 12 characters longer on average; where lengths differ by less than 10 % (3 cases) it wins "
        "66.7 (20.8 to 93.8) %",
        "what tuned would win at equal length is not told (lengths do not overlap)",
    ]


def test_a_rate_at_equal_length_and_one_by_probabilities_are_told_where_there_are_any() -> None:
    told = list(duels.lines(replace(FOUND, controlled=0.294921, weighted=FOUND.total)))

    assert told[-2:] == [
        "at equal length tuned would win 29.5 %",
        "by the judges' own probabilities tuned wins 66.7 (20.8 to 93.8) %",
    ]


def test_without_a_verdict_there_are_dashes_and_no_numbers() -> None:
    nothing = Duels("", ("kinder",), ("judge",), DuelRow("", "", 0, 0), missing=(("it refused", 3),))

    ((_, (row,)),) = duels.tables(nothing)

    assert row == ("all", "0", "0", "0", "–", "–", "–", "–")
