"""Vectors and prompts as servers write them, and as they are kept."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.endpoints import (
    KEPT,
    NO_PROMPTS,
    Prompt,
    behind,
    kept,
    kept_likelihood,
    kept_vector,
    prompt,
    vectors,
)
from evalharness.protocol import NoCompletion
from evalharness.records import Payload, Response, Token, Usage

DEEP = "[" * 5000 + "]" * 5000


def row(index: object, *numbers: object) -> Payload:
    return {"object": "embedding", "index": index, "embedding": list(numbers)}


def answer(*rows: object, **more: object) -> str:
    return json.dumps({"object": "list", "data": list(rows), "model": "small", **more})


def test_each_text_has_its_vector_whatever_order_they_come_in() -> None:
    told = answer(row(1, 0, 1.5), row(0, -1, 0.25), usage={"prompt_tokens": 4, "total_tokens": 4})

    found = [kept(text) for text in vectors(told, ["one", "a"])]

    assert found == [
        Response("", usage=Usage(3, 0), served="small", vector=(-1.0, 0.25)),
        Response("", usage=Usage(1, 0), served="small", vector=(0.0, 1.5)),
    ]


@given(st.integers(0, 10**9), st.lists(st.text(max_size=40), min_size=1, max_size=30))
@settings(max_examples=20)
def test_no_token_is_lost_when_they_are_shared_out(count: int, texts: list[str]) -> None:
    told = answer(*[row(place, 1.0) for place in range(len(texts))], usage={"prompt_tokens": count})

    shares = [kept(text).usage.tokens_in for text in vectors(told, texts)]

    assert sum(shares) == count or not any(texts)
    assert min(shares) >= 0


@pytest.mark.parametrize(
    "told",
    [
        "",
        "null",
        "[]",
        "<html>502</html>",
        '{"data": [',
        DEEP,
        '{"data": null}',
        '{"data": {"embedding": [1]}}',
        '{"error": {"message": "no such model"}}',
        answer(),
        answer(row(0, 1.0)),
        answer(row(0, 1.0), row(1, 1.0), row(2, 1.0)),
        answer(row(0, 1.0), row(0, 1.0)),
        answer(row(0, 1.0), row(2, 1.0)),
        answer(row(0, 1.0), row(True, 1.0)),
        answer(row("0", 1.0), row("1", 1.0)),
        answer(row(0, 1.0), row(None, 1.0)),
        answer(row(0, 1.0), row(1, 1.0, 2.0)),
        answer(row(0, 1.0), row(1)),
        answer(row(0, 1.0), row(1, None)),
        answer(row(0, 1.0), row(1, True)),
        answer(row(0, 1.0), row(1, "1.0")),
        answer(row(0, 1.0), row(1, math.nan)),
        answer(row(0, 1.0), row(1, math.inf)),
        answer(row(0, 1.0), row(1, 1e200)),
        answer(row(0, 1.0), row(1, 10**400)),
        answer(row(0, 1.0), {"index": 1, "embedding": "AACAPw=="}),
        answer(row(0, 1.0), {"index": 1}),
        answer(row(0, 1.0), "vector"),
        answer(row(0, *[0.5] * 70_000), row(1, *[0.5] * 70_000)),
        f'{{"data": [{{"index": 0, "embedding": {"[" * 500}1{"]" * 500}}}, 1]}}',
    ],
)
def test_what_are_not_the_vectors_asked_for_are_refused(told: str) -> None:
    with pytest.raises(NoCompletion) as refused:
        vectors(told, ["one", "two"])

    assert len(str(refused.value)) < 400


def read(*words: object) -> str:
    """An answer of a server that read these: (id, logprob), or with the likeliest token of the place behind."""
    rows: list[Payload | None] = []
    for word in words:
        pairs = word if isinstance(word, tuple) else (word,)
        told: Payload = {str(ident): {"logprob": logprob, "decoded_token": f"w{ident}"} for ident, logprob in pairs}
        rows.append(told if rows else None)
    return json.dumps({"model": "served", "prompt_logprobs": rows, "usage": {"prompt_tokens": len(words)}})


def test_the_token_that_stands_in_a_prompt_is_the_less_likely_of_the_two_told() -> None:
    found = prompt(read(((1, 0.0),), ((5, -0.1), (6, -2.5)), ((7, -3.0), (8, -0.2)), ((9, -0.5),)))

    assert found == Prompt(
        (None, "6", "7", "9"),
        (None, Token("w6", -2.5), Token("w7", -3.0), Token("w9", -0.5)),
        Usage(4, 0),
        "served",
        None,
    )


def test_of_two_that_are_equally_likely_it_is_the_one_of_the_higher_rank() -> None:
    tie = {"4": {"logprob": -0.5, "rank": 1}, "3": {"logprob": -0.5, "rank": 2}}

    assert prompt(json.dumps({"prompt_logprobs": [None, tie]})).ids == (None, "3")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"prompt_logprobs": None},
        {"prompt_logprobs": {"1": -1}},
        {"prompt_logprobs": [None, None]},
        {"prompt_logprobs": [None, {}]},
        {"prompt_logprobs": [None, []]},
        {"prompt_logprobs": [None, {"1": -1.0}]},
        {"prompt_logprobs": [None, {"1": {"logprob": None}}]},
        {"prompt_logprobs": [None, {"1": {"logprob": 0.7}}]},
        {"prompt_logprobs": [None, {"1": {"logprob": float("nan")}}]},
        {"prompt_logprobs": [None, {str(n): {"logprob": -1.0} for n in range(3)}]},
        {"error": "prompt_logprobs: unknown"},
    ],
)
def test_a_prompt_that_is_not_told_token_by_token_is_refused(told: Payload) -> None:
    with pytest.raises(NoCompletion):
        prompt(json.dumps(told))


def test_a_server_that_does_not_tell_of_prompts_is_told_from_one_that_tells_nonsense() -> None:
    with pytest.raises(NoCompletion, match=f"^{NO_PROMPTS}$"):
        prompt(json.dumps({"choices": [{"message": {"content": "Paris"}}]}))


QUESTION = prompt(read(((1, 0.0),), ((2, -0.5),), ((3, -0.5),)))


def test_the_answer_is_what_stands_behind_the_question() -> None:
    whole = prompt(read(((1, 0.0),), ((2, -0.5),), ((3, -0.5),), ((4, -0.1),), ((5, -0.2),)))

    assert behind(QUESTION, whole, "w4 w5") == (Token("w4", -0.1), Token("w5", -0.2))


@pytest.mark.parametrize(
    ("ids", "reply"),
    [
        ((1, 2, 3), "w4"),  # nothing behind it
        ((1, 2), "w4"),
        ((1, 2, 9, 4), "w4"),  # the template closes the question another way
        ((1, 2, 3, 8, 4), "w4"),  # and puts something before the answer
    ],
)
def test_a_template_that_does_not_put_the_answer_right_behind_is_found_out(ids: tuple[int, ...], reply: str) -> None:
    whole = prompt(read(*[((ident, -0.5),) for ident in ids]))

    with pytest.raises(NoCompletion):
        behind(QUESTION, whole, reply)


def test_words_that_no_token_spells_alone_are_taken_on_trust() -> None:
    told = json.loads(read(((1, 0.0),), ((2, -0.5),), ((3, -0.5),), ((4, -0.1),), ((5, -0.2),)))
    told["prompt_logprobs"][3]["4"]["decoded_token"] = "\ufffd"
    told["prompt_logprobs"][4]["5"]["decoded_token"] = "\ufffd"

    assert len(behind(QUESTION, prompt(json.dumps(told)), "漢")) == 2


def test_what_is_kept_is_read_as_it_was() -> None:
    vector = kept_vector([0.1, -2.0], 7, "small")
    weighed = kept_likelihood("Par\ud800is", [Token("Par\ud800", -0.5), Token("is", -1e-17)], Usage(9, 1), "m", "fp")

    assert vector.startswith(KEPT)
    assert weighed.startswith(KEPT)
    assert kept(vector) == Response("", usage=Usage(7, 0), served="small", vector=(0.1, -2.0))
    assert kept(weighed) == Response(
        "Par\ud800is", "answered", Usage(9, 1), "m", "fp", (Token("Par\ud800", -0.5), Token("is", -1e-17))
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"kept":"vector"',
        '{"kept":"vector"}',
        '{"kept":"vector","vector":[1],"tokens":[1]}',
        '{"kept":"vector","vector":[],"tokens":[1,0]}',
        '{"kept":"vector","vector":["a"],"tokens":[1,0]}',
        '{"kept":"vector","text":"a","logprobs":[["a",-1]],"tokens":[1,0]}',
        '{"kept":"likelihood","text":"a","logprobs":[],"tokens":[1,0]}',
        '{"kept":"likelihood","text":"a","logprobs":[["a"]],"tokens":[1,0]}',
        '{"kept":"likelihood","text":"a","logprobs":[["a",1.0]],"tokens":[1,0]}',
        '{"kept":"other","tokens":[1,0]}',
    ],
)
def test_what_was_not_kept_like_that_is_no_answer(text: str) -> None:
    with pytest.raises(NoCompletion):
        kept(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["1", "logprob", "index"]), inner),
    max_leaves=8,
)


@given(st.sampled_from(["data", "prompt_logprobs", "vector", "logprobs", "tokens", "usage"]), JSON)
@settings(max_examples=60)
def test_whatever_a_server_sends_is_an_answer_or_none(field: str, value: object) -> None:
    told = json.dumps({"kept": "vector", "data": [], "vector": [1], "tokens": [1, 0], field: value})

    for read in (kept, prompt, lambda text: vectors(text, ["a"])):
        with contextlib.suppress(NoCompletion):
            read(told)
