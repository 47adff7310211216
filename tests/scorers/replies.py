"""Replies to grade: said by a model that behaves, or by one that does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from evalharness.flow import drive
from evalharness.records import Conversation, Failure, Grade, Message, Outcome, Request, Response
from evalharness.scorers.base import BuildFault, BuildFaults, Scorer, build, kind

MILLION = 1_000_000

TYPICAL = (
    "Paris is the capital of France, and it has been so for a long time; about 2.1 million people live in the city "
    "proper, and more than 12,000,000 in the metropolitan area. Do not take it for Paris, Texas, which is a well-known "
    "place too, of course, and rather smaller."
)
"""Fifty words, as a model would say them."""

HOSTILE = {
    "nothing": "",
    "white space": " \n\t\u00a0" * 1000,
    "NUL": "\0" * 100_000,
    "lone surrogates": "\ud800\udfff" * 100_000,
    "right to left": "\u202e\u202b\u05d0\u0627\u202c" * 100_000,
    "zero width": "a\u200b\u200d\ufeff" * 100_000,
    "a number of 100,000 digits": "9" * 100_000,
    "numbers beyond floats": "1e400 -1e400 1e999999999999 1e-999999999 1/0 10^99999 NaN Infinity",
    "digits of other scripts": "١٢٣ १२३ １２３ ௧௨௩ ⅷ ① ½ ²",
    "100,000 lists deep": "[" * 100_000,
    "100,000 objects deep": '{"a":' * 100_000,
    "quotes that never end": '"' + '\\"' * 100_000,
    "brackets in quotes": '"' + "[" * 100_000 + '"',
    "accents stacked out of order": "e" + "\u0301\u0323" * 100_000,
    "emoji": "👩‍👩‍👧‍👦" * 10_000,
    "ligatures that unfold": "\ufdfa" * 100_000,
    "what a slow expression likes": "a" * 60 + "b",
    "a fence that never ends": "```json\n" * 1000,
}

SIZES = [pytest.param(2, id="two megabytes"), pytest.param(10, id="ten megabytes", marks=pytest.mark.nightly)]


def huge(megabytes: int) -> dict[str, str]:
    """Replies of so many megabytes each, or what takes as long."""
    size = megabytes * MILLION
    return {
        "one letter": "a" * size,
        "words": "ha " * (size // 3),
        "sentences": TYPICAL * (size // len(TYPICAL)),
        "signs": "-" * size,
        "numbers": "1.5, " * (size // 5),
        "lone surrogates": "\ud800" * (size * 3 // 10),
        "Chinese": "日本" * (size // 6),
        "accents in disorder": "e\u0323\u0301" * (size // 10),
    }


def said(*replies: str, outcome: Outcome = "answered") -> Conversation:
    """A conversation in which the model gave these replies."""
    messages = tuple(
        message for reply in replies for message in (Message("user", "Well?"), Message("assistant", reply))
    )
    places = tuple(range(1, 2 * len(replies), 2))
    return Conversation("case", 0, messages, places, (outcome,) * len(replies))


def made(name: str, subject: object, **options: object) -> Scorer:
    """A check as the suite reader builds it, from the texts typed in a suite."""
    return build(name, {kind(name).subject.name: subject, **options})


def grade(name: str, subject: object, reply: str, **options: object) -> Grade:
    """What a check that asks nobody says of a reply."""
    return settled(made(name, subject, **options), said(reply))


def value(name: str, subject: object, reply: str, **options: object) -> float | None:
    """The number alone."""
    return grade(name, subject, reply, **options).value


def settled(
    scorer: Scorer, conversation: Conversation, answer: Callable[[Request], Response | Failure] | None = None
) -> Grade:
    """The grade, of a flow as well; a question is an error unless there is who answers."""
    found = scorer.grade(conversation)
    return found if isinstance(found, Grade) else drive(found, answer or unasked)


def unasked(request: Request) -> Response | Failure:
    """The answer to a question that nobody should ask."""
    raise AssertionError(f"this asks a model: {request}")


def fault(name: str, subject: object, **options: object) -> BuildFault:
    """The one fault for which a check cannot be built."""
    with pytest.raises(BuildFaults) as caught:
        made(name, subject, **options)
    (found,) = caught.value.faults
    return found


def survives(scorer: Scorer, replies: Mapping[str, str] = HOSTILE) -> None:
    """Every reply gets a grade in [0, 1] or an unknown one, with a short reason.

    At ten megabytes, work in the square of the length would not end while anybody waits.
    """
    for what, reply in replies.items():
        found = settled(scorer, said(reply))
        assert found.value is None or 0 <= found.value <= 1, what
        assert len(found.why) <= 300, what
        assert found.why.isprintable(), what
