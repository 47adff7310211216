"""What the engine does with flows, answers and failures; nothing here waits, and nothing leaves the process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.engine import Interrupted, Limits, Silent, arun, run
from evalharness.errors import ModelFailed, StoreError
from evalharness.flow import Answer, Flow, ask_all
from evalharness.records import Failure, FailureKind, ModelRef, Request, Response, Usage
from tests.fakes import Fake, asked, asked_in_no_time, in_no_time, one, priced, question, talk


def upper(request: Request) -> str:
    return request.messages[-1].content.upper()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as opened:
        yield opened


# --- flows ------------------------------------------------------------------------------------------------------------


def test_turns_are_asked_in_order_and_carry_the_replies_before_them(cache: Cache) -> None:
    model = Fake(upper)
    results: dict[int, tuple[str, ...]] = {}

    run([talk("a", "b")], {"tuned": model}, cache=cache, limits=Limits(), finished=results.__setitem__)

    assert results == {0: ("a", "A", "b", "B")}
    assert [message.content for message in model.asked[1].messages] == ["a", "A", "b"]


def test_a_model_that_is_first_asked_about_an_answer_is_opened_before_that() -> None:
    judge = Fake(lambda request: f"opened {judge.opened} times")
    own = ModelRef("judge", "openai:judge")
    results: dict[int, str] = {}

    def graded() -> Flow[str]:
        (reply,) = yield from ask_all(question("a"))
        assert isinstance(reply, Response)
        (word,) = yield from ask_all(question(f"Is '{reply.text}' good?", ref=own))
        assert isinstance(word, Response)
        return word.text

    models = {"tuned": Fake(upper), "judge": judge}
    run([graded()], models, cache=None, limits=Limits(), finished=results.__setitem__)

    assert results == {0: "opened 1 times"}


def test_results_carry_their_place_in_the_plan_whatever_the_order_of_their_ends() -> None:
    async def reply(request: Request) -> str:
        await asyncio.sleep(10 - int(request.messages[0].content))
        return request.messages[0].content

    done = asked_in_no_time(Fake(reply), (one(str(place)) for place in range(4)))

    assert list(done.results) == [3, 2, 1, 0]
    assert done.texts == ["0", "1", "2", "3"]


def test_a_round_without_questions_goes_on_at_once() -> None:
    def flow() -> Flow[str]:
        nothing = yield ()
        answers = yield from ask_all(question("a"))
        return f"{len(nothing)} {len(answers)}"

    results: dict[int, str] = {}
    run([flow()], {"tuned": Fake(upper)}, cache=None, limits=Limits(), finished=results.__setitem__)

    assert results == {0: "0 1"}


def test_a_plan_without_flows_opens_no_model() -> None:
    model = Fake(upper)

    done = asked(model, [])

    assert done.results == {}
    assert (model.opened, done.tally.sent, done.tally.usd) == (0, 0, 0.0)


def test_a_plan_is_pulled_in_windows_and_never_held_whole(cache: Cache) -> None:
    pulled = ended = most = 0

    def plan() -> Iterator[Flow[Answer]]:
        nonlocal pulled
        for place in range(3000):
            pulled += 1
            yield one(str(place))

    def finished(place: int, result: Answer) -> None:
        nonlocal ended, most
        most = max(most, pulled - ended)
        ended += 1

    run(plan(), {"tuned": Fake(upper)}, cache=cache, limits=Limits(), finished=finished)

    assert ended == 3000
    assert most <= 1280  # five windows of 256


def test_a_flow_that_fails_ends_alone_and_is_raised_when_the_others_are_done() -> None:
    def faulty() -> Flow[Answer]:
        yield from ask_all(question("a"))
        raise KeyError("a third party's scorer")

    results: dict[int, Answer] = {}
    flows = [faulty(), one("b"), faulty(), one("c")]

    with pytest.raises(KeyError, match="third party") as raised:
        run(flows, {"tuned": Fake(upper)}, cache=None, limits=Limits(), finished=results.__setitem__)

    assert sorted(results) == [1, 3]
    assert raised.value.__notes__ == ["and 1 more flows ended like this"]


def test_what_the_caller_cannot_do_stops_the_run_but_keeps_what_is_under_way(cache: Cache) -> None:
    def full(place: int, result: Answer) -> None:
        raise StoreError("no space left")

    async def reply(request: Request) -> str:
        await asyncio.sleep(1 + int(request.messages[0].content) / 10)
        return "yes"

    model = Fake(reply)
    flows = (one(str(place)) for place in range(100))

    with pytest.raises(StoreError, match="no space left"):
        in_no_time(arun(flows, {"tuned": model}, cache=cache, limits=Limits(), finished=full))

    assert len(model.asked) == 4
    assert len(cache.look_up(request.key() for request in model.asked)) == 4


def test_an_event_loop_that_runs_already_is_used() -> None:
    results: dict[int, Answer] = {}

    async def main() -> None:
        await arun([one("a")], {"tuned": Fake(upper)}, cache=None, limits=Limits(), finished=results.__setitem__)

    asyncio.run(main())

    assert results == {0: Response("A", usage=Usage(10, 5))}


def test_it_runs_off_the_main_thread_where_no_signal_can_be_caught() -> None:
    got: list[list[str]] = []
    thread = threading.Thread(target=lambda: got.append(asked(Fake(upper), [one("a")]).texts))

    thread.start()
    thread.join()

    assert got == [["A"]]


# --- what is known ----------------------------------------------------------------------------------------------------


def test_a_second_run_sends_nothing_and_imports_no_event_loop(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from evalharness.cache import Cache
from evalharness.engine import Limits, run
from evalharness.flow import ask_all
from evalharness.config import Arm
from evalharness.models.base import Model
from evalharness.records import Message, ModelRef, Request, Response

class Known(Model):
    async def fetch(self, request):
        return "yes"
    def read(self, text):
        return Response(text)

model = Known(Arm(ModelRef("m", "openai:m")))
def flow(place):
    return (yield from ask_all(Request(model.ref, (Message("user", str(place)),))))

with Cache(Path({str(tmp_path)!r}) / "cache") as cache:
    took = run(map(flow, range(300)), {{"m": model}}, cache=cache, limits=Limits(), finished=lambda place, result: None)
loaded = {{"asyncio", "aiohttp", "diskcache"}} & set(sys.modules)
print(took["m"].sent, took["m"].answered, took["m"].cached, sorted(loaded))
"""

    command = [sys.executable, "-c", code]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]

    assert [output.stderr for output in outputs] == ["", ""]
    assert outputs[0].stdout == "300 300 0 ['asyncio', 'diskcache']\n"
    assert outputs[1].stdout == "0 300 300 []\n"


def test_raising_samples_from_three_to_five_buys_two_for_each_case(cache: Cache) -> None:
    def plan(samples: int) -> list[Flow[Answer]]:
        return [one(case, sample=sample) for case in "abc" for sample in range(samples)]

    first = asked(Fake(upper), plan(3), cache)
    second = asked(Fake(upper), plan(5), cache)

    assert (first.tally.sent, second.tally.sent) == (9, 6)
    assert (second.tally.answered, second.tally.cached) == (15, 9)


def test_a_question_that_several_wait_for_is_asked_once_and_held_from_queueing_to_its_answer(cache: Cache) -> None:
    model = Fake(upper)

    done = asked(model, (one(str(place % 20)) for place in range(200)), cache)

    assert len(model.asked) == 20
    assert (done.tally.sent, done.tally.answered, done.tally.cached) == (20, 200, 180)


def test_single_flight_holds_without_a_cache_too() -> None:
    model = Fake(upper)

    asked(model, [one("a"), one("a"), one("b")])

    assert len(model.asked) == 2


def test_an_answer_is_durable_before_it_is_handed_on(tmp_path: Path) -> None:
    durable = []
    with Cache(tmp_path / "cache") as cache, Cache(tmp_path / "cache") as other:

        def finished(place: int, result: Answer) -> None:
            durable.append(other.look_up([question(str(place)).key()]))

        run(map(one, "0123456789"), {"tuned": Fake(upper)}, cache=cache, limits=Limits(), finished=finished)

    assert [len(found) for found in durable] == [1] * 10


def test_known_text_that_cannot_be_read_any_more_is_asked_for_again(cache: Cache) -> None:
    cache.put(question("a").key(), "# of an older version", question("a"))
    cache.commit()

    done = asked(Fake(upper), [one("a")], cache)

    assert done.texts == ["A"]
    assert cache.look_up([question("a").key()]) == {question("a").key(): "A"}


def test_a_filtered_answer_is_handed_on_but_never_kept(cache: Cache) -> None:
    model = Fake(upper)
    model.outcome = "filtered"

    done = asked(model, [one("a")], cache)

    assert done.texts == ["A"]
    assert cache.info() == ()


def test_an_answer_of_no_words_is_an_answer_and_kept(cache: Cache) -> None:
    model = Fake(lambda request: "")
    model.outcome = "empty"

    asked(model, [one("a")], cache)

    assert asked(model, [one("a")], cache).tally.cached == 1


def test_a_model_whose_answers_lie_on_this_disk_is_not_cached(cache: Cache) -> None:
    class Recording(Fake):
        keeps = False

        def known(self, request: Request) -> str | None:
            return "recorded" if request.messages[0].content == "a" else None

    model = Recording(upper)
    done = asked(model, [one("a"), one("b")], cache)

    assert done.texts == ["recorded", "B"]
    assert (done.tally.sent, done.tally.cached) == (1, 1)
    assert cache.info() == ()


def test_cache_only_asks_nothing_and_says_what_is_missing(cache: Cache) -> None:
    asked(Fake(upper), [one("a")], cache)
    model = Fake(upper)

    done = asked(model, [one("a"), one("b")], cache, Limits(cache="only"))

    assert done.texts == ["A", "missing"]
    assert model.asked == []
    assert done.results[1] == Failure("missing", "the answer is not in the cache, and nothing is asked", 0)


def test_refresh_asks_again_and_keeps_the_newer_answer(cache: Cache) -> None:
    asked(Fake(lambda request: "old"), [one("a")], cache)

    asked(Fake(lambda request: "new"), [one("a")], cache, Limits(cache="refresh"))

    assert asked(Fake(upper), [one("a")], cache).texts == ["new"]


def test_off_neither_reads_nor_keeps(cache: Cache) -> None:
    asked(Fake(lambda request: "old"), [one("a")], cache)

    done = asked(Fake(lambda request: "new"), [one("a"), one("b")], cache, Limits(cache="off"))

    assert done.texts == ["new", "new"]
    assert asked(Fake(upper), [one("a"), one("b")], cache).texts == ["old", "B"]


def test_surrogates_nul_and_ten_megabytes_come_back_as_they_went_in(cache: Cache) -> None:
    texts = {
        "a": "\ud83d \udc00 lone",
        "b": "nul \0 inside",
        "c": "x" * 10_000_000,
        "d": "\r\n\u2028\ufeff é",
        "e": "\n",
    }

    first = asked(Fake(lambda request: texts[request.messages[0].content]), map(one, texts), cache)
    second = asked(Fake(upper), map(one, texts), cache)

    assert first.texts == second.texts == list(texts.values())
    assert second.tally.sent == 0


# --- what a watch is told ---------------------------------------------------------------------------------------------


class Heard(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []

    def planned(self, flows: int | None) -> None:
        self.words.append(f"planned {flows}")

    def answered(self, *, cached: bool, usd: float | None) -> None:
        self.words.append(f"answered {cached} {usd}")

    def failed(self, kind: FailureKind) -> None:
        self.words.append(f"failed {kind}")

    def finished(self) -> None:
        self.words.append("finished")

    def note(self, text: str) -> None:
        self.words.append(text)

    def stopping(self, text: str) -> None:
        self.words.append(text)

    def ended(self) -> None:
        self.words.append("ended")


def test_a_watch_hears_of_answers_failures_ends_and_the_end(cache: Cache) -> None:
    asked(Fake(upper), [one("a")], cache)

    def reply(request: Request) -> str:
        if request.messages[0].content == "c":
            raise ModelFailed("gone", "no such model", stops="model")
        return "yes"

    heard = Heard()
    asked(Fake(reply, priced(100, 200, at_once=1)), [one("a"), one("b"), one("c"), one("d")], cache, watch=heard)

    assert heard.words == [
        *("planned 4", "answered True 0.0", "finished", "answered False 0.002", "finished"),
        "model 'tuned': no such model; nothing more is asked of it",
        *("failed gone", "failed gone", "finished", "finished", "ended"),
    ]


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")], ids=["INT", "TERM"]
)
def test_after_a_signal_the_watch_hears_how_many_answers_are_waited_for(number: signal.Signals, word: str) -> None:
    heard = Heard()

    async def reply(request: Request) -> str:
        if request.messages[0].content == "c":
            signal.raise_signal(number)
        await asyncio.sleep(0.05)
        return "yes"

    with pytest.raises(Interrupted, match=word):
        asked(Fake(reply), map(one, "abcdef"), watch=heard)

    said = f"{word}: waiting at most 10 s for 4 answers under way; again to stop at once"
    assert [text for text in heard.words if "waiting" in text] == [said]
    assert heard.words.count("finished") == 4
