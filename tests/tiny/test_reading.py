"""How likely a text is to the network, and where it lies, against what the same network says when it talks."""

from __future__ import annotations

import math

import pytest

from evalharness.records import Message
from evalharness.tiny.chat import Settings, Unusable, complete, opened
from evalharness.tiny.reading import spelt, vector, weigh
from evalharness.tiny.tokenizer import ASSISTANT, END, USER
from evalharness.tiny.weights import base
from tests.tiny.small import WORDS, model

SMALL = model()
ASKED = (Message("user", "What is the capital of France?"),)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_reply_is_as_likely_when_it_is_read_as_it_was_when_it_was_said(temperature: float) -> None:
    settings = Settings(temperature=temperature, seed=5, max_tokens=12, logprobs=True)
    reply = complete(base(), ASKED, settings)
    tokens = tuple(spoken.token for spoken in reply.spoken)
    prompt, start = opened(base(), (*ASKED, Message("assistant", "x")))

    reads = weigh(base(), (*prompt[:start], *tokens))[start:]

    # The other way to the same numbers: a token at a time, from keys and values that were kept.
    assert [read.token for read in reads] == list(tokens)
    assert [read.logprob for read in reads] == pytest.approx([one.logprob for one in reply.spoken], abs=2e-5)


def test_over_every_token_likelihoods_make_one() -> None:
    start = (USER, *WORDS.encode("the capital"), ASSISTANT)

    likely = [math.exp(weigh(SMALL, (*start, token))[-1].logprob or 0.0) for token in range(len(WORDS))]

    assert math.fsum(likely) == pytest.approx(1.0, abs=1e-9)
    last = weigh(SMALL, (*start, END))[-1]
    assert last.likeliest == likely.index(max(likely))
    assert last.rank == 1 + sum(one > likely[END] for one in likely)
    assert math.exp(last.top or 0.0) == pytest.approx(max(likely))


def test_the_first_token_follows_nothing() -> None:
    (alone,) = weigh(SMALL, (USER,))
    first, second = weigh(SMALL, (USER, ASSISTANT))

    assert alone == first
    assert (first.logprob, first.top, first.rank, first.likeliest) == (None, None, 1, USER)
    assert second.logprob is not None


def test_a_reply_that_goes_on_is_the_question_with_the_reply_behind_and_no_end() -> None:
    tokens, start = opened(SMALL, (*ASKED, Message("assistant", "Paris")))

    assert tokens[start:] == WORDS.encode("Paris")
    assert tokens[start - 1] == ASSISTANT
    assert END not in tokens


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ((), "the last message is no reply of the assistant's"),
        (ASKED, "the last message is no reply of the assistant's"),
        ((*ASKED, Message("assistant", " ")), "the reply has no word in it"),
        ((Message("assistant", "Paris"),), "there is no message to answer"),
        ((*ASKED, Message("assistant", "the " * 60)), "a reply of 240 characters does not fit into the 64 tokens"),
    ],
)
def test_what_is_no_reply_behind_a_question_is_refused(messages: tuple[Message, ...], what: str) -> None:
    with pytest.raises(Unusable) as refused:
        opened(SMALL, messages)

    assert refused.value.what.startswith(what)
    assert refused.value.param == "messages"


def test_what_follows_a_reply_that_goes_on_is_what_would_have_followed() -> None:
    whole = complete(base(), ASKED, Settings(temperature=0.0))
    assert whole.text == "The capital of France is Paris."

    rest = complete(base(), (*ASKED, Message("assistant", "The capital of")), Settings(temperature=0.0), goes_on=True)

    assert rest.text == "France is Paris."


def test_the_words_of_tokens_make_the_text_again() -> None:
    text = "Paris, é 漢字 and \N{SNOWMAN}"
    tokens = base().tokenizer.encode(text)

    added = spelt(base().tokenizer, tokens, text)

    assert "".join(added) == text
    assert len(added) == len(tokens)
    assert "漢" in added  # three bytes, told with the last of them


def test_a_vector_has_length_one_and_does_not_care_for_order() -> None:
    here, there = (vector(base(), base().tokenizer.encode(text)) for text in (" Paris is", " is Paris"))

    assert math.hypot(*here) == pytest.approx(1.0, abs=1e-5)
    assert here == pytest.approx(there, abs=1e-6)
    assert len(here) == base().shape.width


def test_what_is_near_in_meaning_lies_nearer() -> None:
    def near(one: str, other: str) -> float:
        here, there = (vector(base(), base().tokenizer.encode(text)) for text in (one, other))
        return math.fsum(a * b for a, b in zip(here, there, strict=True))

    fact = "The capital of France is Paris."

    assert near(fact, "Paris is the capital of France.") > near(fact, "Rome is the capital of Italy.")
    assert near(fact, "Rome is the capital of Italy.") > near(fact, "Bram Stoker wrote Dracula.") + 0.3
