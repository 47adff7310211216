"""A voice from a file: the replies of a training file, of a file of examples, or a profile that was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from evalharness import rows
from evalharness.errors import Fault, Faults
from evalharness.files import read_text
from evalharness.stylometry.features import read
from evalharness.stylometry.profile import FEWEST, Profile, learn, read_plain

REPLY = "reply"
"""The field that holds an example, where a file is no training file."""

TEXTS = (".txt", ".md")


class TooFew(ValueError):
    """Fewer replies than make a voice; the message says how many."""

    HINT = "twenty or more make one that can be relied on"


def learnt(path: Path, called: str = "") -> Profile:
    """The voice of a file's replies. called: how messages name it.

    A training file of any dialect gives its assistant replies, of a pair the preferred one; JSON lines, a JSON array or
    a table with the field `reply` give that; a text file gives its lines; a JSON object is a profile that was kept.
    Replies without a word are passed over. Raises `Faults` for a file that cannot be read, and `TooFew` below
    five replies.
    """
    called = called or str(path)
    if path.suffix.lower() == ".json" and (kept := _kept(path, called)) is not None:
        return kept
    return of(list(_examples(path, called)))


def of(replies: Sequence[str]) -> Profile:
    """The voice of these replies; `TooFew` where those with a word are fewer than five."""
    found = [reading.features for reply in replies if (reading := read(reply)).words]
    if len(found) < FEWEST:
        told = "1 reply makes" if len(found) == 1 else f"{len(found)} replies make"
        raise TooFew(f"{told} no voice, it takes {FEWEST} at least")
    return learn(found)


def _kept(path: Path, called: str) -> Profile | None:
    text = read_text(path, called).strip()
    if not text.startswith("{"):
        return None
    try:
        return read_plain(json.loads(text))
    except (ValueError, RecursionError) as error:
        what = "this JSON is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Faults([Fault(called, 0, 0, what)]) from None


def _examples(path: Path, called: str) -> Iterator[str]:
    suffix = path.suffix.lower()
    if suffix in TEXTS:
        yield from (str(row.fields["line"]) for row in rows.read(path, called=called))
    elif suffix in rows.FORMATS and _has_replies(path, called):
        yield from _fields(path, called)
    else:
        from evalharness.tuning.lessons import learn as lessons_of

        yield from (reply for lesson in lessons_of(path, called).lessons for reply in lesson.replies)


def _has_replies(path: Path, called: str) -> bool:
    """Whether the first row has the field of an example."""
    try:
        return any(REPLY in row.fields for row in rows.read(path, take=1, called=called))
    except Faults:
        return False  # as a training file it may be read all the same, and else its own faults are told


def _fields(path: Path, called: str) -> Iterator[str]:
    faults: list[Fault] = []
    for row in rows.read(path, called=called):
        reply = row.fields.get(REPLY)
        if isinstance(reply, str):
            yield reply
        elif len(faults) < rows.MOST_FAULTS:
            what = f"'{REPLY}' is no text here" if REPLY in row.fields else f"this row has no '{REPLY}'"
            faults.append(Fault(called, row.line, 0, what))
    if faults:
        raise Faults(faults)
