"""The one reader of data files: JSON lines, JSON arrays, CSV and text lines become rows that know their line.

Lines end at "\\n" only (a "\\r" before it is dropped): other separators stay inside the strings that hold them. Blank
lines and a byte order mark are passed over. All else that is not in order is a fault with file and line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalharness.errors import Fault, Faults
from evalharness.files import decoded, quoted, unreadable
from evalharness.jsontext import Walk, decode, noun, past_blanks

if TYPE_CHECKING:
    from _csv import Reader as CsvReader  # under this name only where types are checked

LONGEST_LINE = 64 * 2**20
LARGEST_ARRAY = 256 * 2**20
LONGEST_FIELD = 10_000_000
"""Characters of the longest field of a CSV file."""
MOST_FAULTS = 20

FORMATS = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "array",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
    ".md": "text",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data and the line it begins on, from 1. A row of a text file has the one field `line`; those of a
    CSV file hold texts; those of JSON hold whatever JSON can."""

    line: int
    fields: dict[str, object]


def read(path: str | Path, *, take: int | None = None, called: str = "") -> Iterator[Row]:
    """The rows of a file, one at a time; its format goes by the end of its name.

    take: only the first so many; what stands behind them is not looked at. called: how messages name the file.
    Raises `Faults` at the end with every fault found, or as soon as there are twenty.
    """
    path = Path(path)
    return islice(_read(path, called or str(path)), take)


def _read(path: Path, called: str) -> Iterator[Row]:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        what = f"{quoted(path.suffix)} is no format of data" if path.suffix else "the file's name has no ending"
        raise Faults([Fault(called, 0, 0, what, f"known: {', '.join(FORMATS)}")])
    try:
        with path.open("rb") as file:
            found: list[Fault] = []
            for row in _rows(file, form, called):
                if isinstance(row, Row):
                    yield row
                    continue
                found.append(row)
                if len(found) >= MOST_FAULTS:
                    break
            if found:
                raise Faults(found)
    except (OSError, ValueError) as error:
        raise Faults([unreadable(path, called, error)]) from None


def _rows(file: BinaryIO, form: str, called: str) -> Iterator[Row | Fault]:
    if form == "array":
        yield from _array(file, called)
        return
    try:
        if form == "lines":
            yield from _json_lines(_lines(file, called), called)
        elif form == "text":
            yield from (Row(number, {"line": line}) for number, line in _lines(file, called) if line.strip())
        else:
            yield from _csv(_lines(file, called), called, "\t" if form == "tsv" else ",")
    except Faults as error:
        # A line that is no text: what follows it may be none either.
        yield from error.faults


def _lines(file: BinaryIO, called: str) -> Iterator[tuple[int, str]]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise Faults([Fault(called, number, 0, f"this line is longer than {LONGEST_LINE >> 20} MiB")])
        text = decoded(raw, called, number)
        yield number, text.removesuffix("\n").removesuffix("\r")


# --- JSON -----------------------------------------------------------------------------------------------------------


def _json_lines(lines: Iterable[tuple[int, str]], called: str) -> Iterator[Row | Fault]:
    for number, line in lines:
        if not line or line.isspace():
            continue
        try:
            value, end = decode(line, past_blanks(line, 0))
        except ValueError as error:
            hint = ""
            if number == 1 and line.lstrip().startswith("["):
                hint = "each line must be one JSON object; a file that is one JSON array is named .json"
            yield Fault(called, number, 0, str(error), hint)
            continue
        if not isinstance(value, dict):
            what = f"this line is {noun(value)}, each line must be one JSON object"
            yield Fault(called, number, 0, what, _array_hint(number, value))
        elif (end := past_blanks(line, end)) < len(line):
            yield Fault(called, number, 0, f"something follows the JSON object, at column {end + 1}")
        else:
            yield Row(number, value)


def _array_hint(number: int, value: object) -> str:
    return "a file that is one JSON array is named .json" if number == 1 and isinstance(value, list) else ""


def _array(file: BinaryIO, called: str) -> Iterator[Row | Fault]:
    raw = file.read(LARGEST_ARRAY + 1)
    if len(raw) > LARGEST_ARRAY:
        what = f"this file is longer than {LARGEST_ARRAY >> 20} MiB"
        yield Fault(called, 0, 0, what, "write it as JSON lines (.jsonl), which are read one at a time")
        return
    try:
        text = decoded(raw, called)
    except Faults as error:
        yield from error.faults
        return
    del raw
    walk = Walk(text)
    if not walk.meets("["):
        hint = "a JSON object a line belongs in a file named .jsonl"
        yield Fault(called, walk.line, 0, "this file must be one JSON array of objects", hint)
        return
    more = not walk.meets("]")
    while more:
        line = walk.line
        try:
            value, walk.at = decode(text, walk.at)
        except ValueError as error:
            yield Fault(called, line, 0, str(error))
            return
        if isinstance(value, dict):
            yield Row(line, value)
        else:
            yield Fault(called, line, 0, f"this is {noun(value)}, each item must be one JSON object")
        more = walk.meets(",")
        if not more and not walk.meets("]"):
            yield Fault(called, walk.line, 0, "the JSON array is not closed here, nor does a comma follow")
            return
    if walk.at < len(text):
        yield Fault(called, walk.line, 0, "something follows the JSON array")


# --- CSV ------------------------------------------------------------------------------------------------------------


def _csv(lines: Iterator[tuple[int, str]], called: str, comma: str) -> Iterator[Row | Fault]:
    # strict: a quote that is never closed would swallow the rest of the file as one field.
    table = csv.reader((f"{line}\n" for _, line in lines), delimiter=comma, strict=True)
    header: list[str] | None = None
    while True:
        began = table.line_num + 1
        try:
            cells = _cells(table)
        except csv.Error as error:
            yield _no_csv(error, called, began)
            return
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if faults := tuple(_header_faults(header, called, began)):
                yield from faults
                return
        elif len(cells) != len(header):
            what = f"this row has {len(cells)} field{'s' * (len(cells) != 1)}, the header has {len(header)}"
            yield Fault(called, began, 0, what, "a field that holds a comma or a line break is put in double quotes")
        else:
            yield Row(began, dict(zip(header, cells, strict=True)))


def _cells(table: CsvReader) -> list[str] | None:
    """The next row. The limit is the process's, so it is ours for this row only."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        return next(table, None)
    finally:
        csv.field_size_limit(before)


def _no_csv(error: csv.Error, called: str, line: int) -> Fault:
    if "field limit" not in str(error):
        hint = "is there a quote that is not closed? a quote inside a quoted field is written twice"
        return Fault(called, line, 0, f"this is not CSV: {error}", hint)
    what = f"a field of this row is longer than {LONGEST_FIELD:,} characters"
    return Fault(called, line, 0, what, "close the quote it begins with, or write the rows as JSON lines (.jsonl)")


def _header_faults(header: list[str], called: str, line: int) -> Iterator[Fault]:
    for place, name in enumerate(header):
        if not name:
            yield Fault(called, line, 0, f"column {place + 1} of the header has no name")
        elif name in header[:place]:
            yield Fault(called, line, 0, f"two columns are called {quoted(name)}", "give each column a name of its own")
    if len(header) == 1 and ";" in header[0]:
        yield Fault(called, line, 0, f"there is one column, {quoted(header[0])}", "separate columns by commas")
