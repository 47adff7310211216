"""What checks would ask, before anything is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.appraisal import appraisal, summed
from evalharness.config import Arm, Price
from evalharness.forecast import Cost, cost
from evalharness.models.base import open_model
from evalharness.plan import Plan
from evalharness.records import ModelRef
from evalharness.suite import load

SUITE = """
suite: knows
cases:
  - ask: Capital of France?
    expect:
      facts: {likelihood: [Paris, "The capital of France is Paris."]}
      style: {similar: Paris., by: near}
  - ask: Hello?
    expect: {facts: {mentions: hello}}
"""


def test_what_checks_ask_of_the_arm_itself_is_counted_with_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE)
    suite = load(path)
    arm = Arm(ModelRef("base", "openai:base", base_url="http://127.0.0.1:9/v1"), price=Price(1.0, 10.0))
    model = open_model(arm)
    near = open_model(replace(arm, ref=replace(arm.ref, name="near"), price=Price(0.5, 0.0)))
    plan = Plan(suite, model.ref, 1, {"near": near.ref})

    chats = cost(plan, model, None, arm.price)
    own, vectors = summed([chats, *appraisal(plan, model, {"near": near}, None)])

    # 2 chats, and 2 answers weighed: 18 + 5 and 18 + 31 characters, read twice, at four a token and 1 USD a million
    assert (own.model, own.requests, chats.requests) == ("base", 4, 2)
    assert own.usd == pytest.approx((chats.usd or 0) + 2 * (23 + 49) / 4 / 1e6)
    # the reply, of which 200 tokens are supposed, and `Paris.`
    assert replace(vectors, usd=None) == Cost("knows", "near", 2, 0, None)
    assert vectors.usd == pytest.approx(0.5 * (800 + 6) / 4 / 1e6)
