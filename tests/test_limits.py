"""How close a run comes to a server's limits, and what it does when told to wait; on a clock that jumps."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import EvalError, ModelFailed
from evalharness.limits import Bucket, Limits, failure_kind, plain, steady
from evalharness.protocol import Allowance
from evalharness.records import Failure, Request, Usage
from tests.fakes import ARM, Done, Fake, Leak, Windows, asked_in_no_time, now, one

WIDE = replace(ARM, at_once=64)


def questions(server: Windows | Leak, count: int) -> tuple[Fake, Done]:
    model = Fake(server.answer, WIDE)
    if isinstance(server, Leak):
        server.model = model
    return model, asked_in_no_time(model, (one(str(place)) for place in range(count)))


def always_refusing(wait: float | None, times: list[float]) -> Fake:
    def reply(request: Request) -> str:
        times.append(now())
        raise ModelFailed("limit", "status 429", again=True, wait=wait)

    return Fake(reply)


@pytest.mark.parametrize(
    ("most", "seconds", "count"),
    [(500, 60.0, 2500), (20, 1.0, 1000), (3, 60.0, 21)],
    ids=["500 a minute", "20 a second", "3 a minute"],
)
def test_a_limit_by_windows_is_used_to_nine_tenths_when_only_429s_tell(most: int, seconds: float, count: int) -> None:
    server = Windows(most, seconds, latency=1.0 if seconds > 1 else 0.05, says=True)

    _, done = questions(server, count)

    assert done.texts == ["yes"] * count
    ideal = (count / most - 1) * seconds  # the first window's share is free at once
    assert ideal / done.seconds >= 0.9


@pytest.mark.parametrize(
    ("most", "a_second", "latency", "seconds"),
    [(500, 500 / 60, 1.0, 240), (10, 50.0, 0.1, 30), (5, 5.0, 5.0, 240)],
    ids=["500 a minute", "50 a second", "5 a second, slowly"],
)
def test_a_limit_that_headers_state_is_used_to_nine_tenths(
    most: int, a_second: float, latency: float, seconds: int
) -> None:
    count = most + int(a_second * seconds)
    server = Leak(most, a_second, latency, says=True)

    _, done = questions(server, count)

    assert done.texts == ["yes"] * count
    assert seconds / done.seconds >= 0.9
    assert server.refused <= 64 + count * 0.1  # the first burst, and few more


def test_a_limit_that_only_mute_429s_tell_of_loses_no_question() -> None:
    server = Leak(10, 50.0, 0.1, says=False)

    _, done = questions(server, 1000)

    assert done.texts == ["yes"] * 1000
    assert (990 / 50) / done.seconds >= 0.8


def test_tokens_a_minute_are_learnt_from_headers() -> None:
    credit = {"level": 6000.0, "at": 0.0}

    async def reply(request: Request) -> str:
        credit["level"] = min(6000.0, credit["level"] + (now() - credit["at"]) * 100)
        credit["at"] = now()
        assert credit["level"] >= 600, "asked for more than there is"
        credit["level"] -= 600
        left, reset = int(credit["level"]), (6000 - credit["level"]) / 100
        await asyncio.sleep(0.5)
        model.allowance = Allowance(tokens=6000, tokens_left=left, tokens_reset=reset)
        return "yes"

    model = Fake(reply, replace(ARM, at_once=2))
    model.tokens = Usage(100, 500)
    done = asked_in_no_time(model, (one(str(place), params={"max_tokens": 600}) for place in range(60)))

    assert done.texts == ["yes"] * 60
    assert 300 / done.seconds >= 0.9  # 36,000 tokens, 6,000 at once and 100 a second


@pytest.mark.parametrize("a_minute", [7, 60, 1200])
def test_the_arms_own_limit_is_used_and_never_exceeded_in_any_minute(a_minute: int) -> None:
    times: list[float] = []

    async def reply(request: Request) -> str:
        times.append(now())
        await asyncio.sleep(0.2)
        return "yes"

    done = asked_in_no_time(Fake(reply, replace(WIDE, a_minute=a_minute)), map(one, map(str, range(3 * a_minute))))

    # The request after a minute's worth goes out a minute later, or after.
    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(times, times[a_minute:], strict=False))
    assert 180 / done.seconds >= 0.9


def test_the_arms_own_tokens_a_minute_are_kept() -> None:
    model = Fake(lambda request: "yes", replace(WIDE, tokens_a_minute=9000))

    done = asked_in_no_time(model, map(one, map(str, range(1800))))

    assert 180 * 0.9 <= done.seconds <= 180 / 0.9  # 1,800 answers of 15 tokens


def test_the_whole_pool_waits_as_long_as_it_is_told_to() -> None:
    times: list[float] = []

    def reply(request: Request) -> str:
        times.append(now())
        if now() < 20:
            raise ModelFailed("limit", "status 429", again=True, wait=20.0)
        return "yes"

    done = asked_in_no_time(Fake(reply), map(one, map(str, range(40))))

    assert done.texts == ["yes"] * 40
    assert [at for at in times if at < 20] == [0.0] * 4
    assert min(at for at in times if at) >= 20.0


def test_a_busy_server_that_says_how_long_is_not_asked_before() -> None:
    times: list[float] = []

    def reply(request: Request) -> str:
        times.append(now())
        if len(times) == 1:
            raise ModelFailed("server", "status 503", again=True, wait=7.0)
        return "yes"

    asked_in_no_time(Fake(reply, replace(ARM, at_once=1)), [one("a"), one("b")])

    assert times[0] == 0.0
    assert times[1] >= 7.0


@pytest.mark.parametrize(("wait", "deadline"), [(301.0, None), (60.0, 30.0)], ids=["too long", "past the deadline"])
def test_a_wait_that_is_too_long_ends_it_at_once_and_is_shown(wait: float, deadline: float | None) -> None:
    times: list[float] = []

    done = asked_in_no_time(
        always_refusing(wait, times), map(one, map(str, range(100))), Limits(deadline_seconds=deadline)
    )

    assert times == [0.0] * len(times)
    assert len(times) <= 4
    assert done.seconds == 0.0
    said = f"status 429 (the server asks to be left alone for {wait:.0f} s)"
    assert done.results[0] == Failure("limit", said, 1)
    assert done.results[99] == Failure("limit", said, 0)


def test_a_server_that_refuses_for_ever_is_asked_as_often_as_the_arm_tries() -> None:
    times: list[float] = []

    done = asked_in_no_time(always_refusing(2.0, times), map(one, map(str, range(1000))))

    assert set(done.texts) == {"limit"}
    assert len(set(times)) == ARM.tries == 5
    assert done.seconds == pytest.approx(4 * 2.0, abs=0.2)


@pytest.mark.parametrize(("tries", "sent"), [(1, 3), (2, 6), (5, 3 + 3 + 2 + 1 + 1)])
def test_no_question_goes_out_more_often_than_the_arm_tries_to_a_server_that_always_says_when_to_come_back(
    tries: int, sent: int
) -> None:
    model = always_refusing(1.0, [])
    model.arm = replace(ARM, tries=tries)

    done = asked_in_no_time(model, map(one, "abc"))

    assert done.texts == ["limit"] * 3
    assert len(model.asked) == sent  # after every refusal fewer at once
    assert all(sum(request == other for other in model.asked) <= tries for request in model.asked)


@pytest.mark.parametrize("wait", [None, 1.0])
def test_one_try_is_one_request_whatever_comes_back_and_the_others_are_still_asked(wait: float | None) -> None:
    def reply(request: Request) -> str:
        if now() < 0.5:
            raise ModelFailed("limit", "status 429", again=True, wait=wait)
        return "yes"

    model = Fake(reply, replace(ARM, at_once=1, tries=1))
    done = asked_in_no_time(model, map(one, "abcdefgh"))

    assert [request.messages[0].content for request in model.asked] == list("abcdefgh")
    assert done.texts[0] == "limit"
    assert done.texts[-1] == "yes"


def test_a_server_that_refuses_without_a_word_is_asked_for_a_minute() -> None:
    times: list[float] = []

    done = asked_in_no_time(always_refusing(None, times), map(one, map(str, range(1000))))

    assert set(done.texts) == {"limit"}
    assert 65 <= done.seconds < 65 + 15
    assert len(times) < 100


def test_a_quota_by_the_day_that_is_used_up_ends_the_run_for_its_model() -> None:
    async def reply(request: Request) -> str:
        model.allowance = Allowance(requests=200, requests_left=0, requests_reset=24 * 3600.0)
        return "yes"

    model = Fake(reply, replace(ARM, at_once=1))
    done = asked_in_no_time(model, [one("a"), one("b")])

    assert done.texts == ["yes", "limit"]
    failure = done.results[1]
    assert isinstance(failure, Failure)
    assert failure.message.startswith("the account's limit is used up; it would take ")


@given(
    a_minute=st.integers(1, 100_000),
    gaps=st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=200),
)
@settings(max_examples=50, deadline=None)
def test_no_minute_takes_more_from_a_steady_bucket_than_its_number(a_minute: int, gaps: list[float]) -> None:
    bucket = steady(a_minute)
    at, taken = 0.0, []
    for gap in gaps:
        at += gap
        for _ in range(3):
            if bucket.wait(1, at) == 0:
                bucket.take(1)
                taken.append(at)

    for start in taken:
        assert sum(start <= other < start + 60 for other in taken) <= a_minute + 1  # one at either end


def test_a_bucket_says_how_long_and_gives_what_costs_more_than_it_holds_when_it_is_full() -> None:
    bucket = Bucket(10, 2.0)

    assert bucket.wait(10, 0.0) == 0.0
    bucket.take(10)
    assert bucket.wait(4, 1.0) == 1.0
    assert bucket.wait(1000, 1.0) == 4.0
    assert Bucket(10, 0.0, level=0).wait(1, 0.0) == math.inf


def test_a_kind_of_failure_that_nobody_knows_is_an_invalid_answer() -> None:
    assert (failure_kind("timeout"), failure_kind("strange")) == ("timeout", "invalid")


@pytest.mark.parametrize("limit", ["deadline_seconds", "budget_usd"])
def test_a_limit_that_is_no_number_is_refused_with_one_line(limit: str) -> None:
    said = {"deadline_seconds": "a run's deadline is a number of seconds", "budget_usd": "a budget is a number of USD"}

    with pytest.raises(EvalError) as raised:
        Limits(**{limit: math.nan})  # type: ignore[arg-type] # by test

    assert raised.value.what == f"{said[limit]}, got nan"


@pytest.mark.parametrize(
    ("usd", "text"), [(1e-05, "0.00001"), (5.0, "5"), (0.25, "0.25"), (100.0, "100"), (0, "0"), (2e22, "2" + "0" * 22)]
)
def test_usd_are_shown_as_plain_decimals(usd: float, text: str) -> None:
    assert plain(usd) == text
