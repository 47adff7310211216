"""Checks on replies that are data: `json`, `fields`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from evalharness.flow import Flow
from evalharness.jsontext import NotJson, read
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Part, Unfit, scorer, weigh
from evalharness.text import shown


@scorer("json")
@dataclass(frozen=True, slots=True)
class Json:
    """The reply is JSON, and nothing but JSON.

    ```yaml
    suite: machine-readable
    cases:
      - ask: Give the name and population of France as JSON.
        expect:
          format: json
    ```
    Passes: `{"name": "France", "population": 68000000}`
    Fails: `Here you are: {"name": "France"}`

    Any JSON value will do, also a bare `42`. White space around it and one code fence around the whole are forgiven.
    Refused, since readers disagree on them: a key given twice in one object, `NaN` and `Infinity`, more than 100 lists
    and objects within each other. `json: false` asks for a reply that is not JSON.

    **Does not catch**: wrong keys or values (`json_schema`, `fields`); an object cut off before its end is not JSON, a
    list of objects one a line is not either.
    """

    wanted: bool

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply is JSON, else 0; the other way round for `json: false`."""
        try:
            read(conversation.reply, str, str)
        except NotJson as fault:
            return Grade(float(not self.wanted), str(fault))
        return Grade(float(self.wanted), "is JSON")


@scorer("fields")
@dataclass(frozen=True, slots=True)
class Fields:
    """How many of these fields of the JSON reply are right, as a share from 0 to 1.

    ```yaml
    suite: invoices
    cases:
      - ask: "Answer with JSON, keys vendor and total: 'ACME Ltd, 12.50 EUR'"
        expect:
          facts:
            fields:
              vendor: ACME Ltd
              total: {number: 12.5, within: 0.01}
    ```
    Passes: `{"vendor": "ACME Ltd", "total": 12.50}`
    Fails: `{"vendor": "ACME", "total": 125}`

    Each value is graded as if it were the reply, and is right from a grade of 0.5 on. A bare text means `exact`. A text
    is graded without its quotation marks; a number, `true`, `false` and `null` as they are written (`12.50` is not
    `12.5` to `exact`, and is to `number`); a list or object as compact JSON. `address.city` is the field `city` of the
    object `address`, `lines.0` the first of the list `lines`; a key that has the dot in it goes first. The reply is
    read as by `json` and must be an object, else the share is 0. A field that cannot be graded makes the share unknown.

    **Does not catch**: fields that should not be there (`json_schema` with `additionalProperties: false`), nor their
    order.
    """

    fields: dict[str, Part]
    bare: ClassVar[str] = "exact"

    def __post_init__(self) -> None:
        if not self.fields:
            raise Unfit("fields", "no field is named")

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The share of fields that are right; a flow where a field's check asks a model."""
        try:
            reply = read(conversation.reply, _Literal, _Literal)
        except NotJson as fault:
            return Grade(0.0, str(fault))
        if not isinstance(reply, dict):
            return Grade(0.0, f"not a JSON object: {shown(conversation.reply.strip(), 60)}")
        parts: list[Grade | Flow[Grade]] = []
        for name, part in self.fields.items():
            value = _at(reply, name)
            missing = value is _MISSING
            parts.append(Grade(0.0, "missing") if missing else part.grade(conversation.with_reply(_written(value))))
        return weigh(parts, self._share)

    def _share(self, grades: Sequence[Grade | None]) -> Grade | None:
        named = list(zip(self.fields, grades, strict=True))
        for name, grade in named:
            if grade is not None and grade.value is None:
                return Grade(None, f"{name}: {grade.why}")
        if None in grades:
            return None
        wrong = [f"{name}: {grade.why}" for name, grade in named if grade and (grade.value or 0) < 0.5]
        right = len(grades) - len(wrong)
        return Grade(right / len(grades), "; ".join([f"{right} of {len(grades)} fields", *wrong])[:240])


class _Literal(str):
    """A number as the reply wrote it."""

    __slots__ = ()


_MISSING = object()


def _at(value: object, name: str) -> object:
    """The value under a dotted name, `_MISSING` where there is none."""
    if isinstance(value, dict) and name in value:
        return value[name]
    head, dot, rest = name.partition(".")
    if isinstance(value, dict) and dot and head in value:
        return _at(value[head], rest)
    if isinstance(value, list) and head.isdecimal() and len(head) < 9 and int(head) < len(value):
        return _at(value[int(head)], rest) if dot else value[int(head)]
    return _MISSING


def _written(value: object) -> str:
    """The value as text: a string bare, everything else as compact JSON with numbers as they stood."""
    return value if isinstance(value, str) else _compact(value)


def _compact(value: object) -> str:
    match value:
        case _Literal():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{_compact(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_compact, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
