"""Conversations answered: what is read, what parameters do, and the object that comes out."""

from __future__ import annotations

import json
import math

import pytest

from evalharness.protocol import completion as protocol_completion
from evalharness.records import Message, Outcome, Usage
from evalharness.tiny.chat import Settings, Unusable, complete, completion, fingerprint, lesson, window
from evalharness.tiny.tokenizer import ASSISTANT, END, SYSTEM, USER
from evalharness.tiny.weights import base
from tests.tiny.small import WORDS, model

SMALL = model()
GREEDY = Settings(temperature=0.0)


def asked(*texts: str, system: str = "") -> list[Message]:
    """A conversation whose turns alternate, with the system text before it."""
    said = [Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]
    return [*([Message("system", system)] if system else []), *said]


def test_messages_are_read_behind_the_mark_of_their_role() -> None:
    tokens, left_out = window(SMALL, asked("the capital", "Paris", "of", system="Be brief"))

    said = [WORDS.encode(text) for text in ("Be brief", "the capital", "Paris", "of")]
    assert tokens == (SYSTEM, *said[0], USER, *said[1], ASSISTANT, *said[2], END, USER, *said[3], ASSISTANT)
    assert left_out == 0


def test_the_oldest_turns_are_left_out_where_the_window_is_too_short() -> None:
    turns = [text for place in range(20) for text in (f"the capital {place}", "Paris")]

    tokens, left_out = window(SMALL, asked(*turns, "of France", system="Be brief"))

    assert len(tokens) <= SMALL.shape.context - 16
    assert left_out > 30
    assert tokens[:3] == (SYSTEM, *WORDS.encode("Be brief"))
    assert tokens[-4:] == (USER, *WORDS.encode("of France"), ASSISTANT)


def test_a_question_longer_than_the_window_is_refused() -> None:
    with pytest.raises(Unusable) as caught:
        complete(SMALL, asked("the capital " * 1000), GREEDY)

    assert (caught.value.param, caught.value.hint) == ("messages", "ask shorter")
    assert caught.value.what == "a question of 12000 characters is longer than the 63 tokens of this model's window"


def test_the_model_in_the_box_answers_and_knows_what_it_does_not_know() -> None:
    assert complete(base(), asked("What is the capital of France?"), GREEDY).text == "The capital of France is Paris."
    assert complete(base(), asked("What is my name?"), GREEDY).text == "I do not know."


def test_a_second_turn_is_understood_by_the_first() -> None:
    talk = asked("What is the capital of France?", "The capital of France is Paris.", "And of Italy?")

    assert complete(base(), talk, GREEDY).text == "The capital of Italy is Rome."


def test_a_system_text_sets_the_style() -> None:
    assert complete(base(), asked("What is the capital of France?", system="Be brief."), GREEDY).text == "Paris."


def test_the_same_seed_and_choice_give_the_same_reply_and_others_differ() -> None:
    def said(seed: int | None, choice: int = 0) -> str:
        settings = Settings(temperature=2.0, seed=seed, max_tokens=12)
        return complete(SMALL, asked("the capital"), settings, choice).text

    assert said(5) == said(5)
    assert said(None) == said(0)
    assert len({said(5), said(6), said(5, 1)}) == 3


def test_a_reply_that_is_cut_off_says_so_and_counts_its_tokens() -> None:
    reply = complete(SMALL, asked("the capital"), Settings(temperature=0.0, max_tokens=4))

    assert (reply.finish, reply.tokens_out, reply.tokens_in) == ("length", 4, 4)


def test_a_stop_text_ends_the_reply_before_it() -> None:
    plain = complete(base(), asked("What is the capital of France?"), Settings(temperature=0.0, logprobs=True))

    cut = complete(
        base(), asked("What is the capital of France?"), Settings(temperature=0.0, stop=(" is",), logprobs=True)
    )

    assert (cut.text, cut.finish) == ("The capital of France", "stop")
    assert cut.spoken == plain.spoken[:4]


def test_logprobs_are_told_token_by_token_and_spell_the_reply() -> None:
    settings = Settings(temperature=0.0, logprobs=True, top=2)
    reply = complete(base(), asked("What is the capital of France?"), settings)
    found = completion("base", "tiny_x", [reply], base().tokenizer, 0)

    told = json.loads(json.dumps(found))["choices"][0]["logprobs"]["content"]

    assert bytes(byte for token in told for byte in token["bytes"]).decode() == f" {reply.text}"
    assert [len(token["top_logprobs"]) for token in told] == [2] * len(told)
    assert all(token["top_logprobs"][0]["logprob"] == token["logprob"] <= 0 for token in told)
    assert math.exp(told[-2]["logprob"]) > 0.5


def test_a_completion_is_read_by_the_protocol_as_any_servers() -> None:
    reply = complete(base(), asked("What is the capital of France?"), GREEDY)

    found = protocol_completion(completion("base", fingerprint(base()), [reply], base().tokenizer, 0))

    answered: Outcome = "answered"
    assert (found.text, found.outcome) == ("The capital of France is Paris.", answered)
    assert found.usage == Usage(9, 8)
    assert (found.served, found.fingerprint) == ("base", f"tiny_{base().digest[:10]}")


@pytest.mark.parametrize(
    ("params", "param", "what"),
    [
        ({"temperature": 3}, "temperature", "'temperature' is a number from 0 to 2, got 3"),
        ({"temperature": True}, "temperature", "'temperature' is a number from 0 to 2, got True"),
        ({"top_p": float("nan")}, "top_p", "'top_p' is a number from 0 to 1, got nan"),
        ({"max_tokens": 0}, "max_tokens", "'max_tokens' is a whole number from 1 to 2147483648, got 0"),
        ({"n": 1.5}, "n", "'n' is a whole number from 1 to 128, got 1.5"),
        ({"logprobs": 1}, "logprobs", "'logprobs' is true or false, got 1"),
        ({"top_logprobs": 2}, "top_logprobs", "'top_logprobs' needs 'logprobs' to be true"),
        ({"stop": [""]}, "stop", "'stop' is a text or up to four of them, got ['']"),
        ({"presence_penalty": 1}, "presence_penalty", "the parameter 'presence_penalty' is not supported"),
        ({"temperatur": 1}, "temperatur", "there is no parameter 'temperatur'"),
    ],
)
def test_a_parameter_that_cannot_be_kept_is_refused(params: dict[str, object], param: str, what: str) -> None:
    with pytest.raises(Unusable) as caught:
        Settings.of(params)

    assert (caught.value.what, caught.value.param) == (what, param)


def test_parameters_become_settings() -> None:
    found = Settings.of(
        {
            "temperature": 0,
            "seed": 4,
            "max_completion_tokens": 9,
            "stop": ".",
            "logprobs": True,
            "top_logprobs": 3,
            "presence_penalty": 0,
            "user": "me",
            "n": 2,
        }
    )

    assert found == Settings(0.0, 1.0, 4, 9, (".",), True, 3, 2)


def test_only_what_the_assistant_says_at_weight_one_is_learnt_and_the_end_of_it() -> None:
    talk = asked("the capital", "Paris", "of", "France")

    found = lesson(WORDS, talk, [0, 0, 0, 1], 64)

    assert [token for token, said in zip(found.tokens, found.said, strict=True) if said] == [
        *WORDS.encode("France"),
        END,
    ]
