"""One command's duels: what they may still take once the arms were asked. What is asked of whom: tests/shells."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.books import Tallies
from evalharness.config import Price
from evalharness.duelling import left, most
from evalharness.limits import Limits
from evalharness.records import Tally
from evalharness.suite import load
from tests.shells.cli import numbered, project


@pytest.mark.parametrize(("budget", "rest"), [(2.0, 0.75), (1.0, 0.0), (None, None)])
def test_duels_may_take_what_the_arms_left_of_the_budget(budget: float | None, rest: float | None) -> None:
    spent = Tallies(30.0, {"a": Tally(usd=1.0), "b": Tally(usd=0.25), "c": Tally(usd=None)})

    found = left(Limits(at_once=3, budget_usd=budget, deadline_seconds=40.0, cache="only"), spent)

    assert found == Limits(at_once=3, budget_usd=rest, deadline_seconds=10.0, cache="only")


def test_the_most_that_duels_can_take_is_both_orders_of_everything(tmp_path: Path) -> None:
    project(tmp_path, numbered(10, head="prefer: [kinder, shorter]"))

    cost, free = most(load(tmp_path / "made.yaml"), "tuned", 3, {"judge": Price(3.0, 6.0), "own": None})

    # 10 cases x 3 samples x 2 criteria x 2 orders; a question of 10 characters and two replies of 200 tokens each
    assert (cost.requests, cost.known, cost.model) == (120, 0, "judge, duels of tuned")
    assert cost.usd == pytest.approx(120 * ((10 / 4 + 400) * 3.0 + 200 * 6.0) / 1e6)
    assert (free.requests, free.usd) == (120, None)
