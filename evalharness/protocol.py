"""What servers that speak the OpenAI protocol answer: completions, error bodies, headers. Pure: text in, values out.

A server may send anything. What is no completion raises `NoCompletion`, whose text says what came; nothing else is
raised.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from evalharness.escape import one_line, terminal
from evalharness.records import Outcome, Payload, Response, Token, Usage, encode

Headers: TypeAlias = Mapping[str, str]

QUOTA = frozenset(
    {
        "insufficient_quota",
        "insufficient_user_quota",
        "insufficient_balance",
        "insufficient_credits",
        "billing_hard_limit_reached",
        "billing_not_active",
        "exceeded_quota",
        "exceeded_current_quota_error",
    }
)


class NoCompletion(Exception):
    """What came is no completion; the text says what it is instead."""


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, object]]) -> Payload:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


DECODE = json.JSONDecoder(parse_constant=_constant).raw_decode
DECODE_ONCE = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_once).raw_decode
"""For the rare text that names its choices twice: a hook costs as much as the parse."""


def parsed(text: str) -> object:
    """The value a JSON text holds; strict: no NaN, no second value behind the first, no depth that stops the parser."""
    text = text.strip()
    try:
        value, end = (DECODE if text.count('"choices"') < 2 else DECODE_ONCE)(text)
        if end != len(text):
            raise ValueError(f"more text at character {end}")
    except RecursionError:
        raise NoCompletion("JSON nested too deep") from None
    except ValueError as error:
        raise NoCompletion(_came(text, error)) from None
    return value


def _came(text: str, error: ValueError) -> str:
    start = text[:100].lower()
    if not text:
        return "an empty body"
    if start.startswith(("<!doctype html", "<html")):
        return f"an HTML page: '{shown(text)}'"
    if start.startswith("data:"):
        return f"an event stream: '{shown(text)}'"
    if start[0] in '{["':
        return f"malformed JSON ({shown(str(error))}): '{shown(text)}'"
    return f"plain text: '{shown(text)}'"


def completion(answer: object) -> Response:
    """The response a parsed completion holds."""
    if not isinstance(answer, dict):
        raise NoCompletion(f"{_type(answer)}: '{shown(_json(answer))}'")
    if answer.get("error"):
        raise NoCompletion(f"an error: {_error(answer['error'])[0]}")
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        count = f"{len(choices)} choices" if isinstance(choices, list) else f"choices that are {_type(choices)}"
        raise NoCompletion(f"an answer with {count}: '{shown(_json(answer))}'")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise NoCompletion(f"a choice without a message: '{shown(_json(choice))}'")
    outcome, text = _outcome(choice.get("finish_reason"), message)
    served, fingerprint = answer.get("model"), answer.get("system_fingerprint")
    told = choice.get("logprobs")
    return Response(
        text,
        outcome,
        usage(answer.get("usage")),
        served[:200] if isinstance(served, str) else "",
        fingerprint[:200] if isinstance(fingerprint, str) else None,
        tokens(told) if told else (),
    )


MOST_TOKENS = 2**16
"""Tokens of an answer whose log-probabilities are read."""
MOST_OTHERS = 20
"""Likeliest tokens beside each one that are read; the protocol knows no more."""


def tokens(told: object) -> tuple[Token, ...]:
    """The tokens in a choice's `logprobs`, natural logarithms. They are beside the answer: where any of it is not what
    it should be (a text, a number of at most 0), or there is more than a model could have said, there are none."""
    content = told.get("content") if isinstance(told, dict) else None
    if not isinstance(content, list) or len(content) > MOST_TOKENS:
        return ()
    try:
        return tuple(_token(one) for one in content)
    except _Junk:
        return ()


class _Junk(Exception):
    """What should be a token with its log-probability is something else."""


def _token(told: object) -> Token:
    text, logprob = _likely(told)
    top = told.get("top_logprobs") if isinstance(told, dict) else None
    if not isinstance(top, list | None):
        raise _Junk
    return Token(text, logprob, tuple(_likely(one) for one in (top or ())[:MOST_OTHERS]))


def _likely(told: object) -> tuple[str, float]:
    if not isinstance(told, dict):
        raise _Junk
    text, logprob = told.get("token"), natural_log(told.get("logprob"))
    if not isinstance(text, str) or logprob is None:
        raise _Junk
    return text, logprob


LEAST_LOG = -1e6
"""Servers write -9999 for what cannot be; far below that stands no probability any more."""
ROUNDING = 1e-3


def natural_log(value: object) -> float | None:
    """The logarithm of a probability, at most 0; None for what is none. One that rounding put above 0 is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_LOG <= value <= ROUNDING:
        return None
    return min(0.0, float(value))


def _outcome(finish: object, message: Payload) -> tuple[Outcome, str]:
    text = _content(message.get("content"))
    refusal = message.get("refusal")
    if finish in ("error", "abort") or not (finish is None or isinstance(finish, str)):
        raise NoCompletion(f"an answer that ended with {shown(_json(finish))}: '{shown(text)}'")
    if finish == "content_filter":
        return "filtered", text
    if isinstance(refusal, str) and refusal:
        return "refused", text or refusal
    if finish == "length":
        return "truncated", text
    if message.get("tool_calls") or message.get("function_call"):
        return "tool_call", text
    if text and not text.isspace():
        return "answered", text
    if not finish:
        raise NoCompletion("an answer without text and without a finish_reason")
    return "empty", text


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise NoCompletion(f"a message whose content is {_type(content)}: '{shown(_json(content))}'")
    texts = [part.get("text") if isinstance(part, dict) else part for part in content if not _aside(part)]
    if not all(isinstance(text, str) for text in texts):
        raise NoCompletion(f"a message with parts that are no texts: '{shown(_json(content))}'")
    return "".join(text for text in texts if isinstance(text, str))


def _aside(part: object) -> bool:
    """Whether a part is not what the model says to the asker: what it thinks, an image."""
    return isinstance(part, dict) and part.get("type", "text") not in ("text", "output_text")


def usage(told: object) -> Usage:
    """The tokens a server counted; 0 for what is no count."""
    if not isinstance(told, dict):
        return Usage()
    return Usage(_count(told.get("prompt_tokens")), _count(told.get("completion_tokens")))


def _count(count: object) -> int:
    return count if type(count) is int and 0 <= count < 2**53 else 0


def _json(value: object) -> str:
    try:
        return encode(value)
    except RecursionError:  # what was parsed near the limit may be too deep to be written
        return "..."


def _type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def shown(text: str) -> str:
    """Foreign text for a message: one line, short, what does not print spelled out."""
    return terminal(one_line(text, 160))


# --- refusals and their headers ---------------------------------------------------------------------------------------


def complaint(text: str) -> tuple[str, frozenset[str]]:
    """What an error body says in one line, and the code and type it bears."""
    try:
        body = parsed(text)
    except NoCompletion as error:
        return (str(error), frozenset()) if text.strip() else ("no reason given", frozenset())
    return _error(body.get("error") or body if isinstance(body, dict) else body)


def _error(error: object) -> tuple[str, frozenset[str]]:
    if not isinstance(error, dict):
        return shown(error if isinstance(error, str) else _json(error)), frozenset()
    said = next((error[name] for name in ("message", "detail", "error") if isinstance(error.get(name), str)), None)
    words = [word for word in (error.get("code"), error.get("type")) if isinstance(word, str) and word]
    text = shown(said if isinstance(said, str) else _json(error))
    return (f"{text} ({shown(words[0])})" if words else text), frozenset(words)


NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,9})?")
SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|h|m|s)")
SPANS = re.compile(rf"(?:{SPAN.pattern})+")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def waiting(headers: Headers) -> float | None:
    """Seconds a server asks to be left alone: the longest of `retry-after-ms` and `retry-after` (seconds, or an HTTP
    date by the server's own clock); None where it says nothing that can be understood."""
    waits = []
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if NUMBER.fullmatch(text):
            waits.append(float(text) * unit)
        elif unit == 1.0 and text and (moment := _moment(text)) is not None:
            import time

            clock = _moment(headers.get("date", ""))
            waits.append(max(0.0, moment - (time.time() if clock is None else clock)))
    return max(waits, default=None)


def _moment(text: str) -> float | None:
    from email.utils import mktime_tz, parsedate_tz

    try:
        parsed = parsedate_tz(text)
        return None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a server last said of the account's limits; None where it said nothing.

    requests, tokens: the limit in the server's own window (mostly a minute, for small accounts a day);
    requests_left, tokens_left: what is left of it; requests_reset, tokens_reset: seconds until it is whole again, so
    what is used up comes back at (limit - left) / reset a second.
    """

    requests: int | None = None
    requests_left: int | None = None
    requests_reset: float | None = None
    tokens: int | None = None
    tokens_left: int | None = None
    tokens_reset: float | None = None


def allowance(headers: Headers) -> Allowance | None:
    """The account's limits as `x-ratelimit-*` state them; None where no header does."""
    if "x-ratelimit-limit-requests" not in headers and "x-ratelimit-limit-tokens" not in headers:
        return None
    return Allowance(
        requests=_limit(headers, "limit-requests"),
        requests_left=_limit(headers, "remaining-requests"),
        requests_reset=_span(headers.get("x-ratelimit-reset-requests", "")),
        tokens=_limit(headers, "limit-tokens"),
        tokens_left=_limit(headers, "remaining-tokens"),
        tokens_reset=_span(headers.get("x-ratelimit-reset-tokens", "")),
    )


def _limit(headers: Headers, name: str) -> int | None:
    text = headers.get(f"x-ratelimit-{name}", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _span(text: str) -> float | None:
    """Seconds in `6m0s`, `120ms` or `59.3`."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return float(text)
    if not SPANS.fullmatch(text):
        return None
    return math.fsum(float(number) * UNITS[unit] for number, unit in SPAN.findall(text))
