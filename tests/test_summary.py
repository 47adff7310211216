"""One run by itself. The tau trials: 25 tasks of a published benchmark, four recorded trials each."""

from __future__ import annotations

import pytest

from evalharness.measure import Arm
from evalharness.stats.paired import standard_error
from evalharness.summary import levels
from tests import runs

TAU = [0, 1, 0, 1, 0, 0, 4, 0, 1, 4, 4, 0, 4, 2, 0, 2, 0, 3, 4, 4, 3, 4, 2, 2, 4]
"""Successes of four trials, by task."""


def tau_run() -> Arm:
    return Arm.of(runs.run({f"task {n}": [1.0] * won + [0.0] * (4 - won) for n, won in enumerate(TAU)}))


def test_tau_trials_have_their_known_steadiness() -> None:
    (level,) = levels(tau_run())

    assert level.rate == pytest.approx(0.49)
    assert level.pass_hat == pytest.approx((0.49, 0.386667, 0.34, 0.32), abs=1e-6)
    assert level.pass_at == pytest.approx((0.49, 0.593333, 0.65, 0.68), abs=1e-6)
    assert level.flaky == pytest.approx(9 / 25)


def test_tau_trials_have_their_known_clustered_error() -> None:
    # known: 0.084755 clustered by task, 0.04999 as if the hundred trials were independent
    assert standard_error([won / 4 for won in TAU]) == pytest.approx(0.084755, abs=1e-6)
    assert standard_error([x for won in TAU for x in [1.0] * won + [0.0] * (4 - won)]) == pytest.approx(
        0.0502, abs=3e-4
    )


@pytest.mark.parametrize(
    ("passes", "cases", "low", "high"),
    [(47, 50, 0.837829, 0.979385), (50, 50, 0.928652, 1.0), (9, 10, 0.595850, 0.982124), (0, 30, 0.0, 0.113513)],
)
def test_w1_pass_rates_have_wilson_intervals(passes: int, cases: int, low: float, high: float) -> None:
    (level,) = levels(Arm.of(runs.run([1.0] * passes + [0.0] * (cases - passes))))

    assert (level.passed, level.cases, level.missing) == (passes, cases, 0)
    assert level.low == pytest.approx(low, abs=1e-5)
    assert level.high == pytest.approx(high, abs=1e-5)
    assert level.pass_hat == ()


def test_an_aspect_that_could_not_be_scored_has_no_rate() -> None:
    (level,) = levels(Arm.of(runs.run([None, None])))

    assert (level.rate, level.cases, level.missing) == (None, 0, 2)


def test_cases_with_unequal_samples_have_no_steadiness_by_k() -> None:
    (level,) = levels(Arm.of(runs.run({"a": [1.0, 0.0], "b": [1.0]})))

    assert (level.pass_hat, level.flaky) == ((), 0.5)
