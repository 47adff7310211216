"""Chats: whole and in pieces, several replies, likelihoods, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionUserMessageParam

from tests.serving.clients import served

Asked: TypeAlias = list[ChatCompletionUserMessageParam]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    with served(tmp_path_factory.mktemp("chat")) as found:
        yield found


def asked(words: str) -> Asked:
    return [{"role": "user", "content": words}]


def texts(answer: ChatCompletion) -> list[str | None]:
    return [choice.message.content for choice in answer.choices]


def refused(api: openai.OpenAI, **fields: object) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as failed:
        api.chat.completions.create(model="parrot-1", messages=asked("a"), extra_body=fields, temperature=openai.omit)
    return failed.value


def test_equal_questions_have_equal_answers_under_one_id(api: openai.OpenAI) -> None:
    first, second = (api.chat.completions.create(model="parrot-1", messages=asked("a b"), seed=4) for _ in range(2))

    assert texts(first) == ["a b 4"]
    assert first.model_dump(exclude={"created"}) == second.model_dump(exclude={"created"})


def test_another_seed_has_another_id(api: openai.OpenAI) -> None:
    first, second = (api.chat.completions.create(model="parrot-1", messages=asked("a"), seed=seed) for seed in (1, 2))

    assert first.id != second.id


def test_several_replies_count_their_question_once(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(model="parrot-1", messages=asked("a b"), n=3, temperature=0)

    assert texts(answer) == ["a b"] * 3
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2, 6, 8)


def test_a_reply_is_cut_at_max_tokens_and_says_so(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(model="parrot-1", messages=asked("a b c"), temperature=0, max_tokens=2)

    assert (texts(answer), answer.choices[0].finish_reason) == (["a b"], "length")


def test_likelihoods_are_told_by_token_with_the_likeliest_beside_them(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(
        model="parrot-1", messages=asked("a é"), temperature=0, logprobs=True, top_logprobs=2
    )

    told = answer.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert [(token.token, token.logprob, token.bytes) for token in told.content] == [
        ("a", -0.5, [97]),
        (" é", -0.5, [32, 0xC3, 0xA9]),
    ]
    assert [(top.token, top.logprob) for top in told.content[1].top_logprobs] == [(" é", -0.5), ("crow", -2.0)]


def test_the_pieces_of_a_stream_make_the_same_replies(api: openai.OpenAI) -> None:
    whole = api.chat.completions.create(model="parrot-1", messages=asked("a b"), n=2)
    with api.chat.completions.create(model="parrot-1", messages=asked("a b"), n=2, stream=True) as stream:
        pieces = list(stream)

    said = ["", ""]
    for piece in pieces:
        for choice in piece.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == texts(whole)
    assert {piece.id for piece in pieces} == {whole.id}
    ends = [choice.finish_reason for piece in pieces for choice in piece.choices if choice.finish_reason]
    assert ends == ["stop", "stop"]


def test_usage_comes_last_in_a_stream_that_asks_for_it(api: openai.OpenAI) -> None:
    with api.chat.completions.create(
        model="parrot-1", messages=asked("a"), stream=True, stream_options={"include_usage": True}
    ) as stream:
        pieces = list(stream)

    assert [piece.usage.total_tokens for piece in pieces if piece.usage] == [3]
    assert pieces[-1].choices == []


def test_an_unknown_model_is_404(api: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as failed:
        api.chat.completions.create(model="crow", messages=asked("a"))

    assert failed.value.code == "model_not_found"
    assert failed.value.body == {
        "message": "The model `crow` does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }


def test_a_question_that_is_too_long_has_the_code_that_clients_know(api: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as failed:
        api.chat.completions.create(model="parrot-1", messages=asked("a " * 101))

    assert (failed.value.code, failed.value.param) == ("context_length_exceeded", "messages")


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"temperature": 3}, "temperature", "integer above maximum value. Expected a value <= 2, but got 3 instead."),
        ({"temperature": "hot"}, "temperature", "expected a decimal, but got a string instead."),
        ({"n": 0}, "n", "integer below minimum value. Expected a value >= 1, but got 0 instead."),
        ({"n": 10**400}, "n", "Expected a value <= 128, but got 1000000000000000000000000000000000000... instead."),
        ({"temperature": 10**400}, "temperature", "Expected a value <= 2, but got 1000"),
        ({"n": True}, "n", "expected an integer, but got a boolean instead."),
        ({"top_logprobs": 2}, "top_logprobs", "only allowed when 'logprobs' is enabled"),
        ({"tools": [{"type": "function"}]}, "tools", "Unsupported parameter: 'tools' is not supported"),
        ({"messages": []}, "messages", "empty array"),
        ({"messages": [{"role": "boss", "content": "a"}]}, "messages[0].role", "Invalid value: 'boss'."),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "expected a string, got null"),
        ({"temprature": 1}, None, "Unrecognized request argument supplied: temprature"),
        ({"response_format": {"type": "json_object"}}, "response_format", "is not supported with this model"),
        ({"stop": ["a"] * 5}, "stop", "at most 4 strings"),
    ],
)
def test_what_cannot_be_honoured_to_the_letter_is_refused(
    api: openai.OpenAI, fields: dict[str, object], param: str | None, said: str
) -> None:
    error = refused(api, **fields)

    assert (error.status_code, error.param) == (400, param)
    assert said in error.message


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b'{"temperature": NaN}', b'{"n": "\xff"}'])
def test_a_body_that_is_no_json_object_is_refused(api: openai.OpenAI, body: bytes) -> None:
    with pytest.raises(openai.BadRequestError, match="could not parse the JSON body"):
        api.post("/chat/completions", cast_to=object, content=body)


def test_parameters_that_change_nothing_are_taken(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(
        model="parrot-1", messages=asked("a"), temperature=0, user="me", metadata={"a": "b"}, store=False
    )

    assert texts(answer) == ["a"]


def test_a_brain_that_fails_costs_one_answer(tmp_path: Path) -> None:
    from tests.serving.parrot import Parrot

    brain = Parrot(broken=True)
    with served(tmp_path, brain) as api:
        with pytest.raises(openai.InternalServerError, match="The server had an error while processing your request"):
            api.chat.completions.create(model="parrot-1", messages=asked("crash"))

        assert api.models.retrieve("parrot-1").id == "parrot-1"
