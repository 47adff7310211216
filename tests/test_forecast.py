"""Expected counts: docs/method.md, planning (N1, and the floors)."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.config import Arm as Settings
from evalharness.config import Price
from evalharness.flow import Answer, drive
from evalharness.forecast import cost, pilot, sights
from evalharness.measure import Arm
from evalharness.models.base import Model, open_model
from evalharness.plan import Plan, converse
from evalharness.records import ModelRef, Request
from evalharness.suite import Suite, load
from tests import runs
from tests.fakes import Fake
from tests.shells.cli import evalharness


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


def test_the_fewest_cases_a_win_rate_takes_if_every_case_is_won(tmp_path: Path) -> None:
    made = suite(tmp_path, "{preference: {win_at_least: 0.6}}\nprefer: shorter")

    (sight,) = sights(made, {})

    # T with b = n reaches down to (n - z^2) / (n + z^2) of won minus lost, which is 0.2 or more from n = 1.5 z^2 = 5.76
    assert (sight.aspect, sight.cases, sight.floor) == ("preference", 50, 6)


def test_a_drift_takes_conversations(tmp_path: Path) -> None:
    turns = ", ".join(f"{{ask: and {turn}?, expect: x}}" for turn in range(3))
    cases = [f"  - {{id: t{n}, turns: [{turns}]}}" for n in range(7)] + [
        f"  - {{ask: q{n}, expect: x}}" for n in range(9)
    ]
    (tmp_path / "s.yaml").write_text("\n".join(["suite: s", "cases:", *cases, "gate: {facts: {drift_at_most: 0.1}}\n"]))

    (sight,) = sights(load(tmp_path / "s.yaml"), {})

    # The reach of three turns is 1: z² (1 / 0.1 - 1) = 34.6.
    assert (sight.asked, sight.cases, sight.floor, sight.effects) == ("drift_at_most: 0.1", 7, 35, ())


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


TALKS = """\
suite: talks
cases:
  - {id: a, turns: [{ask: one}, {ask: two}, {ask: three, expect: x}]}
  - {id: b, turns: [{ask: four}, {ask: five, expect: x}]}
"""


def talks(where: Path) -> Suite:
    (where / "talks.yaml").write_text(TALKS)
    return load(where / "talks.yaml")


def keep_answers(cache: Cache, plan: Plan, model: Model, most: int) -> None:
    """Puts the answers to the first so many questions of each talk into the cache."""
    for case in plan.suite.cases:
        asked: list[Request] = []

        def answer(request: Request, asked: list[Request] = asked) -> Answer:
            asked.append(request)
            return model.read(f"reply to {request.messages[-1].content}")

        drive(converse(case, plan.suite, plan.model, 0), answer)
        for request in asked[:most]:
            cache.put(request.key(), f"reply to {request.messages[-1].content}", request)
    assert cache.commit()


@pytest.mark.parametrize(("kept", "known"), [(0, 0), (1, 2), (2, 4), (3, 5)])
def test_known_answers_are_followed_turn_by_turn(kept: int, known: int, tmp_path: Path) -> None:
    model = Fake(lambda _: "x")
    plan = Plan(talks(tmp_path), model.ref, 1)

    with Cache(tmp_path / "cache") as cache:
        keep_answers(cache, plan, model, kept)
        found = cost(plan, model, cache, Price(4.0, 8.0))

    assert (found.requests, found.known) == (5, known)
    assert (found.usd == 0) == (known == 5)


def test_later_questions_are_priced_with_all_that_was_said_before(tmp_path: Path) -> None:
    model = Fake(lambda _: "x")

    found = cost(Plan(talks(tmp_path), model.ref, 1), model, None, Price(4.0, 8.0))

    # replies of 200 tokens, 800 characters: 3, 3+800+3, 806+800+5 and 4, 4+800+4
    assert found.usd == pytest.approx(((3 + 806 + 1611 + 4 + 808) / 4 * 4.0 + 5 * 200 * 8.0) / 1e6)


def test_under_suite_scope_samples_are_needed_and_not_cases(tmp_path: Path) -> None:
    made = suite(tmp_path, "{facts: {drop_at_most: 0.05, at_least: 0.5}}\nscope: suite\nsamples: 3", cases=5)

    margin, level = sights(made, {}, 20)

    # z * sqrt(2 * 1.920729 / (5 * 15 + 3.841459) / (16 * 5)) = 0.0484; with 15 samples 0.0516
    assert (margin.by_samples, margin.samples, margin.samples_needed, margin.floor) == (True, 20, 16, None)
    assert margin.effects == margin.needed == ()
    assert (level.by_samples, level.floor, level.effects) == (False, 5, ())


@pytest.mark.parametrize(("seen", "shares"), [(0.25, (0.1, 0.2, 0.25, 0.3)), (0.102, (0.102, 0.2, 0.3))])
def test_what_a_pilot_saw_stands_in_order_and_once(seen: float, shares: tuple[float, ...], tmp_path: Path) -> None:
    (sight,) = sights(suite(tmp_path, "{facts: {drop_at_most: 0.05}}"), {"facts": seen})

    assert tuple(share for share, _ in sight.effects) == shares


def printed(where: Path, gate: str, cases: int) -> list[str]:
    suite(where, gate, cases)
    (where / "answer.py").write_text("")
    done = evalharness("plan", "s.yaml", "--model", "command:python answer.py", cwd=where)
    assert done.status == 0
    return done.out.splitlines()


def test_plan_says_one_case_and_one_request(tmp_path: Path) -> None:
    lines = printed(tmp_path, "{facts: {at_least: 0.5}}", 1)

    assert ": 1 request, 0 known, 1 to send, no price in the config" in " ".join(lines)
    assert lines[-1] == "s, facts, at_least: 0.5: 1 case, it takes 5 at the very least: TOO FEW"


def test_plan_says_how_many_samples_suite_scope_takes(tmp_path: Path) -> None:
    lines = printed(tmp_path, "{facts: {drop_at_most: 0.05}}\nscope: suite\nsamples: 3", 5)

    assert " ".join(line.strip() for line in lines[-2:]).strip() == (
        "s, facts, drop_at_most: 0.05: 5 cases, 3 samples of each; "
        "with `scope: suite` it takes 16 samples of each at the very least: TOO FEW"
    )


def test_plan_stays_within_the_terminal(tmp_path: Path) -> None:
    lines = printed(tmp_path, "{facts: {drop_at_most: 0.05}}\nscope: suite\nsamples: 3", 5)

    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("  ")


def test_plan_offers_no_option_that_does_nothing_there(tmp_path: Path) -> None:
    offered = evalharness("plan", "--help", cwd=tmp_path).out

    assert all(name in offered for name in ("--samples", "--tag", "--case", "--cache"))
    assert not any(name in offered for name in ("--deadline", "--seed", "--budget", "--at-once"))
