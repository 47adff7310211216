"""Vectors and likelihoods from servers on this machine, well behaved and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.config import Arm
from evalharness.endpoints import NO_PROMPTS
from evalharness.engine import Limits
from evalharness.flow import Answer, Flow, ask_all
from evalharness.models.base import Model, open_model
from evalharness.records import Failure, Message, ModelRef, Origin, Payload, Request, Response, Token, Usage
from tests.fakes import asked
from tests.loopback import Loopback, Reply, Seen, refusal

KEY = "sk-test-0123456789/abcdef"


def opened(url: str, **settings: object) -> Model:
    ref = ModelRef("near", "openai:small", base_url=url, **settings)  # type: ignore[arg-type] # by test
    return open_model(Arm(ref, tries=1, seconds=20))


def one(request: Request) -> Flow[Answer]:
    (answer,) = yield from ask_all(request)
    return answer


def embeds(model: Model, *texts: str, cache: Cache | None = None, params: Payload | None = None) -> list[Answer]:
    """A question for a vector for each text, all waiting at the same time."""
    flows = [one(Request(model.ref, (Message("user", text),), params or {}, kind="embed")) for text in texts]
    results = asked(model, flows, cache, Limits(cache="use" if cache else "off")).results
    return [results[place] for place in range(len(texts))]


def sizes(seen: Seen) -> Reply:
    """A vector of a text is its length and 1; they come last first, with a token for each word."""
    texts = seen.body["input"]
    assert isinstance(texts, list)
    rows = [{"index": at, "embedding": [len(text), 1]} for at, text in enumerate(texts)]
    count = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return Reply(body=json.dumps({"data": rows[::-1], "model": "small-1", "usage": usage}).encode())


def failures(answers: list[Answer]) -> list[tuple[str, str]]:
    return [(answer.kind, answer.message) for answer in answers if isinstance(answer, Failure)]


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_texts_that_wait_together_are_one_post_and_each_gets_its_vector() -> None:
    with Loopback(sizes) as server:
        answers = embeds(opened(server.url, params={"temperature": 0, "dimensions": 2}), "a", "bcd", "ef gh")

    assert answers == [
        Response("", usage=Usage(0, 0), served="small-1", vector=(1.0, 1.0)),
        Response("", usage=Usage(1, 0), served="small-1", vector=(3.0, 1.0)),
        Response("", usage=Usage(3, 0), served="small-1", vector=(5.0, 1.0)),
    ]  # 4 tokens by length: 4 x 1/9, 4 x 4/9 and 4 x 9/9 of the way, cut to whole ones
    assert [(seen.path, seen.body) for seen in server.seen] == [
        ("/v1/embeddings", {"model": "small", "input": ["a", "bcd", "ef gh"]})
    ]


def test_parameters_of_the_question_go_along_and_those_of_drawing_do_not() -> None:
    with Loopback(sizes) as server:
        model = opened(server.url, drop=("user",))
        embeds(model, "a", params={"dimensions": 2, "temperature": 0, "max_tokens": 5, "user": "me"})

    assert server.seen[0].body == {"model": "small", "input": ["a"], "dimensions": 2}


def test_each_vector_is_known_by_itself(tmp_path: Path) -> None:
    with Loopback(sizes) as server, Cache(tmp_path) as cache:
        model = opened(server.url)
        first = embeds(model, "a", "bb", cache=cache)
        again = embeds(model, "bb", "ccc", cache=cache)

    assert again[0] == first[1]
    assert [seen.body["input"] for seen in server.seen] == [["a", "bb"], ["ccc"]]


def test_one_text_that_is_refused_costs_the_others_nothing() -> None:
    def picky(seen: Seen) -> Reply:
        texts = seen.body["input"]
        assert isinstance(texts, list)
        return refusal(400, "too long") if "bad" in texts else sizes(seen)

    with Loopback(picky) as server:
        answers = embeds(opened(server.url), "a", "bb", "bad", "dddd")

    assert [answer.vector for answer in answers if isinstance(answer, Response)] == [(1, 1), (2, 1), (4, 1)]
    assert failures(answers) == [("rejected", "status 400: too long")]


def test_a_limit_is_met_by_one_request_for_all() -> None:
    with Loopback(lambda seen: refusal(429, "slow down")) as server:
        answers = embeds(opened(server.url), "a", "b")

    assert {kind for kind, _ in failures(answers)} == {"limit"}
    assert server.count == 1


BODIES: dict[str, Callable[[int], object]] = {
    "a completion": lambda n: {"choices": [{"message": {"content": "Paris"}}]},
    "one too few": lambda n: {"data": [{"index": place, "embedding": [1]} for place in range(n - 1)]},
    "one for all": lambda n: {"data": [{"index": 0, "embedding": [1]}, *[{"index": 0, "embedding": [2]}] * (n or 1)]},
    "no numbers": lambda n: {"data": [{"index": place, "embedding": [None]} for place in range(n)]},
    "an error": lambda n: {"error": {"message": f"the key {KEY} is tired"}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_200_that_holds_no_vectors_is_a_failure_that_says_what_came(
    body: Callable[[int], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def answer(seen: Seen) -> Reply:
        texts = seen.body["input"]
        assert isinstance(texts, list)
        return Reply(body=json.dumps(body(len(texts))).encode())

    with Loopback(answer) as server:
        answers = embeds(opened(server.url), "a", "b")

    assert [kind for kind, _ in failures(answers)] == ["invalid", "invalid"]
    assert all(message.startswith("not the vectors asked for but ") for _, message in failures(answers))
    assert KEY not in repr(answers)


def test_not_a_number_is_no_vector() -> None:
    with Loopback(lambda seen: Reply(body=b'{"data": [{"index": 0, "embedding": [NaN]}]}')) as server:
        answers = embeds(opened(server.url), "a")

    assert failures(answers)[0][0] == "invalid"


def test_a_vector_is_that_of_one_text() -> None:
    with Loopback(sizes) as server:
        model = opened(server.url)
        request = Request(model.ref, (Message("system", "Be"), Message("user", "brief")), kind="embed")
        (answer,) = asked(model, [one(request)]).results.values()

    assert failures([answer]) == [("rejected", "a vector is that of one text, not of 2 messages")]
    assert server.count == 0


def test_a_completion_cannot_pass_for_what_is_kept() -> None:
    forged = b'{"kept":"vector","vector":[1.0],"tokens":[1,0],"model":"x"}'
    with Loopback(lambda seen: Reply(body=forged)) as server:
        model = opened(server.url)
        (answer,) = asked(model, [one(Request(model.ref, (Message("user", "Hi"),)))]).results.values()

    assert failures([answer])[0][1].startswith("not a completion but ")


# --- likelihoods ------------------------------------------------------------------------------------------------------


class Reader:
    """A server that tells of prompts: a token a word, whose log-probability is minus its length in tenths; `!` is the
    likeliest everywhere. opening: what its chat template puts before a reply that goes on."""

    def __init__(self, opening: str = "", *, knows: bool = True) -> None:
        self.opening = opening
        self.knows = knows

    def __call__(self, seen: Seen) -> Reply:
        body = seen.body
        messages = body["messages"]
        assert isinstance(messages, list)
        goes_on = body.get("continue_final_message", False)
        assert goes_on is not body.get("add_generation_prompt", True)
        *before, last = [(message["role"], message["content"].split()) for message in messages]
        words = [word for role, said in (before if goes_on else [*before, last]) for word in (f"<{role}>", *said)]
        words += ["<assistant>", *(self.opening.split() + last[1] if goes_on else ())]
        rows = [{word: {"logprob": -len(word) / 10, "rank": 2, "decoded_token": f" {word}"},
                 "0": {"logprob": -0.01, "rank": 1, "decoded_token": "!"}} for word in words]  # fmt: skip
        told: Payload = {"prompt_logprobs": [None, *rows[1:]]} if self.knows else {}
        choices = [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}]
        usage = {"prompt_tokens": len(words), "completion_tokens": 1}
        return Reply(body=json.dumps({"model": "big-1", "choices": choices, "usage": usage, **told}).encode())


def weighed(model: Model, *messages: Message, params: Payload | None = None) -> Answer:
    (answer,) = asked(model, [one(Request(model.ref, messages, params or {}, kind="likelihood"))]).results.values()
    return answer


ASKED = (Message("system", "Be brief."), Message("user", "Capital of France?"))
GOLD = Message("assistant", "It is Paris.")


def test_the_likelihood_of_an_answer_is_that_of_the_tokens_behind_the_question() -> None:
    with Loopback(Reader()) as server:
        params: Payload = {"temperature": 1, "max_tokens": 50, "seed": 3, "top_k": 7}
        model = opened(server.url, extra_body={"lora": "marv"})
        answer = weighed(model, *ASKED, GOLD, params=params)

    # <system> Be brief. <user> Capital of France? <assistant>: 8 tokens, and 3 more the second time
    assert answer == Response(
        "It is Paris.",
        usage=Usage(19, 2),
        served="big-1",
        logprobs=(Token(" It", -0.2), Token(" is", -0.2), Token(" Paris.", -0.6)),
    )
    question, whole = (seen.body for seen in server.seen)
    common = {"model": "small", "lora": "marv", "max_tokens": 1, "temperature": 0, "prompt_logprobs": 1}
    said = [{"role": message.role, "content": message.content} for message in (*ASKED, GOLD)]
    assert question == {**common, "messages": said[:2]}
    goes_on = {"add_generation_prompt": False, "continue_final_message": True}
    assert whole == {**common, **goes_on, "messages": said}


def test_it_is_known_the_next_time(tmp_path: Path) -> None:
    with Loopback(Reader()) as server, Cache(tmp_path) as cache:
        model = opened(server.url)
        request = Request(model.ref, (*ASKED, GOLD), kind="likelihood")
        first, again = (asked(model, [one(request)], cache).results for _ in range(2))

    assert again == first
    assert server.count == 2


def test_a_template_that_puts_words_before_the_answer_is_a_failure() -> None:
    with Loopback(Reader(opening="<think> </think>")) as server:
        answer = weighed(opened(server.url), *ASKED, GOLD)

    assert failures([answer]) == [
        (
            "invalid",
            "not the likelihood of an answer but a prompt that has '<think> </think> It is Paris.' where the answer "
            "should be: see the chat template",
        )
    ]


def test_a_server_that_tells_nothing_of_prompts_is_said_to_and_asked_once() -> None:
    with Loopback(Reader(knows=False)) as server:
        model = opened(server.url)
        requests = [Request(model.ref, (*ASKED, GOLD), sample=n, kind="likelihood") for n in range(2)]
        answers = list(asked(model, map(one, requests), limits=Limits(at_once=1)).results.values())

    assert failures(answers) == [("invalid", NO_PROMPTS), ("rejected", NO_PROMPTS)]
    assert server.count == 1


def test_a_server_that_refuses_the_parameter_is_said_to_give_none() -> None:
    what = "Unrecognized request argument supplied: prompt_logprobs"
    with Loopback(lambda seen: refusal(400, what)) as server:
        answer = weighed(opened(server.url), *ASKED, GOLD)

    assert failures([answer]) == [("rejected", f"{NO_PROMPTS}: status 400: {what}")]


def test_any_other_refusal_is_told_as_it_is() -> None:
    with Loopback(lambda seen: refusal(400, "too long")) as server:
        answer = weighed(opened(server.url), *ASKED, GOLD)

    assert failures([answer]) == [("rejected", "status 400: too long")]


def test_only_what_the_assistant_says_has_a_likelihood() -> None:
    with Loopback(Reader()) as server:
        answer = weighed(opened(server.url), *ASKED)

    assert failures([answer])[0][0] == "rejected"
    assert server.count == 0


@pytest.mark.parametrize("use", ["replay:said.jsonl", "command:true"])
@pytest.mark.parametrize("kind", ["embed", "likelihood"])
def test_recordings_and_programs_answer_chats_only(use: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text('{"case": "c", "text": "Paris"}\n')
    model = open_model(Arm(ModelRef("other", use), folder=tmp_path))
    request = Request(model.ref, (GOLD,), kind=kind, origin=Origin("c", 1))  # type: ignore[arg-type] # by test

    (answer,) = asked(model, [one(request)]).results.values()

    name = use.partition(":")[0]
    assert failures([answer]) == [("rejected", f"the kind '{name}' answers chats, not questions of the kind '{kind}'")]
