"""How training examples are written in different places: each dialect read to one value, and written from it.

Nothing is dropped silently: what a dialect cannot hold is `Misshapen`, and columns that hold nothing of the
conversation are named in `Example.left_out`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeGuard

from evalharness.records import Payload
from evalharness.text import shown

Dialect: TypeAlias = Literal["openai", "dpo", "trl", "sharegpt", "alpaca", "prompt-completion", "text"]
Messages: TypeAlias = tuple[Payload, ...]

NAMES: dict[Dialect, str] = {
    "openai": "OpenAI chat",
    "dpo": "OpenAI pairs of answers (DPO)",
    "trl": "TRL",
    "sharegpt": "ShareGPT",
    "alpaca": "Alpaca",
    "prompt-completion": "prompt and completion",
    "text": "plain text",
}
WRITABLE: tuple[Dialect, ...] = ("openai", "dpo", "trl", "sharegpt", "alpaca", "prompt-completion")
"""Those to convert to. `text` has no turns."""

BESIDE = ("tools", "functions", "parallel_tool_calls")
"""What OpenAI's lines may hold beside `messages`."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training example, whatever it was written in.

    messages: as in a chat request; of a pair of answers those that come before both. preferred, rejected: the pair,
    else empty. beside: tools and what belongs to them. left_out: columns that hold nothing of the conversation.
    """

    messages: Messages
    preferred: Messages = ()
    rejected: Messages = ()
    beside: Payload = field(default_factory=dict)
    left_out: tuple[str, ...] = field(default=(), compare=False)


class Misshapen(ValueError):
    """A line that lacks a part of its dialect, or an example that another cannot hold; the message says what."""


def detect(fields: Payload) -> Dialect | None:
    """The dialect of a line, by its keys; None for one that belongs to none."""
    if "messages" in fields:
        return "openai"
    if "preferred_output" in fields or "non_preferred_output" in fields:
        return "dpo"
    if "chosen" in fields or "rejected" in fields:
        return "trl"
    if "conversations" in fields or "conversation" in fields:
        return "sharegpt"
    if "instruction" in fields:
        return "alpaca"
    if "prompt" in fields or "completion" in fields:
        return "trl" if isinstance(fields.get("prompt"), list) else "prompt-completion"
    return "text" if "text" in fields else None


def read(dialect: Dialect, fields: Payload) -> Example:
    """The example that a line is. Raises `Misshapen`.

    OpenAI's own lines are taken as they are, once `checks` had nothing to say.
    """
    return _READERS[dialect](fields)


def write(dialect: Dialect, example: Example) -> Payload:
    """The line that an example is in a dialect. Raises `Misshapen` where the dialect cannot hold all of it."""
    return _WRITERS[dialect](example)


# --- reading ----------------------------------------------------------------------------------------------------------


def _read_openai(fields: Payload) -> Example:
    left = _others(fields, "messages", *BESIDE)
    return Example(_messages(fields.get("messages"), "messages"), beside=_beside(fields), left_out=left)


def _read_dpo(fields: Payload) -> Example:
    given = fields.get("input")
    if not _is_object(given):
        raise Misshapen("there is no object 'input'")
    return Example(
        _messages(given.get("messages"), "input.messages"),
        _messages(fields.get("preferred_output"), "preferred_output"),
        _messages(fields.get("non_preferred_output"), "non_preferred_output"),
        _beside(given),
        _others(fields, "input", "preferred_output", "non_preferred_output"),
    )


def _read_trl(fields: Payload) -> Example:
    if "chosen" not in fields and "rejected" not in fields:
        return _read_completion(fields)
    preferred = _side(fields.get("chosen"), "chosen", "assistant")
    rejected = _side(fields.get("rejected"), "rejected", "assistant")
    before: Messages = _side(fields["prompt"], "prompt", "user") if "prompt" in fields else ()
    if "prompt" not in fields:  # what both begin with is the prompt
        same = 0
        while same < min(len(preferred), len(rejected)) - 1 and preferred[same] == rejected[same]:
            same += 1
        before, preferred, rejected = preferred[:same], preferred[same:], rejected[same:]
    left = _others(fields, "prompt", "chosen", "rejected", "tools")
    return Example(before, preferred, rejected, _beside(fields), left)


def _read_completion(fields: Payload) -> Example:
    """Only the completion is trained on, so that answers within the prompt get weight 0."""
    before = _side(fields.get("prompt"), "prompt", "user")
    before = tuple({**message, "weight": 0} if message.get("role") == "assistant" else message for message in before)
    after = _side(fields.get("completion"), "completion", "assistant")
    return Example(before + after, beside=_beside(fields), left_out=_others(fields, "prompt", "completion", "tools"))


_SHAREGPT = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "system": "system",
}


def _read_sharegpt(fields: Payload) -> Example:
    if fields.get("tools"):
        raise Misshapen("it has tools, and in ShareGPT no id says which call an answer belongs to")
    name = "conversations" if "conversations" in fields else "conversation"
    messages: list[Payload] = []
    if isinstance(system := fields.get("system"), str) and system:
        messages.append({"role": "system", "content": system})
    for place, turn in enumerate(_messages(fields.get(name), name)):
        speaker, value = turn.get("from"), turn.get("value")
        role = _SHAREGPT.get(speaker) if isinstance(speaker, str) else None
        if role is None:
            known = "tool calls have no ids there" if speaker in ("tool", "observation", "function_call") else ""
            raise Misshapen(f"turn {place + 1} is from {_quoted(speaker)}" + (f", and {known}" if known else ""))
        if not isinstance(value, str):
            raise Misshapen(f"turn {place + 1} has no text 'value'")
        messages.append({"role": role, "content": value})
    return Example(tuple(messages), left_out=_others(fields, name, "system", "tools"))


def _read_alpaca(fields: Payload) -> Example:
    messages: list[Payload] = []
    if system := _text(fields, "system", optional=True):
        messages.append({"role": "system", "content": system})
    history = fields.get("history") or []
    if not isinstance(history, list):
        raise Misshapen("'history' is no list of pairs")
    for pair in history:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(said, str) for said in pair)):
            raise Misshapen("'history' holds something that is no pair of texts")
        messages += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    asked = _text(fields, "instruction")
    if more := _text(fields, "input", optional=True):
        asked = f"{asked}\n{more}"
    messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": _text(fields, "output")}]
    left = _others(fields, "system", "history", "instruction", "input", "output")
    return Example(tuple(messages), left_out=left)


def _read_text(fields: Payload) -> Example:
    raise Misshapen("plain text has no turns, so who says what would be a guess")


def _messages(value: object, name: str) -> Messages:
    if not isinstance(value, list) or not value:
        raise Misshapen(f"there is no list {_quoted(name)}")
    found = []
    for place, message in enumerate(value):
        if not _is_object(message):
            raise Misshapen(f"{_quoted(name)} holds something that is no object, at place {place + 1}")
        found.append(message)
    return tuple(found)


def _side(value: object, name: str, role: str) -> Messages:
    """A prompt or an answer, written as a text or as messages."""
    if isinstance(value, str):
        return ({"role": role, "content": value},)
    return _messages(value, name)


def _text(fields: Payload, name: str, *, optional: bool = False) -> str:
    value = fields.get(name)
    if optional and value is None:
        return ""
    if not isinstance(value, str):
        raise Misshapen(f"there is no text {_quoted(name)}")
    return value


def _beside(fields: Payload) -> Payload:
    return {name: fields[name] for name in BESIDE if name in fields}


def _others(fields: Payload, *names: str) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in names) if len(fields) > 1 else ()


def _is_object(value: object) -> TypeGuard[Payload]:
    return isinstance(value, dict)


def _quoted(value: object) -> str:
    return shown(value, 40) if isinstance(value, str) else "nobody" if value is None else shown(json.dumps(value), 40)


# --- writing ----------------------------------------------------------------------------------------------------------


def _write_openai(example: Example) -> Payload:
    _single(example, "chat lines hold one answer")
    return {"messages": list(example.messages), **example.beside}


def _write_dpo(example: Example) -> Payload:
    _pair(example)
    return {
        "input": {"messages": list(example.messages), **example.beside},
        "preferred_output": list(example.preferred),
        "non_preferred_output": list(example.rejected),
    }


def _write_trl(example: Example) -> Payload:
    beside = example.beside
    if beside.keys() - {"tools"}:
        raise Misshapen(f"TRL has no {_quoted(sorted(beside.keys() - {'tools'})[0])}")
    if example.preferred or example.rejected:
        _pair(example)
        _weightless((*example.messages, *example.preferred, *example.rejected), "a pair of answers in TRL")
        answers = {"chosen": list(example.preferred), "rejected": list(example.rejected)}
        return {"prompt": list(example.messages), **answers, **beside}
    *before, last = example.messages
    if not any("weight" in message for message in example.messages):
        return {"messages": list(example.messages), **beside}
    learnt = [message.get("weight", 1) for message in before if message.get("role") == "assistant"]
    learnt += ["weight" in message for message in before if message.get("role") != "assistant"]
    if "weight" in last or any(learnt) or last.get("role") != "assistant":
        raise Misshapen("TRL has no weights: it learns every answer, or the last one alone")
    plain = [{key: value for key, value in message.items() if key != "weight"} for message in before]
    return {"prompt": plain, "completion": [last], **beside}


def _write_sharegpt(example: Example) -> Payload:
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    turns = [{"from": names[role], "value": text} for role, text in _plain(example, "ShareGPT")]
    return {"conversations": turns}


def _write_alpaca(example: Example) -> Payload:
    said = _plain(example, "Alpaca")
    line: Payload = {}
    if said and said[0][0] == "system":
        if not said[0][1]:
            raise Misshapen("Alpaca cannot tell an empty system prompt from none")
        line["system"] = said.pop(0)[1]
    if len(said) < 2 or [role for role, _ in said] != ["user", "assistant"] * (len(said) // 2):
        raise Misshapen("Alpaca holds a question and its answer, in turns; this example has them in another order")
    texts = [text for _, text in said]
    line |= {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if len(texts) > 2:
        line["history"] = [[asked, answer] for asked, answer in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    return line


def _write_completion(example: Example) -> Payload:
    said = _plain(example, "a prompt with its completion")
    if [role for role, _ in said] != ["user", "assistant"]:
        raise Misshapen("a prompt with its completion is one question and one answer; this example has more, or less")
    return {"prompt": said[0][1], "completion": said[1][1]}


def _single(example: Example, why: str) -> None:
    if example.preferred or example.rejected:
        raise Misshapen(f"it is a pair of answers, and {why}")


def _pair(example: Example) -> None:
    if not example.preferred or not example.rejected:
        raise Misshapen("it has one answer, where a pair of them is needed")
    if not example.messages:
        raise Misshapen("nothing comes before its answers")


def _weightless(messages: Iterable[Payload], what: str) -> None:
    if any("weight" in message for message in messages):
        raise Misshapen(f"a message has a weight, which {what} cannot hold")


def _plain(example: Example, what: str) -> list[tuple[str, str]]:
    """Who says what, for dialects that hold nothing else."""
    _single(example, f"{what} holds one")
    if example.beside:
        raise Misshapen(f"it has {_quoted(next(iter(example.beside)))}, which {what} cannot hold")
    said = []
    for place, message in enumerate(example.messages):
        role, text = message.get("role"), message.get("content")
        if not isinstance(role, str) or role not in ("system", "user", "assistant"):
            raise Misshapen(f"message {place + 1} has the role {_quoted(role)}, which {what} cannot hold")
        if not isinstance(text, str):
            raise Misshapen(f"message {place + 1} is no text, and {what} holds nothing else")
        if more := message.keys() - {"role", "content"}:
            raise Misshapen(f"message {place + 1} has {_quoted(sorted(more)[0])}, which {what} cannot hold")
        said.append((role, text))
    return said


_READERS: dict[Dialect, Callable[[Payload], Example]] = {
    "openai": _read_openai,
    "dpo": _read_dpo,
    "trl": _read_trl,
    "sharegpt": _read_sharegpt,
    "alpaca": _read_alpaca,
    "prompt-completion": _read_completion,
    "text": _read_text,
}
_WRITERS: dict[Dialect, Callable[[Example], Payload]] = {
    "openai": _write_openai,
    "dpo": _write_dpo,
    "trl": _write_trl,
    "sharegpt": _write_sharegpt,
    "alpaca": _write_alpaca,
    "prompt-completion": _write_completion,
}
