"""Remedies and grammar. Numbers: the intervals of docs/method.md, redone here or in its tables."""

from __future__ import annotations

import pytest

from evalharness.compare import compare
from evalharness.findings import Ruling
from evalharness.measure import Arm, scope_block
from evalharness.records import Criterion, Run, Scope, SuiteRef
from evalharness.rulings import Missing, counted
from evalharness.stats.intervals import guarded, suite_scope
from tests import runs

Samples = list[list[float]]


def made(scores: Samples, criterion: Criterion, *, text: str = "", scope: Scope = "population") -> Run:
    suite = SuiteRef("made", "suites/made.yaml", "0" * 64, scope=scope)
    trials = [
        runs.trial(str(case), k, {criterion.aspect: score}, text=text)
        for case, samples in enumerate(scores)
        for k, score in enumerate(samples)
    ]
    return runs.of(trials, gate=(criterion,), suite=suite)


def ruled(
    base: Samples, tuned: Samples, criterion: Criterion, *, text: str = "", scope: Scope = "population"
) -> Ruling:
    (ruling,) = compare(
        made(base, criterion, text=text, scope=scope), made(tuned, criterion, text=text, scope=scope)
    ).rulings
    return ruling


HALF = Criterion("facts", at_least=0.5)


@pytest.mark.parametrize("samples", [1, 2, 15])
def test_samples_of_one_text_never_lose_a_level_that_one_sample_reached(samples: int) -> None:
    ones = [[1.0] * samples] * 5

    ruling = ruled(ones, ones, HALF, text="same")

    # Wilson of 5 of 5: 5 / (5 + 3.8415) = 56.6 %
    assert ruling.outcome == "HELD"
    assert "between 56.6 and 100.0" in ruling.sentence


def test_the_floor_of_a_level_is_that_of_the_interval_used() -> None:
    five, eight, nine = ([[1.0, 1.0]] * cases for cases in (5, 8, 9))

    assert ruled(five, five, HALF).remedy == "it takes 9 cases if all of them pass; these 5 show at least 31.9 %"
    assert ruled(eight, eight, HALF).outcome == "INCONCLUSIVE"
    assert ruled(nine, nine, HALF).outcome == "HELD"


def test_enough_cases_for_a_level_get_the_number_that_decides_at_the_rate_seen() -> None:
    ruling = ruled([[1.0]] * 50, [[1.0]] * 47 + [[0.0]] * 3, Criterion("facts", at_least=0.9))

    # 3.841459 * 0.9 * 0.1 / 0.04**2 = 216.1
    assert ruling.remedy == "about 217 cases would show it if the rate stays as seen (there are 50)"


def test_repeated_samples_near_a_level_get_the_number_of_the_guarded_interval() -> None:
    tuned = [[1.0, 0.0]] * 10 + [[1.0, 1.0]] * 20

    remedy = ruled(tuned, tuned, Criterion("facts", at_least=0.8)).remedy

    # a third of the cases lies 0.3 below the level, two thirds 0.2 above it
    assert remedy == "about 247 cases would show it if the rate stays as seen (there are 30)"
    assert guarded([-0.3] * 82 + [0.2] * 164).low < 0 < guarded([-0.3] * 83 + [0.2] * 166).low


def test_a_rate_at_the_level_is_decided_by_no_number_of_cases() -> None:
    tuned = [[1.0]] * 40 + [[0.0]] * 10

    remedy = ruled(tuned, tuned, Criterion("facts", at_least=0.8)).remedy

    assert remedy == "the rate seen is too near the 80 % asked for to be told apart by more cases"


def test_a_gain_gets_the_number_that_decides_if_the_change_stays_as_seen() -> None:
    ones = [[1.0]] * 8

    remedy = ruled(ones, ones, Criterion("facts", gain_at_least=0.1)).remedy

    assert remedy.startswith("about 39 cases would show that it is less if the change stays as seen (there are 8); ")
    # as in docs/method.md without flips, here in guarded form: 0.1 apart
    assert guarded([-0.1] * 39).high < 0 < guarded([-0.1] * 38).high


def test_a_gain_as_seen_at_what_is_asked_for_is_said_to_be_too_near() -> None:
    remedy = ruled([[0.0]] * 10, [[0.0]] * 9 + [[1.0]], Criterion("facts", gain_at_least=0.1)).remedy

    assert remedy == "the change seen is too near the 10 asked for to be told apart by more cases"


def test_the_samples_that_suite_scope_takes_are_counted() -> None:
    ones = [[1.0]] * 40

    remedy = ruled(ones, ones, Criterion("facts", drop_at_most=0.05)).remedy

    assert remedy == (
        "about 73 cases would decide (there are 40); these already show a margin of 8.8; "
        "with `scope: suite`, `samples: 3` could decide for these very cases"
    )
    assert (
        suite_scope([[1.0] * 2] * 40, [[1.0] * 2] * 40).low
        < -0.05
        < suite_scope([[1.0] * 3] * 40, [[1.0] * 3] * 40).low
    )


def test_under_suite_scope_the_remedy_is_samples() -> None:
    ones = [[1.0, 1.0]] * 5

    ruling = ruled(ones, ones, Criterion("facts", drop_at_most=0.05), scope="suite")

    steady = next(k for k in range(2, 99) if suite_scope([[1.0] * k] * 5, [[1.0] * k] * 5).low > -0.05)
    there = "there are 5 cases with 2 samples"
    assert ruling.remedy.startswith(f"`samples: {steady}` would decide if the scores stay as seen ({there})")


def test_one_text_every_time_gets_no_advice_to_sample_more() -> None:
    ones = [[1.0] * 3] * 40

    remedy = ruled(ones, ones, Criterion("facts", drop_at_most=0.05), text="same").remedy

    assert "samples:" not in remedy
    assert remedy.endswith("; more samples say nothing here: they are the same text every time")


def test_suite_scope_tells_too_few_samples_from_samples_of_one_text() -> None:
    margin = Criterion("facts", drop_at_most=0.05)
    once, same, free = (
        Arm.of(made([[1.0] * k] * 5, margin, text=text, scope="suite")) for k, text in ((1, ""), (15, "same"), (2, ""))
    )

    assert scope_block(once, once)[0] == "suite scope needs two samples of a case that may differ"
    assert scope_block(same, same) == (
        "the samples of every case are the same text, so suite scope has no generation noise to measure",
        "set a temperature above 0, so that samples may differ, or `scope: population`",
    )
    assert scope_block(free, free) == ("", "")


def test_what_moves_either_way_is_told_the_wider_side() -> None:
    tuned = [[1.0]] * 57 + [[0.0]] * 43

    ruling = ruled([[1.0]] * 54 + [[0.0]] * 46, tuned, Criterion("facts", both_within=0.05))

    high = float(ruling.sentence.split(" higher, ")[1].split(" to ")[1])
    shown = float(ruling.remedy.split("a margin of ")[1].split(";")[0])
    assert high <= shown <= high + 0.1 + 1e-9


def test_one_is_singular_and_thousands_are_grouped() -> None:
    one = ruled([[1.0]], [[1.0]], Criterion("facts", drop_at_most=0.05))

    assert "1 case says nothing about prompts to come" in one.sentence
    assert str(Missing(10_000, 10_000, 10_000, 0)) == "10,000 of 10,000 cases could not be compared"
    assert str(Missing(1, 1, 1, 0)) == "1 of 1 case could not be compared"
    assert counted(1, "group of cases", "groups of cases") == "1 group of cases"
