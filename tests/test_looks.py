"""What the gate would say by now, and whether asking on can still change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evalharness.compare import blocked, compare
from evalharness.looks import Look, aligned
from evalharness.measure import Arm
from evalharness.records import Criterion, Early, SuiteRef
from tests.runs import of, run, table, trial

REF = SuiteRef("made", "suites/made.yaml", "0" * 64, cases=400)
EARLY = SuiteRef("made", "suites/made.yaml", "0" * 64, cases=400, early=Early(400, 20))
RANGED = SuiteRef("made", "suites/made.yaml", "0" * 64, alpha=0.0125, looks=4)


def arms(
    base: Sequence[float | Sequence[float]],
    tuned: Sequence[float | Sequence[float]],
    ref: SuiteRef,
    *gate: Criterion,
) -> tuple[Arm, Arm]:
    asked = gate or (Criterion("facts", drop_at_most=0.1),)
    return (
        Arm.of(run(base, suite=ref, gate=asked)),
        Arm.of(run(tuned, name="tuned", suite=ref, gate=asked)),
    )


def look(*pair: Arm, tests: int = 1) -> Look:
    base, tuned = pair
    return Look.at(base, tuned, blocked, tests=tests, seed=0)


def words(found: Look) -> list[str]:
    return [ruling.outcome for ruling in found.rulings]


@pytest.mark.parametrize(
    ("criterion", "counts", "word"),
    [
        (Criterion("facts", drop_at_most=0.1), (200, 0, 0, 0), "HELD"),
        (Criterion("facts", drop_at_most=0.1), (80, 0, 20, 0), "REGRESSED"),
        (Criterion("facts", drop_at_most=0.1), (80, 20, 0, 0), "IMPROVED"),
        (Criterion("facts", drop_at_most=0.1), (40, 0, 0, 0), "INCONCLUSIVE"),
        (Criterion("facts", gain_at_least=0.1), (0, 90, 0, 10), "IMPROVED"),
        (Criterion("facts", gain_at_least=0.1), (100, 0, 40, 60), "REGRESSED"),
        (Criterion("facts", gain_at_least=0.1), (100, 5, 0, 0), "INCONCLUSIVE"),
        (Criterion("facts", at_least=0.95), (116, 0, 0, 0), "HELD"),
        (Criterion("facts", at_least=0.95), (115, 0, 0, 0), "INCONCLUSIVE"),
        (Criterion("facts", at_least=0.95), (30, 0, 0, 10), "REGRESSED"),
        (Criterion("facts", both_within=0.1), (200, 0, 0, 0), "HELD"),
        (Criterion("facts", both_within=0.1), (80, 20, 0, 0), "REGRESSED"),
        (Criterion("facts", both_within=0.1), (40, 0, 0, 0), "INCONCLUSIVE"),
    ],
)
def test_every_criterion_has_its_word_at_a_look(criterion: Criterion, counts: Sequence[int], word: str) -> None:
    found = look(*arms(*table(*counts), EARLY, criterion))

    assert words(found) == [word]
    assert found.decided == (word != "INCONCLUSIVE")


def test_a_difference_counts_as_one_of_all_tests_of_the_command() -> None:
    pair = arms(*table(32, 0, 8, 0), EARLY)  # Q1: evidence 50.2734

    assert words(look(*pair, tests=2)) == ["REGRESSED"]
    assert words(look(*pair, tests=3)) == ["INCONCLUSIVE"]


def test_duels_are_not_waited_for() -> None:
    gate = (Criterion("facts", drop_at_most=0.1), Criterion("preference", win_at_least=0.5))

    found = look(*arms(*table(200, 0, 0, 0), RANGED, *gate))

    assert words(found) == ["HELD"]
    assert found.decided


def test_what_cannot_be_ruled_on_is_not_waited_for() -> None:
    selected = replace(RANGED, selected=("--case 1",))

    found = look(*arms(*table(40, 0, 0, 0), selected))

    assert found.rulings == ()
    assert found.decided


def test_a_second_sample_is_waited_for_where_suite_scope_needs_one() -> None:
    once = look(*arms(*table(40, 0, 0, 0), replace(RANGED, scope="suite")))

    assert words(once) == ["INCONCLUSIVE"]
    assert not once.hopeless


def test_one_run_that_was_looked_at_makes_a_comparison_of_looks() -> None:
    base, tuned = arms(*table(40, 0, 0, 0), REF)
    early, _ = arms(*table(40, 0, 0, 0), EARLY)

    assert aligned(base, tuned) == (base, tuned)
    assert aligned(early, tuned)[1].run.suite.early == aligned(tuned, early)[1].run.suite.early == Early(400, 20)
    (delta,) = compare(early.run, tuned.run).deltas
    assert delta.interval == "AV"


def test_the_stricter_level_counts_where_samples_were_looked_at() -> None:
    ranged, _ = arms([[1.0, 1.0]] * 40, [1.0] * 40, RANGED)
    fixed, _ = arms([1.0] * 40, [1.0] * 40, REF)

    for pair in ((ranged, fixed), (fixed, ranged)):
        suite = aligned(*pair)[1].run.suite
        assert (suite.alpha, suite.looks) == (0.0125, 4)


def test_a_suite_of_several_suites_keeps_its_own_level() -> None:
    strict, loose = (arms([1.0] * 40, [1.0] * 40, ref)[1] for ref in (SuiteRef("made", "", "", alpha=0.01), EARLY))

    assert aligned(loose, strict)[1].run.suite.alpha == 0.01


def noisy(wins: int, losses: int, unsteady: int, steady: int) -> tuple[list[list[float]], list[list[float]]]:
    """Cases with two samples: won, lost, half won in one arm or the other, and alike."""
    base = [[0.0, 0.0]] * wins + [[1.0, 1.0]] * losses + [[0.0, 1.0], [1.0, 1.0]] * unsteady + [[1.0, 1.0]] * steady
    tuned = [[1.0, 1.0]] * wins + [[0.0, 0.0]] * losses + [[1.0, 1.0], [0.0, 1.0]] * unsteady + [[1.0, 1.0]] * steady
    return base, tuned


def test_samples_are_hopeless_where_cases_differ_and_not_where_samples_do() -> None:
    differ, waver = look(*arms(*noisy(8, 12, 0, 40), RANGED)), look(*arms(*noisy(0, 0, 30, 0), RANGED))

    assert not differ.decided
    assert differ.hopeless
    assert not waver.decided
    assert not waver.hopeless


def test_one_sample_shows_no_noise_so_nothing_is_hopeless_yet() -> None:
    found = look(*arms(*table(20, 8, 12, 20), RANGED))

    assert not found.decided
    assert not found.hopeless


def test_a_level_is_hopeless_where_the_rate_lies_at_it() -> None:
    level = Criterion("facts", at_least=0.8)
    base = [[1.0, 1.0]] * 60

    at, far = (look(*arms(base, [[0.0, 0.0]] * lost + [[1.0, 1.0]] * (60 - lost), RANGED, level)) for lost in (12, 40))

    assert at.hopeless
    assert far.decided


def test_only_equal_texts_repeat() -> None:
    alike = [trial(str(case), sample, {"facts": 1.0}, text="yes") for case in range(40) for sample in range(2)]
    base = Arm.of(of(alike, suite=RANGED))
    once = Arm.of(of(alike[::2], suite=RANGED))
    tuned, _ = arms([[1.0, 1.0]] * 40, [[1.0, 1.0]] * 40, RANGED)

    assert look(base, base).repeats
    assert not look(once, once).repeats
    assert not look(base, tuned).repeats
