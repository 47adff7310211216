"""Vectors and the likelihood of prompts, over HTTP: with the official client, and with the harness's own arms."""

from __future__ import annotations

import math
from collections.abc import Iterator

import openai
import pytest

from evalharness.config import Arm
from evalharness.engine import run
from evalharness.flow import Answer, Flow, ask_all
from evalharness.limits import Limits
from evalharness.models.base import open_model
from evalharness.records import Failure, Message, ModelRef, Payload, Request, Response
from evalharness.serving.app import Server, Settings
from evalharness.serving.tiny import Tiny
from tests.serving.clients import client, served, strays

ASKED = (Message("user", "What is the capital of France?"),)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    with served(tmp_path_factory.mktemp("parrot")) as found:
        yield found


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tiny") / "server"
    with Server(Tiny.loaded(), Settings(folder)) as server:
        yield server.url


def test_texts_have_vectors_in_their_order_with_every_field(api: openai.OpenAI) -> None:
    packed = api.embeddings.create(model="parrot-1", input=["hello there", "x"])  # the client asks for base64
    plain = api.embeddings.create(model="parrot-1", input="hello there", encoding_format="float")

    assert strays(packed) == []
    assert [row.embedding for row in packed.data] == [[2.0, 11.0], [1.0, 1.0]]
    assert plain.data[0].embedding == [2.0, 11.0]
    assert (packed.usage.prompt_tokens, packed.usage.total_tokens) == (3, 3)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [""]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": " "}, "input"),
        ({"input": None}, "input"),
        ({"input": "a", "dimensions": 3}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "extra_body": {"inputs": "b"}}, None),
    ],
)
def test_what_cannot_be_honoured_is_refused(api: openai.OpenAI, fields: dict[str, object], param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        api.embeddings.create(model="parrot-1", **fields)  # type: ignore[arg-type] # by test

    assert refused.value.param == param


def test_a_model_that_is_not_there_has_no_vectors(api: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        api.embeddings.create(model="parrot-2", input="a")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"add_generation_prompt": False}, "Exactly one of"),
        ({"continue_final_message": True}, "Exactly one of"),
        ({"continue_final_message": True, "add_generation_prompt": False}, "The message to continue"),
        ({"prompt_logprobs": 5}, "Invalid 'prompt_logprobs'"),
        ({"prompt_logprobs": 1, "stream": True}, "'prompt_logprobs' are not available"),
    ],
)
def test_prompts_are_told_of_to_the_letter_or_not_at_all(
    api: openai.OpenAI, fields: dict[str, object], what: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=what):
        api.chat.completions.create(
            model="parrot-1", messages=[{"role": "user", "content": "hello"}], extra_body=fields
        )


def test_without_the_wish_nothing_is_told_of_a_prompt(url: str) -> None:
    with client(url) as api:
        answer = api.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hi"}], max_tokens=1)

    assert strays(answer) == []


# --- asked by the harness ---------------------------------------------------------------------------------------------


def answers(url: str, *requests: tuple[str, tuple[Message, ...]], params: Payload | None = None) -> list[Answer]:
    """The answers of the local server, then those of the same model in this process, to questions by their kind."""
    local = open_model(Arm(ModelRef("local", "openai:tiny", base_url=url)))
    here = open_model(Arm(ModelRef("here", "tiny:base")))

    def asks(request: Request) -> Flow[Answer]:
        (answer,) = yield from ask_all(request)
        return answer

    flows = [
        asks(Request(model.ref, messages, params or {"temperature": 0}, kind=kind))  # type: ignore[arg-type] # by test
        for model in (local, here)
        for kind, messages in requests
    ]
    results: dict[int, Answer] = {}
    run(flows, {"local": local, "here": here}, cache=None, limits=Limits(), finished=results.__setitem__)
    return [results[place] for place in range(len(flows))]


def test_an_arm_at_the_local_server_and_one_in_process_give_the_same_vector(url: str) -> None:
    local, here = answers(url, ("embed", ASKED))

    assert isinstance(local, Response)
    assert isinstance(here, Response)
    assert local.vector == here.vector
    assert math.hypot(*local.vector) == pytest.approx(1.0, abs=1e-5)
    assert local.usage == here.usage
    assert (local.served, here.served) == ("tiny", "base")


@pytest.mark.parametrize("gold", ["The capital of France is Paris.", "Rome", "é 漢字 \N{SNOWMAN}"])
def test_an_arm_at_the_local_server_and_one_in_process_hold_an_answer_as_likely(url: str, gold: str) -> None:
    local, here = answers(url, ("likelihood", (*ASKED, Message("assistant", gold))))

    assert isinstance(local, Response)
    assert isinstance(here, Response)
    assert local.text == here.text == gold
    assert "".join(token.text for token in here.logprobs) == gold
    assert [token.logprob for token in local.logprobs] == [token.logprob for token in here.logprobs]


def test_an_arm_at_the_local_server_and_one_in_process_tell_the_same_of_what_they_say(url: str) -> None:
    params: Payload = {"temperature": 0, "logprobs": True, "top_logprobs": 2}
    local, here = answers(url, ("chat", ASKED), params=params)

    assert isinstance(local, Response)
    assert isinstance(here, Response)
    assert local.text == "".join(token.text for token in local.logprobs).strip()
    assert local.logprobs == here.logprobs
    assert all(len(token.others) == 2 and token.others[0] == (token.text, token.logprob) for token in here.logprobs)


def test_an_answer_that_does_not_fit_is_refused_by_both(url: str) -> None:
    found = answers(url, ("likelihood", (*ASKED, Message("assistant", "word " * 300))), ("embed", (*ASKED, *ASKED)))

    assert [answer.kind for answer in found if isinstance(answer, Failure)] == ["rejected"] * 4
