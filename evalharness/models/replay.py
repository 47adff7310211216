"""Recorded answers: `replay:FILE`, or `replay:FILE#dotted.path` for recordings that stand beside other fields."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from evalharness.config import Arm
from evalharness.errors import Fault, Faults, ModelFailed, suggestion
from evalharness.files import unreadable
from evalharness.models.base import Model, model, only_chats
from evalharness.records import ModelRef, Request, Response
from evalharness.rows import MOST_FAULTS, read

Place: TypeAlias = tuple[str, int, int]
"""Case, sample from 0, turn from 1."""

MOST_NAMED = 5


@model("replay")
class Replay(Model):
    """Says what a file says was answered to a case: no network, no cache.

    `replay:FILE`: a row an answer, `{"case": ID, "text": TEXT}`; `sample` counts from 0 (the default), `turn` from 1,
    and `texts`, a list, gives the answers of all turns at once. `replay:FILE#dotted.path`: a row a case, by its `id`;
    the text at that path answers its first turn, a list there answers sample after sample. A row without a text there
    (missing, or null) answers nothing. The question's words are not compared.
    """

    keeps = False

    def __init__(self, arm: Arm) -> None:
        super().__init__(arm)
        name, _, field = arm.ref.target.partition("#")
        self._name = name
        path = arm.folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Faults([unreadable(path, name, error)]) from None
        self._ref = replace(arm.ref, digest=digest)
        self._texts = _recorded(path, name, tuple(field.split(".")) if field else ())

    @property
    def ref(self) -> ModelRef:
        """The arm with the digest of the recording, so that another recording is another model."""
        return self._ref

    def faults(self, requests: Iterable[Request]) -> tuple[Fault, ...]:
        """One fault that counts the questions the recording cannot answer and names the first of them."""
        places = [_place(request) for request in requests]
        lacking = [place for place in places if place not in self._texts]
        if not lacking:
            return ()
        named = ", ".join(_words(place) for place in lacking[:MOST_NAMED])
        more = f" and {len(lacking) - MOST_NAMED} more" if len(lacking) > MOST_NAMED else ""
        what = f"model '{self.arm.ref.name}': no answer to {len(lacking)} of {len(places)} questions: {named}{more}"
        return (Fault(self._name, 0, 0, what, self._hint(lacking)),)

    def known(self, request: Request) -> str | None:
        """The recorded text."""
        return self._texts.get(_place(request)) if request.kind == "chat" else None

    async def fetch(self, request: Request) -> str:
        """The recorded text; `ModelFailed` of kind `missing` where there is none."""
        only_chats(request)
        text = self.known(request)
        if text is None:
            raise ModelFailed("missing", f"{self._name} has no answer to {_words(_place(request))}")
        return text

    def read(self, text: str) -> Response:
        """The text as it was recorded."""
        return Response(text, "answered" if text.strip() else "empty")

    def _hint(self, lacking: list[Place]) -> str:
        if not self._texts:
            return "it holds no answer at all"
        recorded = {case for case, _, _ in self._texts}
        if not any(case in recorded for case, _, _ in lacking):
            return f"it answers cases such as '{next(iter(recorded))}'; a case's id must be the row's"
        return "record them, ask for fewer samples, or leave the cases out with --case or --tag"


def _recorded(path: Path, name: str, field: tuple[str, ...]) -> dict[Place, str]:
    texts: dict[Place, str] = {}
    first: dict[Place, int] = {}
    faults: list[Fault] = []
    example: Mapping[str, object] = {}
    try:
        for row in read(path, called=name):
            example = example or row.fields
            try:
                for place, text in _at(row.fields, field) if field else _answer(row.fields):
                    if place in first:
                        raise ValueError(f"a second answer to {_words(place)}, the first is on line {first[place]}")
                    texts[place], first[place] = text, row.line
            except ValueError as error:
                other = not field and "case" not in row.fields and "id" in row.fields
                hint = f"a recording beside other fields is named with the text's path: replay:{name}#PATH"
                faults.append(Fault(name, row.line, 0, str(error), hint if other else ""))
                if other or len(faults) == MOST_FAULTS:
                    break
    except Faults as error:
        faults = sorted([*faults, *error.faults])
    if not texts and not faults and field and example:
        faults = [Fault(name, 0, 0, f"no row has a text at '{'.'.join(field)}'", _fields(example, field))]
    if faults:
        raise Faults(faults)
    return texts


def _answer(fields: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    """The answers of a row `{"case", "sample", "turn", "text"}` or `{"case", "sample", "texts"}`."""
    case, sample = _id(fields, "case"), _count(fields, "sample", 0)
    if "texts" in fields:
        texts = fields["texts"]
        if not isinstance(texts, list):
            raise ValueError("'texts' is no list of texts")
        for turn, text in enumerate(texts, 1):
            yield (case, sample, turn), _text(text, "texts")
    elif "text" not in fields:
        raise ValueError("a recorded answer needs 'text', or 'texts' for a conversation")
    elif fields["text"] is not None:
        yield (case, sample, _count(fields, "turn", 1)), _text(fields["text"], "text")


def _at(fields: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[Place, str]]:
    """The answers that stand at a path of a row that is a case."""
    found = _walk(fields, path)
    if found is None:
        return
    case = _id(fields, "id")
    for sample, text in enumerate(found if isinstance(found, list) else [found]):
        if text is not None:
            yield (case, sample, 1), _text(text, ".".join(path))


def _walk(value: object, path: tuple[str, ...]) -> object:
    """What stands at a path; a name may hold dots itself, as model names do (`outputs.gpt-4.1`)."""
    if not path or not isinstance(value, Mapping):
        return None if path else value
    for end in range(1, len(path) + 1):
        found = _walk(value.get(".".join(path[:end])), path[end:])
        if found is not None:
            return found
    return None


def _id(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ValueError(f"a recorded answer needs the case's id in '{name}'")
    return str(value)


def _count(fields: Mapping[str, object], name: str, least: int) -> int:
    value = fields.get(name, least)
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise ValueError(f"'{name}' is a whole number from {least}, got {value!r:.40}")
    return number


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"'{name}' holds {value!r:.40}, a recorded answer is a text")
    return value


def _place(request: Request) -> Place:
    origin = request.origin
    return ("", request.sample, 1) if origin is None else (origin.case, request.sample, origin.turn)


def _words(place: Place) -> str:
    case, sample, turn = place
    words = f"case '{case}'" if case else "a question outside the cases"
    return words + (f" sample {sample}" if sample else "") + (f" turn {turn}" if turn > 1 else "")


def _fields(row: Mapping[str, object], path: tuple[str, ...]) -> str:
    """Which fields the deepest table of a row that the path reaches has."""
    found: Mapping[str, object] = row
    for name in path:
        inner = found.get(name)
        if not isinstance(inner, Mapping):
            return suggestion(name, (str(key) for key in found))
        found = inner
    return suggestion("", (str(key) for key in found))
