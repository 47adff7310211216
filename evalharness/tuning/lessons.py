"""What a training file teaches: of each example what users ask in it, what is answered, and under which system text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from evalharness.errors import Fault, Faults
from evalharness.files import unreadable
from evalharness.records import Payload
from evalharness.tuning.dataset import LOOKED_AHEAD, dialect_of
from evalharness.tuning.dialects import Example, Misshapen, read
from evalharness.tuning.reading import Piece, pieces


@dataclass(frozen=True, slots=True)
class Lesson:
    """One example. line: where it begins, from 1. asks: what users say in it. replies: the answers that are learnt, of
    a pair the preferred one. system: None where it has no system text. text: the example as it should stand on a line.
    """

    line: int
    asks: tuple[str, ...]
    replies: tuple[str, ...]
    system: str | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Lessons:
    """A training file as far as it can be read.

    file: as messages name it. digest: sha256 of its bytes, in hexadecimal. unread: pieces that are no example.
    """

    file: str
    digest: str
    lessons: tuple[Lesson, ...]
    unread: int


def learn(path: Path, called: str = "") -> Lessons:
    """The examples of a training file of any dialect. called: how messages name it.

    Raises `Faults` for a file that is not there, cannot be read, or holds no example at all.
    """
    called = called or str(path)
    found = pieces(path, called)
    ahead = list(islice(found, LOOKED_AHEAD))
    dialect = dialect_of(ahead)
    lessons: list[Lesson] = []
    unread = 0
    for piece in chain(ahead, found):
        if not piece.text:
            unread += piece.lost
            continue
        try:
            lessons.append(_lesson(piece, read(dialect, piece.fields or {})))
        except Misshapen:
            unread += 1
    if not lessons:
        hint = f"`evalharness tune check {called}` says what is wrong with it"
        raise Faults([Fault(called, 0, 0, "there is no training example in this file", hint)])
    return Lessons(called, _digest(path, called), tuple(lessons), unread)


def _lesson(piece: Piece, example: Example) -> Lesson:
    learnt = [m for m in example.messages if m.get("role") == "assistant" and m.get("weight", 1) != 0]
    return Lesson(
        piece.line,
        tuple(_said(example.messages, "user")),
        tuple(text for message in (*learnt, *example.preferred) if (text := text_of(message))),
        next(_said(example.messages, "system"), None),
        piece.text,
    )


def _said(messages: tuple[Payload, ...], role: str) -> Iterator[str]:
    return (text for message in messages if message.get("role") == role and (text := text_of(message)))


def text_of(message: Payload) -> str:
    """What a message says; the texts of its parts one below the other."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _digest(path: Path, called: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Faults([unreadable(path, called, error)]) from None
