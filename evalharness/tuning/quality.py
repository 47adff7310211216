"""What a server takes and is probably not meant: duplicates, contradictions, prompts that differ, personal data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalharness.records import Payload
from evalharness.text import shown
from evalharness.tuning.checks import Method
from evalharness.tuning.dialects import Example, Messages
from evalharness.tuning.personal import personal, suspicious
from evalharness.tuning.rules import Finding
from evalharness.tuning.tools import undeclared

FEWEST, FEW = 10, 50
"""Examples that a server asks for, and below which it is worth a word."""

# fmt: off
SPECIAL = frozenset({
    "endoftext", "endofprompt", "startoftext", "fim_prefix", "fim_middle", "fim_suffix", "im_start", "im_end", "im_sep",
    "start", "end", "message", "channel", "constrain", "return", "call",
})
# fmt: on
"""Names between `<|` and `|>` that are tokens of their own."""

TEMPLATES = ("[INST]", "[/INST]", "<<SYS>>", "<start_of_turn>", "<end_of_turn>", "</s>")

_TOKEN = re.compile(r"<\|([A-Za-z0-9_]{1,40})\|>")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PERSONAL = {
    "personal_email": "an e-mail address",
    "personal_phone": "a phone number",
    "personal_card": "the number of a payment card",
    "personal_iban": "a bank account number",
    "secret_key": "a key for some service",
}
_PRIVATE = "a tuned model may say it to anyone: replace it by a made-up one"
_WITHDRAW = "a tuned model may say it to anyone: withdraw the key and take it out"


def texts(example: Example) -> Iterator[tuple[int, str]]:
    """Every text of an example with its message, from 0; those of a pair go on counting."""
    for at, message in enumerate((*example.messages, *example.preferred, *example.rejected)):
        content = message.get("content")
        if isinstance(content, str):
            yield at, content
        elif isinstance(content, list):
            for part in content:
                if isinstance(part, dict) and isinstance(text := part.get("text"), str):
                    yield at, text
        if "tool_calls" in message:
            yield at, json.dumps(message["tool_calls"], ensure_ascii=False)


def text_findings(example: Example, line: int, number: int, raw: str) -> Iterator[Finding]:
    """Tokens, personal data and half characters in the texts. raw: the line, which quickly says where to look."""
    escaped = "\\u" in raw
    marked = escaped or "INST]" in raw or ("<" in raw and ("<|" in raw or any(mark in raw for mark in TEMPLATES)))
    private = escaped or suspicious(raw)
    if not marked and not private:
        return
    for at, text in texts(example):
        if marked:
            yield from _marks(text, at, line, number)
        if private and suspicious(text):
            for code, mask in personal(text):
                what = f"message {at + 1} holds what looks like {_PERSONAL[code]}: {mask}"
                yield Finding(code, line, what, _WITHDRAW if code == "secret_key" else _PRIVATE, message=at)
        if escaped and (half := _SURROGATE.search(text)):
            what = f"message {at + 1} holds half of a character, \\u{ord(half[0]):04x}"
            yield Finding(
                "lone_surrogate", line, what, "a text was cut in the middle of an emoji, most often", message=at
            )


def _marks(text: str, at: int, line: int, number: int) -> Iterator[Finding]:
    for token in dict.fromkeys(_TOKEN.findall(text)):
        if token in SPECIAL:
            server = f"Invalid file format. Example {number} message contains an invalid token: <|{token}|>."
            what = f"message {at + 1} holds the token <|{token}|>, with which servers part messages"
            yield Finding("special_token", line, what, "take it out: the server puts its own", server, at)
        else:
            yield _template(f"<|{token}|>", at, line)
    for mark in TEMPLATES:
        if mark in text:
            yield _template(mark, at, line)


def _template(mark: str, at: int, line: int) -> Finding:
    hint = "take it out: the trainer puts the marks of its own template around each message"
    return Finding(
        "template_token", line, f"message {at + 1} holds {mark}, a mark of a chat template", hint, message=at
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """An example met before: its line and a mark of its answer."""

    line: int
    answer: int


class Quality:
    """Rules that look at one good example after the other, and at all of them in the end."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.examples = 0
        self._whole: dict[int, int] = {}
        self._asked: dict[int, Seen] = {}
        self._systems: dict[str | None, list[int]] = {}

    def look(self, example: Example, line: int) -> Iterator[Finding]:
        """What is to be said about one more example."""
        self.examples += 1
        yield from self._order(example, line)
        if example.preferred or self.method == "reinforcement":
            yield from self._again(example.messages, (*example.preferred, {}, *example.rejected), line)
        else:
            yield from self._again(example.messages[:-1], example.messages[-1:], line)
        if example.preferred and example.preferred == example.rejected:
            hint = "such a pair teaches nothing: remove it"
            yield Finding("same_preference", line, "both answers of the pair are the same", hint)
        self._note_system(example, line)
        if self.method == "reinforcement" and not example.left_out:
            hint = "a grader compares answers with such a key, a reference answer for one"
            yield Finding("no_reference", line, "there is no key beside 'messages'", hint)
        for at, what in undeclared(example.messages, example.beside.get("tools")):
            hint = "declare every tool the example calls; arguments are one JSON object as text"
            yield Finding("undeclared_tool", line, what, hint, message=at)

    def _order(self, example: Example, line: int) -> Iterator[Finding]:
        roles = [message.get("role") for message in example.messages]
        for at, role in enumerate(roles):
            if role == "user" and at and roles[at - 1] == "user":
                what = f"message {at} and {at + 1} are both the user's"
                yield Finding("two_users_in_a_row", line, what, "join them, or put the answer between them", message=at)
            elif role == "assistant" and _is_silent(message := example.messages[at]) and message.get("weight", 1) != 0:
                hint = "the model would learn to say nothing: remove the example, or write the answer"
                yield Finding("empty_reply", line, f"message {at + 1} is an empty answer", hint, message=at)
        if "user" not in roles:
            yield Finding("no_user_message", line, "no user speaks in this example")

    def _again(self, asked: Messages, answer: Messages, line: int) -> Iterator[Finding]:
        question, told = _mark(asked), _mark(answer)
        whole = hash((question, told))
        first = self._whole.setdefault(whole, line)
        if first != line:
            hint = "what stands twice is learnt twice as hard: remove one, unless that is meant"
            yield Finding(
                "duplicate_example", line, f"this is the example of line {first} again", hint, others=(first,)
            )
            return
        seen = self._asked.setdefault(question, Seen(line, told))
        if seen.line != line and seen.answer != told:
            what = f"line {seen.line} answers the same conversation otherwise"
            hint = "the model learns neither well: keep the better answer, unless variety is meant"
            yield Finding("contradictory_answers", line, what, hint, others=(seen.line,))

    def _note_system(self, example: Example, line: int) -> None:
        first = example.messages[0] if example.messages else {}
        content = first.get("content")
        system = content if first.get("role") in ("system", "developer") and isinstance(content, str) else None
        self._systems.setdefault(system, [0, line])[0] += 1

    @property
    def systems(self) -> frozenset[str | None]:
        """Every system prompt met, None for none."""
        return frozenset(self._systems)

    def ending(self) -> Iterator[Finding]:
        """What is to be said about all examples together."""
        without = self._systems.get(None)
        given = {text: found for text, found in self._systems.items() if text is not None}
        if without and given:
            has = "has" if without[0] == 1 else "have"
            what = f"{without[0]:,} of {self.examples:,} examples {has} no system prompt, this one first"
            hint = "the tune depends on the prompt it was trained with: give all of them the same, or none"
            yield Finding("missing_system", without[1], what, hint)
        elif without:
            hint = "the model is then best asked without one, too"
            yield Finding("no_system", 0, "no example has a system prompt", hint)
        if len(given) > 1:
            (_, usual), *others = sorted(given.items(), key=lambda item: (-item[1][0], item[1][1]))
            text, other = min(((text, found) for text, found in given.items() if found is not usual), key=_line)
            count = sum(found[0] for _, found in others)
            of = f"{count:,} of {self.examples:,} examples {'has' if count == 1 else 'have'}"
            what = f"{len(given):,} system prompts: {of} another than the usual one, this one first: {shown(text, 50)}"
            hint = "give all the same, unless the tune is meant to follow several"
            yield Finding("different_system", other[1], what, hint)


def _line(item: tuple[str, list[int]]) -> int:
    return item[1][1]


def _is_silent(message: Payload) -> bool:
    content = message.get("content")
    calls = message.get("tool_calls") or message.get("function_call") or message.get("refusal")
    return not calls and isinstance(content, str) and not content.strip()


def _mark(messages: Messages) -> int:
    """A number that is the same for equal messages, and, but for one chance in 2^64, only for those."""
    return hash(tuple(_parts(message) for message in messages))


def _parts(message: Payload) -> object:
    content = message.get("content")
    if len(message) == 2 and isinstance(content, str):
        return message.get("role"), content
    return json.dumps(message, sort_keys=True)
