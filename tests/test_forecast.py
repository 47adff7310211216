"""Expected counts: docs/method.md, planning (N1, and the floors)."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.config import Arm as Settings
from evalharness.config import Price
from evalharness.forecast import cost, pilot, sights
from evalharness.measure import Arm
from evalharness.models.base import open_model
from evalharness.plan import Plan
from evalharness.records import ModelRef
from evalharness.suite import Suite, load
from tests import runs


def suite(where: Path, gate: str, cases: int = 50) -> Suite:
    lines = ["suite: s", "cases:", *(f"  - {{id: c{n}, ask: q{n}, expect: x}}" for n in range(cases)), f"gate: {gate}"]
    (where / "s.yaml").write_text("\n".join(lines) + "\n")
    return load(where / "s.yaml")


@pytest.mark.parametrize(
    ("gate", "asked", "floor"),
    [
        ("{facts: {drop_at_most: 0.05}}", "drop_at_most: 0.05", 73),
        ("{facts: {drop_at_most: 0.1}}", "drop_at_most: 0.1", 35),
        ("{facts: {both_within: 0.2}}", "both_within: 0.2", 16),
        ("{facts: {at_least: 0.99}}", "at_least: 0.99", 381),
        ("{facts: {at_least: 1}}", "at_least: 1", None),
    ],
)
def test_the_fewest_cases_each_criterion_takes(gate: str, asked: str, floor: int | None, tmp_path: Path) -> None:
    (sight,) = sights(suite(tmp_path, gate), {})

    assert (sight.asked, sight.cases, sight.floor) == (asked, 50, floor)


def test_what_a_pilot_saw_comes_first(tmp_path: Path) -> None:
    base, tuned = runs.table(90, 4, 2, 4)
    seen = pilot(Arm.of(runs.run(base)), Arm.of(runs.run(tuned, name="tuned")))

    (sight,) = sights(suite(tmp_path, "{facts: {drop_at_most: 0.05}}"), seen)

    assert seen == {"facts": 0.06}
    assert sight.pilot == 0.06
    assert sight.needed == ((0.06, 186), (0.1, 312), (0.2, 626), (0.3, 940))


def test_few_cases_see_nothing_and_say_so(tmp_path: Path) -> None:
    (sight,) = sights(suite(tmp_path, "{facts: {drop_at_most: 0.05}}", cases=8), {})

    assert dict(sight.effects)[0.1] is None


def test_a_recording_is_known_and_costs_nothing(tmp_path: Path) -> None:
    made = suite(tmp_path, "{facts: {drop_at_most: 0.05}}", cases=2)
    (tmp_path / "r.jsonl").write_text('{"case": "c0", "text": "x"}\n{"case": "c1", "text": "x"}\n')
    model = open_model(Settings(ModelRef("r", "replay:r.jsonl"), folder=tmp_path))

    found = cost(Plan(made, model.ref, 1), model, None, None)

    assert (found.requests, found.known, found.usd) == (2, 2, 0.0)


def test_the_price_counts_max_tokens_where_they_are_set(tmp_path: Path) -> None:
    made = suite(tmp_path, "{facts: {drop_at_most: 0.05}}", cases=2)
    (tmp_path / "answer.py").write_text("")
    settings = Settings(ModelRef("p", "command:python answer.py", params={"max_tokens": 10}), folder=tmp_path)
    model = open_model(settings)

    found = cost(Plan(made, model.ref, 3), model, None, Price(4.0, 8.0))

    # six questions of two characters, six replies of ten tokens
    assert found.usd == pytest.approx((12 / 4 * 4.0 + 60 * 8.0) / 1e6)
