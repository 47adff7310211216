"""Checks on replies that are data: `json`, `json_schema`, `fields`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, NoReturn

from evalharness.flow import Flow
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Document, Part, Unfit, scorer, weigh
from evalharness.text import BadPattern, pattern, search, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Resource
    from referencing._core import Resolver

DEEPEST = 100
"""Lists and objects within each other; a reply nested deeper is no JSON to us."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


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
            _parsed(conversation.reply, str, str)
        except NotJson as fault:
            return Grade(float(not self.wanted), str(fault))
        return Grade(float(self.wanted), "is JSON")


@scorer("json_schema")
@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The reply is JSON that keeps to a JSON Schema, given in the suite or as the name of a file.

    ```yaml
    suite: typed
    cases:
      - ask: "Extract vendor and total as JSON: 'ACME, 12.50 EUR'"
        expect:
          format:
            json_schema:
              type: object
              required: [vendor, total]
              properties:
                vendor: {type: string}
                total: {type: number, minimum: 0}
    ```
    Passes: `{"vendor": "ACME", "total": 12.5}`
    Fails: `{"vendor": "ACME", "total": "12.50"}`

    The draft is the one `$schema` names, else 2020-12. The reply is read as by `json`. The reason given is the first
    error with its place. The schema is checked when the suite is read; references within it are followed, others are an
    error: nothing is fetched. `seconds`: how long the expressions under `pattern` and `patternProperties` may take
    together, 2 if left out; beyond it the grade is unknown.

    **Does not catch**: `format` (`date`, `email`, ...), which is a note and is not checked; values that are well-formed
    and false (`fields`).
    """

    schema: Document
    seconds: float = 2.0
    _fault: Callable[[object], str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 60:
            raise Unfit("seconds", "the time for a reply's patterns is more than 0 and at most 60 seconds")
        object.__setattr__(self, "_fault", _checker(self.schema))

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply keeps to the schema, 0 where it does not, None where that cannot be said."""
        from referencing.exceptions import Unresolvable

        _DEADLINE.set(monotonic() + self.seconds)
        try:
            fault = self._fault(_parsed(conversation.reply, _integer, _real))
        except NotJson as fault_in_text:
            return Grade(0.0, str(fault_in_text))
        except TimeoutError:
            return Grade(None, f"no end after {self.seconds:g} s of the schema's patterns")
        except RecursionError:
            return Grade(None, "the schema refers to itself without end")
        except (ArithmeticError, TypeError, ValueError, Unresolvable, MemoryError) as error:
            return Grade(None, f"cannot be checked: {str(error)[:80]}")
        return Grade(1.0, "keeps to the schema") if fault is None else Grade(0.0, fault)


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

    Each value is graded as if it were the reply, and is right from a grade of 0.5 on. A bare text means `exact`. A text is
    graded without its quotation marks; a number, `true`, `false` and `null` as they are written (`12.50` is not `12.5`
    to `exact`, and is to `number`); a list or object as compact JSON. `address.city` is the field `city` of the object
    `address`, `lines.0` the first of the list `lines`; a key that has the dot in it goes first. The reply is read as by
    `json` and must be an object, else the share is 0. A field that cannot be graded makes the share unknown.

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
            reply = _parsed(conversation.reply, _Literal, _Literal)
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
        wrong = [f"{name}: {grade.why}" for name, grade in named if grade and grade.value is not None and grade.value < 0.5]
        if None in grades:
            return None
        right = len(grades) - len(wrong)
        return Grade(right / len(grades), "; ".join([f"{right} of {len(grades)} fields", *wrong])[:240])


# --- reading ----------------------------------------------------------------------------------------------------------


class NotJson(ValueError):
    """The reply is not JSON; the message says where it stops being it."""


class _Literal(str):
    """A number as the reply wrote it."""

    __slots__ = ()


_MISSING = object()


def _parsed(reply: str, integer: Callable[[str], object], real: Callable[[str], object]) -> object:
    text = _unfenced(reply)
    _check_depth(text)
    try:
        return json.loads(text, parse_int=integer, parse_float=real, parse_constant=_refuse, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        seen = shown(text[error.pos : error.pos + 40], 40) if error.pos < len(text) else "its end"
        told = error.msg[:1].lower() + error.msg[1:]
        raise NotJson(f"not JSON: {told} at line {error.lineno}, column {error.colno}, at {seen}") from None
    except RecursionError:
        raise NotJson("not JSON: nested too deeply") from None


def _unfenced(reply: str) -> str:
    """The reply without the one code fence around it."""
    text = reply.strip()
    first = text.find("\n")
    if text.startswith("```") and text.endswith("```") and 0 < first < len(text) - 3 and "`" not in text[3:first]:
        return text[first + 1 : -3].strip()
    return text


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for mark in _BRACKETS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise NotJson(f"not JSON: more than {DEEPEST} lists and objects within each other")
        elif mark[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise NotJson(f"not JSON: the key {shown(twice, 40)} stands twice in one object")
    return values


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"not JSON: {constant} is no JSON number")


def _integer(digits: str) -> object:
    return int(digits) if len(digits) < 4000 else _real(digits)  # int() refuses more than 4,300 digits


def _real(digits: str) -> object:
    value = float(digits)
    if value - value == 0:
        return value
    try:
        return Decimal(digits)
    except DecimalException:
        raise NotJson(f"not JSON: {shown(digits, 40)[1:-1]} is out of all range") from None


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
