"""What a server rejects in one example, as OpenAI's lines hold it. A function a rule, or a few that belong together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeGuard

from evalharness.errors import suggestion
from evalharness.records import Payload
from evalharness.text import shown
from evalharness.tuning.dialects import BESIDE
from evalharness.tuning.rules import Finding
from evalharness.tuning.tools import call_findings, tool_findings

Method: TypeAlias = Literal["supervised", "dpo", "reinforcement"]

ROLES = ("system", "user", "assistant", "tool", "developer", "function")
KEYS = frozenset({"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal"})
_PAIR = ("input", "preferred_output", "non_preferred_output")
_PARTS = {"text": "text", "image_url": "image_url", "input_audio": "input_audio", "refusal": "refusal", "file": "file"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an example stands: its line, and which one it is, both from 1."""

    line: int
    example: int

    def format_error(self, what: str) -> str:
        """The words of a hosted server."""
        return f"Invalid file format. Example {self.example}{what}"


def problems(fields: Payload, place: Place, method: Method) -> Iterator[Finding]:
    """Everything in a line that a server would reject."""
    if method == "dpo":
        yield from _pair(fields, place)
        return
    messages = fields.get("messages")
    if not _is_list(messages) or not messages:
        yield _no_messages(fields, place)
        return
    if len(fields) > 1:
        if method == "supervised":
            yield from _other_keys(fields, ("messages", *BESIDE), place)
        yield from tool_findings(fields, place.line)
    found = list(_conversation(messages, place))
    yield from found
    if found:
        return
    if method == "reinforcement":
        yield from _ends_with_user(messages, place)
    else:
        yield from _learnt(messages, place)


def _no_messages(fields: Payload, place: Place) -> Finding:
    server = place.format_error(" is missing key 'messages'") if "messages" not in fields else ""
    if "messages" in fields:
        what = "'messages' is empty" if fields["messages"] == [] else "'messages' is no list"
        return Finding("missing_messages_list", place.line, what, "it holds the turns, each with `role` and `content`")
    return Finding("missing_messages_list", place.line, "there is no 'messages'", _meant("messages", fields), server)


def _meant(name: str, fields: Payload) -> str:
    """The hint where a key is probably mistyped."""
    near = difflib.get_close_matches(name, list(fields)[:100], n=1, cutoff=0.7)
    return f"{shown(near[0], 40)} must be called '{name}'" if near else ""


def _other_keys(fields: Payload, known: tuple[str, ...], place: Place) -> Iterator[Finding]:
    for name in fields:
        if name in known:
            continue
        what = f"there is {shown(name, 40)} beside {shown(known[0])}, which no server takes"
        hint = "`weight` belongs into a message of the assistant" if name == "weight" else "remove it"
        server = place.format_error(f' contains an extra "{shown(name, 40)[1:-1]}".')
        yield Finding("unrecognized_key", place.line, what, hint, server)


def _conversation(messages: list[object], place: Place) -> Iterator[Finding]:
    calls = False
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            yield Finding("data_type", place.line, f"message {at + 1} is no object", message=at)
        elif len(message) != 2 or type(message.get("content")) is not str or not _is_plain(message.get("role")):
            calls = calls or "tool_calls" in message or "tool_call_id" in message or message.get("role") == "tool"
            yield from _message(message, at, place)
    if calls:
        yield from call_findings(messages, place.line)


def _is_plain(role: object) -> bool:
    return role in ("user", "assistant", "system", "developer")


def _message(message: Payload, at: int, place: Place) -> Iterator[Finding]:
    role = message.get("role")
    if "role" not in message:
        server = place.format_error(f", message {at + 1} Discriminator 'role' is missing in value")
        yield Finding("message_missing_key", place.line, f"message {at + 1} has no 'role'", "", server, at)
    elif not isinstance(role, str) or role not in ROLES:
        said = shown(role, 40) if isinstance(role, str) else "no text"
        hint = suggestion(role, ROLES) if isinstance(role, str) else f"known: {', '.join(ROLES)}"
        yield Finding("unrecognized_role", place.line, f"message {at + 1} has the role {said}", hint, message=at)
    for name in message.keys() - KEYS:
        what = f"message {at + 1} has a key {shown(name, 40)}, which no message has"
        yield Finding("message_unrecognized_key", place.line, what, suggestion(name, KEYS), message=at)
    yield from _content(message, at, place)
    yield from _weight(message, at, place)


def _content(message: Payload, at: int, place: Place) -> Iterator[Finding]:
    content = message.get("content")
    what = ""
    if content is None:
        if not message.get("tool_calls") and not message.get("function_call") and not message.get("refusal"):
            what = f"message {at + 1} has no 'content'"
    elif _is_list(content):
        what = _parts(content, at)
    elif not isinstance(content, str):
        what = f"the 'content' of message {at + 1} is no text"
    if what:
        hint = (
            "" if "content" in message else "a text, which may be empty; only a message with `tool_calls` goes without"
        )
        yield Finding("missing_content", place.line, what, hint, message=at)


def _parts(content: list[object], at: int) -> str:
    """What is wrong with a content that is a list of parts."""
    if not content:
        return f"the 'content' of message {at + 1} is an empty list"
    for number, part in enumerate(content, 1):
        kind = part.get("type") if _is_object(part) else None
        if not isinstance(kind, str) or kind not in _PARTS:
            return f"part {number} of message {at + 1} has no known 'type' (known: {', '.join(_PARTS)})"
        if not _is_object(part) or not part.get(_PARTS[kind]):
            return f"part {number} of message {at + 1} has no {_PARTS[kind]!r}"
    return ""


def _weight(message: Payload, at: int, place: Place) -> Iterator[Finding]:
    if "weight" not in message:
        return
    weight = message["weight"]
    what = ""
    if message.get("role") != "assistant":
        what = f"message {at + 1} has a weight, and is not the assistant's"
    elif type(weight) is not int or weight not in (0, 1):
        what = f"the weight of message {at + 1} is neither 0 nor 1"
    if what:
        hint = "1 trains on an answer of the assistant, 0 does not"
        yield Finding("invalid_weight", place.line, what, hint, message=at)


def _learnt(messages: list[object], place: Place) -> Iterator[Finding]:
    """Whether there is an answer to learn, and whether it ends the example."""
    answers = [message for message in messages if _is_object(message) and message.get("role") == "assistant"]
    last = messages[-1]
    if not answers:
        hint = "an example ends with the answer to learn; for reinforcement, give --method reinforcement"
        yield Finding("no_assistant_message", place.line, "no message is the assistant's", hint)
    elif _is_object(last) and last.get("role") != "assistant":
        what = f"the last message has the role {shown(str(last.get('role')), 40)}, and is not the assistant's"
        hint = "an example ends with the answer to learn; what follows it teaches nothing"
        yield Finding("last_message_not_assistant", place.line, what, hint, message=len(messages) - 1)
    elif all(message.get("weight", 1) == 0 for message in answers):
        what = "every answer of the assistant has weight 0, so there is nothing to learn"
        yield Finding("nothing_to_train", place.line, what, "give the answers to learn weight 1, or none")


def _ends_with_user(messages: list[object], place: Place) -> Iterator[Finding]:
    last = messages[-1]
    if _is_object(last) and last.get("role") not in ("user", "tool"):
        what = "the last message is not the user's, and reinforcement asks the model to go on from there"
        yield Finding("last_message_not_user", place.line, what, message=len(messages) - 1)


def _pair(fields: Payload, place: Place) -> Iterator[Finding]:
    """An example of direct preference optimisation: what was said, the better answer, the worse one."""
    for name in _PAIR:
        if name not in fields:
            server = place.format_error(f" is missing key '{name}'.").removeprefix("Invalid file format. ")
            yield Finding("missing_key", place.line, f"there is no '{name}'", _meant(name, fields), server)
    yield from _other_keys(fields, _PAIR, place)
    given = fields.get("input", {"messages": [{"role": "user", "content": ""}]})
    messages = given.get("messages") if _is_object(given) else None
    if not _is_object(given) or not _is_list(messages) or not messages:
        what = "'input' has no list 'messages'"
        yield Finding("missing_messages_list", place.line, what, "it holds the turns before the two answers")
    else:
        yield from _other_keys(given, ("messages", *BESIDE), place)
        yield from tool_findings(given, place.line)
        yield from _conversation(messages, place)
    for name in _PAIR[1:]:
        answer = fields.get(name)
        if name not in fields:
            continue
        if not _is_list(answer) or not answer:
            yield Finding("missing_messages_list", place.line, f"'{name}' is no list of messages, or an empty one")
            continue
        yield from _conversation(answer, place)
        if any(not _is_object(message) or message.get("role") != "assistant" for message in answer):
            what = f"'{name}' holds a message that is not the assistant's"
            yield Finding("last_message_not_assistant", place.line, what)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[Payload]:
    return isinstance(value, dict)
