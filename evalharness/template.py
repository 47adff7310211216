"""Templates: `{{ field }}` in the text of a suite is filled from a row of data.

There is nothing else to them: a field or a dotted path of fields, and the filters trim, lower, upper, json and default.
No statements, calls or operators, so filling takes time in proportion to what it writes, and what a row holds is never
read as a template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from evalharness.errors import suggestion
from evalharness.files import quoted

LONGEST = 16 * 2**20
FILTERS = ("default", "json", "lower", "trim", "upper")


class TemplateError(ValueError):
    """What is wrong with a template, or with filling it.

    hole: which opening of braces in the text it is about, from 0.
    """

    def __init__(self, hole: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hole = hole
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Hole:
    """One `{{ }}`: the path of the field (empty where a text stands there), and its filters with their arguments."""

    number: int
    typed: str
    path: tuple[str, ...]
    literal: str
    filters: tuple[tuple[str, str], ...]

    def value(self, fields: Mapping[str, object], row: str) -> object:
        """What the row holds there, filters applied; `TemplateError` where it is missing or null."""
        found = self._found(fields, row)
        for name, argument in self.filters:
            match name:
                case "default":
                    found = argument if found is None else found
                case "json":
                    found = json.dumps(found, ensure_ascii=False)
                case _:
                    changed = self._written(found, row)
                    found = (
                        changed.strip() if name == "trim" else changed.lower() if name == "lower" else changed.upper()
                    )
        if found is None:
            raise TemplateError(self.number, f"{row}: the field {quoted('.'.join(self.path))} is null", _DEFAULT)
        return found

    def text(self, fields: Mapping[str, object], row: str) -> str:
        """That value as text: numbers and true and false as JSON writes them; no list or mapping."""
        found = self.value(fields, row)
        return found if isinstance(found, str) else self._written(found, row)

    def _found(self, fields: Mapping[str, object], row: str) -> object:
        if not self.path:
            return self.literal
        found: object = fields
        for place, name in enumerate(self.path):
            if isinstance(found, Mapping) and name in found:
                found = found[name]
                continue
            if self.filters and any(name == "default" for name, _ in self.filters):
                return None
            whole = ".".join(self.path[: place + 1])
            hint = suggestion(name, map(str, found)) if isinstance(found, Mapping) else _DEFAULT
            raise TemplateError(self.number, f"{row} has no field {quoted(whole)}", hint)
        return found

    def _written(self, value: object, row: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, list | dict) or value is None:
            noun = "null" if value is None else "a list" if isinstance(value, list) else "a mapping"
            hint = _DEFAULT if value is None else "`| json` writes it as JSON"
            raise TemplateError(self.number, f"{row}: the field {quoted('.'.join(self.path))} is {noun}", hint)
        return json.dumps(value)


_DEFAULT = 'to allow that, write `| default("...")`'


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes. pieces: what stands before each hole, and behind the last."""

    pieces: tuple[str, ...]
    holes: tuple[Hole, ...]

    @property
    def whole(self) -> Hole | None:
        """The hole, where the text is nothing but one."""
        return self.holes[0] if len(self.holes) == 1 and self.pieces == ("", "") else None

    def fill(self, fields: Mapping[str, object], row: str) -> str:
        """The text with every hole filled; row: how messages name the row, as `FILE:LINE`.

        Raises `TemplateError` for a field that is missing, null, a list or a mapping, and past 16 MiB.
        """
        parts = [self.pieces[0]]
        length = 0
        for hole, piece in zip(self.holes, self.pieces[1:], strict=True):
            filled = hole.text(fields, row)
            length += len(filled)
            if length > LONGEST:
                raise TemplateError(hole.number, f"{row}: the filled text is longer than {LONGEST >> 20} MiB")
            parts += (filled, piece)
        return "".join(parts)


_OPEN = re.compile(r"\{\{|\{%|\{#")
_SPACE = re.compile(r"\s*")
_CLOSE = re.compile(r"\s*\}\}")
# A column may be called `First name` or `due-date`; a word of these alone means that an operator was meant.
_WORD = re.compile(r"\w+(?:[ -]\w+)*")
_OPERATORS = re.compile(r"(?:^| )(?:and|or|not|in|is|if|else)(?: |$)")
_LITERAL = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(-?[0-9]+(?:\.[0-9]+)?)")


def compiled(text: str) -> Template | None:
    """The template a text is; None where it has no holes. `TemplateError` for anything but fields and filters."""
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return None
    pieces: list[str] = []
    holes: list[Hole] = []
    at = number = counted = 0
    last_comment = text.rfind("#}")
    opened = _OPEN.search(text)
    while opened:
        number += len(_OPEN.findall(text, counted, opened.start()))
        counted = opened.start()
        if opened[0] == "{%" or (opened[0] == "{#" and last_comment >= opened.end()):
            sign = "{% %}" if opened[0] == "{%" else "{# #}"
            raise TemplateError(number, f"a template holds fields and filters, no '{sign}'", _BRACES)
        if opened[0] == "{{":
            pieces.append(text[at : opened.start()])
            hole, at = _hole(text, opened.end(), number)
            holes.append(hole)
        opened = _OPEN.search(text, max(at, opened.end()))
    return Template((*pieces, text[at:]), tuple(holes)) if holes else None


_BRACES = 'to write braces as they are: {{ "{{" }}'


def _hole(text: str, start: int, number: int) -> tuple[Hole, int]:
    """The hole whose inside begins at `start`, and where what follows it begins."""
    at = _skip(text, start)
    path: tuple[str, ...] = ()
    literal = ""
    if found := _LITERAL.match(text, at):
        literal, at = _unescaped(found), found.end()
    else:
        path, at = _path(text, at, number)
    filters = []
    while text.startswith("|", at := _skip(text, at)):
        name, argument, at = _filter(text, _skip(text, at + 1), number)
        filters.append((name, argument))
    if not (closed := _CLOSE.match(text, at)):
        raise _unexpected(text, at, number)
    return Hole(number, text[start : closed.start()].strip(), path, literal, tuple(filters)), closed.end()


def _path(text: str, at: int, number: int) -> tuple[tuple[str, ...], int]:
    names = []
    while True:
        if not (found := _WORD.match(text, at)):
            raise _unexpected(text, at, number)
        if _OPERATORS.search(found[0]):
            raise TemplateError(
                number, f"a template has no operators: {quoted(found[0])}", "put such a field in the data"
            )
        names.append(found[0])
        at = found.end()
        if not text.startswith(".", at):
            return tuple(names), at
        at += 1


def _filter(text: str, at: int, number: int) -> tuple[str, str, int]:
    found = re.compile(r"\w+").match(text, at)
    name = found[0] if found else ""
    if found is None or name not in FILTERS:
        raise TemplateError(number, f"there is no filter {quoted(name)}", suggestion(name, FILTERS))
    at = found.end()
    if name != "default":
        return name, "", at
    call = re.compile(r"\s*\(\s*").match(text, at)
    argument = _LITERAL.match(text, call.end()) if call else None
    end = re.compile(r"\s*\)").match(text, argument.end()) if argument else None
    if argument is None or end is None:
        raise TemplateError(number, "the filter 'default' takes one text", 'write `| default("...")`')
    return name, _unescaped(argument), end.end()


def _unescaped(found: re.Match[str]) -> str:
    inside = found[1] if found[1] is not None else found[2]
    return found[3] if inside is None else re.sub(r"\\(.)", r"\1", inside, flags=re.DOTALL)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unexpected(text: str, at: int, number: int) -> TemplateError:
    if "}}" not in text[at:]:
        return TemplateError(number, "the '{{' of a template is not closed", _BRACES)
    seen = text[at : at + 1]
    if seen == "(":
        return TemplateError(number, "a template calls nothing: '('", "put what it should give in the data")
    if seen == "}":
        return TemplateError(number, "a template is empty: '{{ }}'", _BRACES)
    what = f"a template holds a field and filters, not {quoted(seen)}"
    return TemplateError(number, what, "write {{ field }}, {{ field.part }} or {{ field | trim }}")


def place(text: str, start: int, hole: int) -> int:
    """Where the hole of that number opens in the source text of a scalar that begins at `start`.

    The braces of a scalar are written as they are, so counting them there is enough, however its lines are folded.
    """
    at = start
    for number, found in enumerate(_OPEN.finditer(text, start)):
        at = found.start()
        if number == hole:
            break
    return at
