"""What a row of the answer cache holds: one line of JSON that says what was asked, then the answer as it came."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from evalharness.records import Request, encode

HEAD = '{"v":1,'
HEAD_AS_JSON = '{"v":1,"json":1,'
"""How a row's first line begins; the second form where the answer stands as JSON, as not every text fits a table."""

PLACE = ("case", "turn")
"""What is kept to say where a question came from, though it is in no key."""

LONGEST = 200
"""Characters of a part that is kept as it is; a longer one is kept as a digest."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the question that is not as it was when the nearest known question was asked."""

    field: str
    stored: str
    asked: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a question's answer is known; if not, how it differs from the nearest question that is.

    case, turn: where that one came from, empty and 0 where nothing is stored or it does not say.
    """

    key: str
    known: bool
    case: str = ""
    turn: int = 0
    differs: tuple[Difference, ...] = ()


def sealed(text: str, request: Request) -> str:
    """A row's value. Text that a table cannot hold (a lone surrogate, a NUL) stands as JSON."""
    line = encode(described(request))[1:]
    return f"{HEAD}{line}\n{text}" if fits(text) else f"{HEAD_AS_JSON}{line}\n{encode(text)}"


def fits(text: str) -> bool:
    """Whether a table gives the text back as it is."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def opened(value: str) -> str | None:
    """The answer in a row's value; None where `sealed` did not make it."""
    if not value.startswith(HEAD):
        return None
    line, found, text = value.partition("\n")
    if not found:
        return None
    if not line.startswith(HEAD_AS_JSON):
        return text
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, str) else None


def described(request: Request) -> dict[str, str]:
    """The parts of a question's key by name, as text: short ones as they are, messages and long ones as a digest."""
    parts = {name: _short(part) for name, part in request.parts().items() if name not in ("messages", "origin")}
    for place, message in enumerate(request.messages, 1):
        parts[f"message {place} ({message.role})"] = _digest(message.content)
    if request.origin is not None:
        parts["case"], parts["turn"] = request.origin.case, str(request.origin.turn)
    return parts


def explain(key: str, request: Request, lines: Iterable[object]) -> Explanation:
    """The nearest of the stored questions, given as the first lines of their rows, and every part in which it differs.

    Of equally near ones that from the same case and turn, then the first.
    """
    asked = described(request)
    rank, nearest = (len(asked) + LONGEST, 0), None
    for line in lines:
        stored = _parts_in(line)
        if stored is None:
            continue
        found = (len(_differing(stored, asked)), sum(stored.get(name) != asked.get(name) for name in PLACE))
        if found < rank:
            rank, nearest = found, stored
    if nearest is None:
        return Explanation(key, known=False)
    differs = (Difference(name, nearest.get(name, ""), asked.get(name, "")) for name in _differing(nearest, asked))
    turn = nearest.get("turn", "")
    return Explanation(key, False, nearest.get("case", ""), int(turn) if turn.isdecimal() else 0, tuple(differs))


def _differing(stored: dict[str, str], asked: dict[str, str]) -> list[str]:
    names = [*asked, *(name for name in stored if name not in asked)]
    return [name for name in names if stored.get(name) != asked.get(name) and name not in PLACE]


def _parts_in(line: object) -> dict[str, str] | None:
    try:
        parts = json.loads(line) if isinstance(line, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, dict):
        return None
    return {name: part for name, part in parts.items() if isinstance(part, str)}


def _short(part: object) -> str:
    text = (encode(part) if part else "{}") if isinstance(part, dict) else str(part)
    return text if len(text) <= LONGEST else _digest(text)


@functools.lru_cache(maxsize=1024)  # a system text comes with every question of its suite
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
