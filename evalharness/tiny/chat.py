"""A conversation answered: messages become tokens, parameters a manner, and what is said a chat completion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalharness.errors import EvalError
from evalharness.records import Message, Payload
from evalharness.tiny.generating import MOST_TOP, Finish, Manner, Said, Spoken, generate
from evalharness.tiny.learning import Lesson
from evalharness.tiny.reading import vector
from evalharness.tiny.tokenizer import ASSISTANT, END, SYSTEM, USER, Tokenizer
from evalharness.tiny.weights import Model

ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}

ROOM = 48
"""Tokens of the window that are kept free for the reply, where older turns can be left out for it."""

MOST_CHOICES = 128


class Unusable(EvalError):
    """A question this model cannot take. param: which part of it is at fault, as the protocol names it."""

    def __init__(self, what: str, param: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.param = param


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters of a question, checked. seed: None where none was given. logprobs: whether they are told; top:
    how many likeliest tokens beside each."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top: int = 0
    choices: int = 1

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Settings:
        """The settings that the parameters of a chat completion spell; `Unusable` for the first that is none.

        A parameter that would change nothing (`user`, a penalty of 0) is passed over, one that would is refused.
        """
        for name, value in params.items():
            if name not in KNOWN and value is not None and NEUTRAL.get(name, value) != value:
                raise Unusable(f"the parameter '{name}' is not supported", name)
            if name not in KNOWN and name not in NEUTRAL and name not in IDLE:
                raise Unusable(f"there is no parameter '{name}'", name)
        most = _whole(params, "max_completion_tokens", 1, 2**31)
        logprobs = params.get("logprobs")
        if not isinstance(logprobs, bool | None):
            raise Unusable(f"'logprobs' is true or false, got {logprobs!r:.40}", "logprobs")
        top = _whole(params, "top_logprobs", 0, MOST_TOP) or 0
        if top and not logprobs:
            raise Unusable("'top_logprobs' needs 'logprobs' to be true", "top_logprobs")
        return cls(
            temperature=_number(params, "temperature", 2.0),
            top_p=_number(params, "top_p", 1.0),
            seed=_whole(params, "seed", -(2**63), 2**63 - 1),
            max_tokens=most or _whole(params, "max_tokens", 1, 2**31),
            stop=_stops(params.get("stop")),
            logprobs=bool(logprobs),
            top=top,
            choices=_whole(params, "n", 1, MOST_CHOICES) or 1,
        )


KNOWN = frozenset(
    ("temperature", "top_p", "seed", "max_tokens", "max_completion_tokens", "stop", "logprobs", "top_logprobs", "n")
)
NEUTRAL: Mapping[str, object] = {
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "stream": False,
    "tools": [],
    "functions": [],
    "response_format": {"type": "text"},
}
"""Parameters that only one value leaves without effect."""

IDLE = frozenset(("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "tool_choice"))
"""Parameters that never change what is said."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said. tokens_in: of the prompt that was read; left_out: older messages that did not fit."""

    text: str
    finish: Finish
    spoken: tuple[Spoken, ...]
    tokens_in: int
    tokens_out: int
    left_out: int = 0


def complete(
    model: Model, messages: Sequence[Message], settings: Settings, choice: int = 0, *, goes_on: bool = False
) -> Reply:
    """The reply to a conversation; with `goes_on`, what follows the reply it ends with, as `opened` reads it.

    choice: which of several replies to the same question, from 0; each is drawn by the seed and its own number, so the
    same question, seed and choice always give the same reply. Where no seed is given it is 0: nothing is left to
    chance. Older turns are left out, the oldest first, where the window is too short for all; `Unusable` where what may
    not be left out (system texts, the last message) does not fit.
    """
    prompt, left_out = (opened(model, messages)[0], 0) if goes_on else window(model, messages)
    manner = Manner(settings.temperature, settings.top_p, settings.max_tokens, settings.top)
    seed = (settings.seed or 0) & (2**64 - 1)
    said = generate(model.shape, model.weights, [prompt], manner, [(seed, choice)])[0]
    return _reply(model.tokenizer, said, settings, len(prompt), left_out)


def opened(model: Model, messages: Sequence[Message]) -> tuple[tuple[int, ...], int]:
    """The tokens of a conversation whose last message is a reply that goes on: no mark ends it. Also, where that
    reply's own tokens begin.

    `Unusable` where the last message is no reply, has no word in it, or does not fit behind what is read of the others.
    """
    if not messages or messages[-1].role != "assistant":
        raise Unusable("the last message is no reply of the assistant's", "messages")
    prompt, _ = window(model, messages[:-1])
    if not messages[-1].content.strip():
        raise Unusable("the reply has no word in it", "messages")
    reply = model.tokenizer.encode(messages[-1].content[: 64 * model.shape.context])
    if len(prompt) + len(reply) >= model.shape.context:
        what = f"a reply of {len(messages[-1].content)} characters does not fit into the {model.shape.context} tokens"
        raise Unusable(f"{what} of this model's window, behind the {len(prompt)} of its question", "messages")
    return (*prompt, *reply), len(prompt)


def embed(model: Model, text: str) -> tuple[tuple[float, ...], int]:
    """The direction of a text, as `vector` gives it, and how many tokens it has; `Unusable` for white space."""
    if not text.strip():
        raise Unusable("a text without a word in it has no vector", "input")
    tokens = model.tokenizer.encode(text)
    return vector(model, tokens), len(tokens)


def window(model: Model, messages: Sequence[Message]) -> tuple[tuple[int, ...], int]:
    """The tokens a model reads of a conversation, and how many of its messages were left out for want of room."""
    if not messages:
        raise Unusable("there is no message to answer", "messages")
    most = model.shape.context - 1
    longest = sum(len(message.content) for message in messages if message.role == "system") + len(messages[-1].content)
    parts = [(message, (ROLES[message.role], *_inside(model.tokenizer, message, most))) for message in messages]
    kept = [tokens for message, tokens in parts[:-1] if message.role == "system"]
    needed = sum(map(len, kept)) + len(parts[-1][1]) + 1
    if needed > most:
        what = f"a question of {longest} characters is longer than the {most} tokens of this model's window"
        raise Unusable(what, "messages", "ask shorter")
    free = most - ROOM - needed
    turns = [place for place, (message, _) in enumerate(parts[:-1]) if message.role != "system"]
    first = len(parts) - 1
    for place in reversed(turns):
        free -= len(parts[place][1])
        if free < 0:
            break
        first = place
    left_out = sum(place < first for place in turns)
    read = [tokens for place, (message, tokens) in enumerate(parts) if message.role == "system" or place >= first]
    return (*(token for tokens in read for token in tokens), ASSISTANT), left_out


def lesson(tokenizer: Tokenizer, messages: Sequence[Message], weights: Sequence[float], most: int) -> Lesson:
    """A conversation to learn from: every token the assistant says in a message of weight 1, and the end of it.

    most: tokens of a window; what does not fit behind it is cut off.
    """
    tokens: list[int] = []
    said: list[bool] = []
    for message, weight in zip(messages, weights, strict=True):
        inside = _inside(tokenizer, message, most)
        tokens += (ROLES[message.role], *inside)
        said += (False, *[message.role == "assistant" and weight > 0] * len(inside))
    return Lesson(tuple(tokens[: most + 1]), tuple(said[: most + 1]))


def completion(model: str, fingerprint: str, replies: Sequence[Reply], tokenizer: Tokenizer, created: int) -> Payload:
    """Replies to one question as the object that the chat protocol answers with, less its `id`.

    model: the name by which it is served. created: seconds since 1970.
    """
    tokens_in = replies[0].tokens_in
    tokens_out = sum(reply.tokens_out for reply in replies)
    return {
        "object": "chat.completion",
        "created": created,
        "model": model,
        "system_fingerprint": fingerprint,
        "choices": [
            {
                "index": place,
                "message": {"role": "assistant", "content": reply.text, "refusal": None},
                "finish_reason": reply.finish,
                "logprobs": _told(reply.spoken, tokenizer) if reply.spoken else None,
            }
            for place, reply in enumerate(replies)
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }


def fingerprint(model: Model) -> str:
    """What tells one network from another of the same name: the first digits of its digest."""
    return f"tiny_{model.digest[:10]}"


def _inside(tokenizer: Tokenizer, message: Message, most: int) -> tuple[int, ...]:
    # No token stands for 64 characters: what lies behind this many does not fit, and need not be read to know it.
    tokens = tokenizer.encode(message.content[: 64 * most])
    return (*tokens, END) if message.role == "assistant" else tokens


def _reply(tokenizer: Tokenizer, said: Said, settings: Settings, tokens_in: int, left_out: int) -> Reply:
    text = tokenizer.decode(said.tokens)
    tokens_out = len(said.tokens) + (said.finish == "stop")
    spoken, finish = said.spoken, said.finish
    cut = min((place for stop in settings.stop if (place := text.find(stop)) >= 0), default=None)
    if cut is not None:
        text, finish = text[:cut], "stop"
        spoken = spoken[: _covering(tokenizer, said.tokens, text)]
        tokens_out = len(spoken)
    return Reply(text, finish, spoken if settings.logprobs else (), tokens_in, tokens_out, left_out)


def _covering(tokenizer: Tokenizer, tokens: Sequence[int], text: str) -> int:
    """How many tokens it takes to say a text that stands at the beginning of what they say."""
    return next((end for end in range(len(tokens)) if tokenizer.decode(tokens[:end]).startswith(text)), len(tokens))


def _told(spoken: Sequence[Spoken], tokenizer: Tokenizer) -> Payload:
    return {
        "content": [
            {
                **_likely(tokenizer, said.token, said.logprob),
                "top_logprobs": [_likely(tokenizer, *top) for top in said.top],
            }
            for said in spoken
        ],
        "refusal": None,
    }


def _likely(tokenizer: Tokenizer, token: int, logprob: float) -> Payload:
    said = tokenizer.token_bytes(token)
    text = bytes(said).decode("utf-8", "replace")
    return {"token": text or tokenizer.mark(token), "logprob": logprob, "bytes": list(said)}


def _number(params: Mapping[str, object], name: str, most: float) -> float:
    value = params.get(name)
    if value is None:
        return 1.0
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= most
    ):
        raise Unusable(f"'{name}' is a number from 0 to {most:g}, got {value!r:.40}", name)
    return float(value)


def _whole(params: Mapping[str, object], name: str, least: int, most: int) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise Unusable(f"'{name}' is a whole number from {least} to {most}, got {value!r:.40}", name)
    return value


def _stops(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or len(stops) > 4 or any(not isinstance(stop, str) or not stop for stop in stops):
        raise Unusable(f"'stop' is a text or up to four of them, got {value!r:.40}", "stop")
    return tuple(stops)
