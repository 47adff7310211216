"""What the engine does about failures, and within which limits; on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.engine import Limits, Silent, run
from evalharness.errors import EvalError, ModelFailed
from evalharness.flow import Answer
from evalharness.records import Failure, FailureKind, ModelRef, Request, Usage
from tests.fakes import ARM, Fake, asked, asked_in_no_time, now, one, priced


def upper(request: Request) -> str:
    return request.messages[-1].content.upper()


def failing(kind: str, **fields: object) -> Fake:
    def reply(request: Request) -> str:
        raise ModelFailed(kind, f"status of {kind}", **fields)  # type: ignore[arg-type] # by test

    return Fake(reply)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as opened:
        yield opened


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["server", "timeout", "unreachable", "invalid"])
def test_what_may_help_is_tried_as_often_as_the_arm_says(kind: FailureKind) -> None:
    model = failing(kind, again=True)

    done = asked_in_no_time(model, [one("a")])

    assert done.results == {0: Failure(kind, f"status of {kind}", 5)}
    assert len(model.asked) == ARM.tries == 5


@pytest.mark.parametrize("kind", ["rejected", "gone", "invalid"])
def test_what_cannot_help_is_asked_once(kind: FailureKind) -> None:
    model = failing(kind)

    done = asked_in_no_time(model, [one("a")])

    assert done.results == {0: Failure(kind, f"status of {kind}", 1)}
    assert len(model.asked) == 1


def test_pauses_double_and_are_drawn_from_their_whole_length() -> None:
    gaps: list[list[float]] = []
    for _ in range(200):
        times: list[float] = []

        def reply(request: Request, times: list[float] = times) -> str:
            times.append(now())
            raise ModelFailed("server", "status 500", again=True)

        asked_in_no_time(Fake(reply), [one("a")])
        gaps.append([later - earlier for earlier, later in pairwise(times)])

    longest = [max(column) for column in zip(*gaps, strict=True)]
    shortest = [min(column) for column in zip(*gaps, strict=True)]
    # Full jitter up to 1, 2, 4 and 8 s; of 200 draws the largest is within 10 % of the bound but for one run in 10^9.
    assert all(0.9 * bound < most <= bound + 1e-6 for most, bound in zip(longest, [1, 2, 4, 8], strict=True))
    assert all(least < 0.1 * bound for least, bound in zip(shortest, [1, 2, 4, 8], strict=True))


def test_a_call_that_drips_is_ended_at_its_total_deadline() -> None:
    async def drip(request: Request) -> str:
        while True:
            await asyncio.sleep(1)

    done = asked_in_no_time(Fake(drip, replace(ARM, seconds=30, tries=1)), [one("a")])

    assert done.results == {0: Failure("timeout", "no whole answer within 30 s", 1)}
    assert done.seconds == pytest.approx(30)


def test_a_call_of_a_kind_that_retries_no_timeouts_is_made_once() -> None:
    class Once(Fake):
        retries_timeouts = False

    async def sleep(request: Request) -> str:
        await asyncio.sleep(100)
        return "too late"

    model = Once(sleep, replace(ARM, seconds=2))
    done = asked_in_no_time(model, map(one, "abc"))

    assert [done.results[place] for place in range(3)] == [Failure("timeout", "no whole answer within 2 s", 1)] * 3
    assert len(model.asked) == 3
    assert done.seconds == pytest.approx(2)


def test_an_answer_that_cannot_be_read_is_never_kept_and_the_others_go_on(cache: Cache) -> None:
    def reply(request: Request) -> str:
        return "# html" if request.messages[0].content == "b" else "fine"

    done = asked_in_no_time(Fake(reply), map(one, "abc"), cache=cache)

    assert done.texts == ["fine", "invalid", "fine"]
    assert [stock.answers for stock in cache.info()] == [2]


def test_a_model_with_a_fault_of_its_own_gives_failures_not_a_crash() -> None:
    def reply(request: Request) -> str:
        raise ZeroDivisionError("third party")

    done = asked_in_no_time(Fake(reply), [one("a")])

    assert done.results == {0: Failure("invalid", "ZeroDivisionError: third party", 1)}


def test_a_refused_key_stops_the_run_with_one_line_after_at_most_as_many_requests_as_go_at_once() -> None:
    model = failing("denied", stops="run")

    with pytest.raises(ModelFailed) as raised:
        asked(model, (one(str(place)) for place in range(10_000)), limits=Limits(at_once=8))

    assert str(raised.value) == "model 'tuned': status of denied"
    assert raised.value.exit_code == 2
    assert len(model.asked) <= 8


def test_a_model_that_is_not_there_stops_for_itself_only() -> None:
    gone = Fake(failing("gone", stops="model").reply, replace(ARM, ref=ModelRef("gone", "openai:gone")))
    well = Fake(upper)
    results: dict[int, Answer] = {}
    flows = (one(str(place), model=model.ref) for place in range(500) for model in (gone, well))

    took = run(flows, {"gone": gone, "tuned": well}, cache=None, limits=Limits(), finished=results.__setitem__)

    assert took["gone"].sent <= 4
    assert (took["gone"].failed, took["tuned"].answered) == (500, 500)


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize(("kind", "stops"), [("gone", "model"), ("quota", "run")])
def test_a_model_that_is_asked_no_further_is_told_of_once(kind: str, stops: str, count: int) -> None:
    notes = Notes()

    asked(failing(kind, stops=stops), map(one, map(str, range(count))), watch=notes)

    assert notes.said == [f"model 'tuned': status of {kind}; nothing more is asked of it"]


def test_the_first_failure_of_each_kind_is_told_of() -> None:
    notes = Notes()

    def reply(request: Request) -> str:
        text = request.messages[0].content
        if text in "bc":
            raise ModelFailed("rejected", f"status 400: {text}")
        return "# html" if text in "de" else "fine"

    asked(Fake(reply, replace(ARM, at_once=1, tries=1)), map(one, "abcdef"), watch=notes)

    assert notes.said == ["model 'tuned': status 400: b", "model 'tuned': no answer: # html"]


def test_a_used_up_quota_ends_all_at_once_and_keeps_the_answers(cache: Cache) -> None:
    def reply(request: Request) -> str:
        if int(request.messages[0].content) >= 10:
            raise ModelFailed("quota", "insufficient_quota", stops="run")
        return "yes"

    model = Fake(reply)
    done = asked_in_no_time(model, (one(str(place)) for place in range(1000)), cache=cache)

    assert len(model.asked) < 20
    assert done.tally.failed == 990
    assert asked(Fake(upper), (one(str(place)) for place in range(10)), cache).tally.sent == 0


def test_nobody_there_is_found_out_without_asking_ten_thousand_times() -> None:
    model = failing("unreachable", again=True)

    done = asked_in_no_time(model, (one(str(place)) for place in range(10_000)))

    assert done.tally.failed == 10_000
    assert len(model.asked) == 4 * 5
    assert done.seconds < 0.25 + 1 + 4 + 15


# --- limits of the run ------------------------------------------------------------------------------------------------


def test_no_more_is_under_way_than_the_arm_and_the_run_allow() -> None:
    async def reply(request: Request) -> str:
        await asyncio.sleep(1)
        return "yes"

    flows = [one(str(place)) for place in range(40)]
    wide, narrow, narrower = (Fake(reply, replace(ARM, at_once=at_once)) for at_once in (8, 8, 2))

    asked_in_no_time(wide, list(map(one, map(str, range(40)))))
    asked_in_no_time(narrow, flows, Limits(at_once=3))
    asked_in_no_time(narrower, list(map(one, map(str, range(40)))), Limits(at_once=16))

    assert (wide.most, narrow.most, narrower.most) == (8, 3, 2)


def test_a_budget_is_kept_by_setting_aside_what_is_under_way(cache: Cache) -> None:
    async def reply(request: Request) -> str:
        await asyncio.sleep(1)
        return "yes"

    # 7 tokens in at 100 and 5 out at 200 USD a million: 0.0017 USD an answer, so 0.1 USD buy 58.8.
    model = Fake(reply, priced(100, 200, at_once=16))
    model.tokens = Usage(7, 5)
    done = asked_in_no_time(
        model, (one(str(place), params={"max_tokens": 5}) for place in range(200)), Limits(budget_usd=0.1)
    )

    assert done.tally.usd == pytest.approx(0.0017 * done.tally.answered)
    assert done.tally.answered == 58
    assert done.texts.count("budget") == 142


def test_known_answers_cost_nothing_and_come_though_the_budget_is_spent(cache: Cache) -> None:
    asked(Fake(upper, priced(100, 200)), map(one, "abc"), cache)

    done = asked(Fake(upper, priced(100, 200)), map(one, "abcd"), cache, Limits(budget_usd=0))

    assert done.texts == ["A", "B", "C", "budget"]
    assert done.tally.usd == 0.0


def test_a_budget_needs_a_price_and_says_so_before_anything_is_asked() -> None:
    model = Fake(upper)

    with pytest.raises(EvalError) as raised:
        asked(model, [one("a")], limits=Limits(budget_usd=1e-05))

    assert str(raised.value) == (
        "a budget of 0.00001 USD needs to know what model 'tuned' costs\n"
        "  hint: give it a price in USD a million tokens: price = { input = 2.5, output = 10 }"
    )
    assert model.asked == []


def test_the_price_of_a_run_is_unknown_without_a_price() -> None:
    assert asked(Fake(upper), [one("a")]).tally.usd is None


def test_a_server_that_does_not_count_tokens_is_charged_by_estimate() -> None:
    model = Fake(upper, priced(0, 1000))
    model.tokens = Usage()

    done = asked(model, [one("a", params={"max_tokens": 100})])

    assert done.tally.usd == pytest.approx(0.1)


def test_a_run_ends_at_its_deadline_with_what_it_has(cache: Cache) -> None:
    async def reply(request: Request) -> str:
        await asyncio.sleep(4)
        return "yes"

    done = asked_in_no_time(Fake(reply), (one(str(place)) for place in range(1000)), Limits(deadline_seconds=10), cache)

    assert done.seconds == pytest.approx(10, abs=0.1)
    assert {text: done.texts.count(text) for text in set(done.texts)} == {"yes": 8, "timeout": 4, "stopped": 988}


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_a_deadline_that_has_passed_before_the_first_question_asks_nothing(seconds: float) -> None:
    model = Fake(upper)

    done = asked_in_no_time(model, map(one, "abcdef"), Limits(deadline_seconds=seconds))

    assert done.texts == ["stopped"] * 6
    assert model.asked == []


def test_known_answers_come_though_there_is_no_time(cache: Cache) -> None:
    asked(Fake(upper), map(one, "ab"), cache)

    done = asked(Fake(upper), map(one, "abc"), cache, Limits(deadline_seconds=0))

    assert done.texts == ["A", "B", "stopped"]
    assert done.results[2] == Failure("stopped", "not asked within the run's 0 s", 0)
