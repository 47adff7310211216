"""The bytes of a training file to pieces that should each be one example, with all that is wrong in how it is written.

Lines end at "\\n" only. Nothing is lost: a piece that cannot be read keeps its text, and one whose bytes are no text
says so. A file that is one JSON array, or objects spread over lines, is read all the same, and the finding says what a
server makes of it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from json.decoder import JSONDecoder
from pathlib import Path
from typing import BinaryIO, NoReturn

from evalharness.errors import Fault, Faults
from evalharness.files import unreadable
from evalharness.jsontext import Walk, check_depth, decode, noun, past_blanks
from evalharness.records import Payload
from evalharness.tuning.rules import Finding

LONGEST_LINE = 64 * 2**20
LARGEST_WHOLE = 256 * 2**20
"""Bytes of a file that has to be read as a whole: an array, objects over several lines, UTF-16."""

NOT_A_DICTIONARY = (
    "Expected file to have JSONL format, where every line is a valid JSON dictionary. Line {} is not a dictionary"
)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """What should be one example.

    line: where it begins, from 1. text: as it should stand on its line, repaired where that takes no guess; empty where
    there is nothing to keep. fields: what it says; None where that is no JSON object. lost: `text` is not what stands
    there: bytes that are no text, or the rest of a file that could not be read.
    """

    line: int
    text: str
    fields: Payload | None
    findings: tuple[Finding, ...] = ()
    lost: bool = False


def pieces(path: Path, called: str) -> Iterator[Piece]:
    """Every piece of a file, in its order. called: how messages name it.

    Raises `Faults` for a file that is not there, and for what is too long to be read.
    """
    try:
        with path.open("rb") as file:
            yield from _pieces(file, called)
    except (OSError, ValueError) as error:
        raise Faults([unreadable(path, called, error)]) from None


def _pieces(file: BinaryIO, called: str) -> Iterator[Piece]:
    start = file.read(4)
    file.seek(0)
    if start.startswith(_UTF16):
        yield from _utf16(_whole(file, called), called)
        return
    first = _first(file)
    file.seek(0)
    if first.startswith(b"[") and not _is_list_line(file, first):
        yield from _array(_whole(file, called))
        return
    if first.startswith(b"{") and not _is_object(first) and (text := _spread(file)):
        yield from _as_lines(text, _SPREAD)
        return
    file.seek(0)
    yield from _lines(file, called)


def _first(file: BinaryIO) -> bytes:
    """The first line that is not blank, without the blanks around it."""
    while raw := file.readline(LONGEST_LINE):
        if found := _unmarked(raw).strip():
            return found
    return b""


def _unmarked(raw: bytes) -> bytes:
    """The bytes without byte order marks before them; programs that each add one leave several."""
    while raw.startswith(_BOM):
        raw = raw.removeprefix(_BOM)
    return raw


def _whole(file: BinaryIO, called: str) -> bytes:
    raw = file.read(LARGEST_WHOLE + 1)
    if len(raw) > LARGEST_WHOLE:
        what = f"this file is not one JSON object a line, and longer than {LARGEST_WHOLE >> 20} MiB"
        raise Faults([Fault(called, 1, 0, what, "write each example on a line of its own, as UTF-8")])
    return raw


def _is_list_line(file: BinaryIO, first: bytes) -> bool:
    """Whether the first line is a list by itself, with more lines to come: then it is not the file that is one."""
    try:
        text = first.decode()
        _, end = decode(text)
    except ValueError:
        return False
    file.seek(0)
    _first(file)
    more = any(raw.strip() for raw in iter(lambda: file.readline(LONGEST_LINE), b""))
    file.seek(0)
    return more and past_blanks(text, end) == len(text)


def _is_object(first: bytes) -> bool:
    try:
        decode(first.decode())
    except ValueError as error:
        return "stands twice" in str(error)
    return True


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(file: BinaryIO, called: str) -> Iterator[Piece]:
    number, example = 0, 0
    windows = False
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise Faults([Fault(called, number, 0, f"this line is longer than {LONGEST_LINE >> 20} MiB")])
        findings: list[Finding] = []
        if not example and raw.startswith(_BOM):  # also behind blank lines: without them it would be the first
            raw = _unmarked(raw)
            findings.append(_bom(number))
        if not windows and raw.endswith(b"\r\n"):
            windows = True
            findings.append(_crlf(number))
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            shown = raw.decode("utf-8", "backslashreplace")
            yield Piece(number, shown, None, (*findings, _no_text(raw, number)), lost=True)
            example += 1
            continue
        if not text or text.isspace():  # empty: the mark is all there is
            yield Piece(number, "", None, (*findings, _blank(number)))
            continue
        example += 1
        for piece in _line(text.removesuffix("\n").rstrip("\r"), number, example):
            yield replace(piece, findings=(*findings, *piece.findings)) if findings else piece
            findings = []


def _line(text: str, number: int, example: int) -> Iterator[Piece]:
    """The piece of a line; several where it holds several objects."""
    try:
        value, end = _shallow(text, past_blanks(text, 0))
    except ValueError as error:
        yield _mended(text, number, example, str(error))
        return
    if past_blanks(text, end) < len(text):
        several = _sequence(text, number)
        yield from several or [
            _mended(text, number, example, f"something follows the JSON object, at column {end + 1}")
        ]
    elif isinstance(value, dict):
        yield Piece(number, text, value)
    else:
        yield Piece(number, text, None, (_no_object(value, number),))


def _shallow(text: str, at: int) -> tuple[object, int]:
    """As `decode`, without values so deep that writing them again could fail."""
    value, end = decode(text, at)
    check_depth(text[at:end])
    return value, end


def _mended(text: str, number: int, example: int, problem: str) -> Piece:
    """A line that is no JSON, read all the same where only a comma too many or a repeated key is in the way."""
    if "stands twice" in problem and (fields := _lenient(text)) is not None:
        return Piece(number, text, fields, (_twice(number, problem),))
    server = _server(text, example, number)
    whole = _comma_free(text)
    if whole != text and (fields := _lenient(whole)) is not None:
        hint = "`--fix` removes it"
        finding = Finding("invalid_json", number, "there is a comma too many", hint, server, repair="comma removed")
        return Piece(number, whole, fields, (finding,))
    if "\0" in text:
        what = f"there is a NUL character here, at column {text.index(chr(0)) + 1}"
        hint = "write the file again as UTF-8: it may be UTF-16, cut off, or no text at all"
        return Piece(number, text, None, (Finding("nul", number, what, hint),))
    ends = "unterminated string" in problem or problem.endswith(f" column {len(text) + 1}")
    hint = "the line breaks off: write it again, or remove it" if ends else ""
    return Piece(number, text, None, (Finding("invalid_json", number, problem, hint, server),))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_decoder = JSONDecoder(parse_constant=_refuse)


def _lenient(text: str) -> Payload | None:
    """The object that a text is for readers who take the last of two keys."""
    try:
        value = _decoder.decode(text)
        check_depth(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=[ \t\r\n]*+[}\]])')


def _comma_free(text: str) -> str:
    text = _blanked(text)
    ending = text.rstrip(" \t")
    return ending.removesuffix(",") if ending.endswith("},") else text


def _blanked(text: str) -> str:
    """The text with blanks for commas that a bracket closes; what stands in strings stays, and so does its length."""
    return _STRING_OR_COMMA.sub(lambda found: " " if found[0] == "," else found[0], text)


def _server(text: str, example: int, number: int) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        told = f"Error: line contains invalid json: {error} (line {number})"
        return f"Invalid file format. Example {example} cannot be parsed. {told}"
    except (ValueError, RecursionError):
        pass
    return ""


def _sequence(text: str, number: int) -> list[Piece]:
    """The objects of a line that holds nothing but objects, one after the other; else none."""
    found: list[Piece] = []
    at = past_blanks(text, 0)
    while at < len(text):
        try:
            value, end = _shallow(text, at)
        except ValueError:
            return []
        if not isinstance(value, dict):
            return []
        found.append(Piece(number, _flat(text[at:end]), value, (replace(_SEVERAL, line=number),) if found else ()))
        at = past_blanks(text, end)
    return found


_SEVERAL = Finding(
    "not_jsonl",
    1,
    "several JSON objects stand on this line, each line must be one",
    "`--fix` puts each on a line of its own",
    repair="object put on a line of its own",
)


def _bom(number: int = 1) -> Finding:
    what = "the file begins with a byte order mark, which some servers take for a part of the first line"
    return Finding("utf8_bom", number, what, "`--fix` removes it", repair="byte order mark removed")


def _crlf(number: int) -> Finding:
    return Finding("crlf", number, "lines end in CR LF, as on Windows", repair="ends of lines made LF")


def _blank(number: int) -> Finding:
    return Finding("blank_line", number, "this line is blank", "`--fix` removes it", repair="blank line removed")


def _no_object(value: object, number: int) -> Finding:
    what = f"this line is {noun(value)}, each line must be one JSON object"
    return Finding("not_jsonl", number, what, server=NOT_A_DICTIONARY.format(number))


def _no_text(raw: bytes, number: int) -> Finding:
    """raw: a line, or the text up to its end; number: of the line on which it begins."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8, at column {column}"
        number += before.count(b"\n")
    else:
        raise AssertionError("these bytes are UTF-8")
    return Finding("not_utf8", number, what, "save the file as UTF-8; it may be in latin-1 or another older encoding")


# --- the file as a whole ----------------------------------------------------------------------------------------------

_ARRAY = Finding(
    "not_jsonl",
    1,
    "this file is one JSON array, each line must be one JSON object",
    "`--fix` writes its items as lines",
    NOT_A_DICTIONARY.format(1),
    repair="array written as lines",
)
_SPREAD = Finding(
    "not_jsonl",
    1,
    "an example stands on several lines, each line must be one JSON object",
    "`--fix` writes each on one line",
    NOT_A_DICTIONARY.format(1),
    repair="examples written on one line each",
)


def _utf16(raw: bytes, called: str) -> Iterator[Piece]:
    hint = "save it as UTF-8, or let `--fix` write it so"
    finding = Finding("utf16", 1, "this file is UTF-16, not UTF-8", hint, repair="written as UTF-8")
    try:
        text = raw.decode("utf-16")
    except UnicodeDecodeError:
        broken = replace(finding, hint="save it as UTF-8; it is cut off in the middle of a character", repair="")
        yield Piece(1, "", None, (broken,), lost=True)
        return
    yield Piece(1, "", None, (finding,))
    yield from _pieces(io.BytesIO(text.encode()), called)


def _array(raw: bytes) -> Iterator[Piece]:
    """The items of a file that is one JSON array."""
    if raw.startswith(_BOM):
        yield Piece(1, "", None, (_bom(),))
        raw = _unmarked(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        yield Piece(1, "", None, (replace(_ARRAY, repair=""), _no_text(raw, 1)), lost=True)
        return
    yield from _as_lines(text, _ARRAY)


def _spread(file: BinaryIO) -> str:
    """The text of a file whose first object ends on a later line; empty where that is not so."""
    file.seek(0)
    raw = file.read(LARGEST_WHOLE + 1)
    try:
        text = _unmarked(raw).decode() if len(raw) <= LARGEST_WHOLE else ""
        value, _ = decode(text, past_blanks(text, 0))
    except ValueError:
        return ""
    return text if isinstance(value, dict) else ""


def _as_lines(text: str, how: Finding) -> Iterator[Piece]:
    """The values of a text, each as a line. how: what is said about the text as a whole, once."""
    walk = Walk(text)
    yield Piece(walk.line, "", None, (replace(how, line=walk.line),))
    array = how is _ARRAY and walk.meets("[")
    closed, mended, items, value = not array, False, 0, None
    while walk.at < len(text):
        if array and walk.meets("]"):
            closed = True
            break
        line, at = walk.line, walk.at
        try:
            value, walk.at, findings = _value(walk.text, at, line)
        except ValueError as error:
            if mended or (free := _blanked(text)) == text:
                yield _broken(line, str(error))
                return
            walk.text, mended = free, True
            yield Piece(line, "", None, (_commas(line),))
            continue
        items += 1
        yield _item(line, _flat(walk.text[at : walk.at]), value, findings)
        comma = array and walk.meets(",")
        walk.pass_blanks()
        if comma and walk.text.startswith("]", walk.at):
            yield Piece(walk.line, "", None, (_commas(walk.line),))
        elif array and not comma and walk.text[walk.at : walk.at + 1] not in ("", "]"):
            yield _broken(walk.line, "the JSON array is not closed here, nor does a comma follow")
            return
    if not closed:
        yield _broken(walk.line, "the JSON array is not closed: the file breaks off here")
    elif walk.at < len(text):
        yield _broken(walk.line, "something follows the JSON array")
    elif items == 1 and isinstance(value, list):
        # As a line of its own it would be taken for the file's array, and be taken apart the next time.
        yield _broken(walk.line, "the JSON array holds nothing but another array")


def _value(text: str, at: int, line: int) -> tuple[object, int, tuple[Finding, ...]]:
    try:
        return *_shallow(text, at), ()
    except ValueError as error:
        if "stands twice" not in str(error):
            raise
        value, end = _decoder.raw_decode(text, at)
        check_depth(text[at:end])
        return value, end, (_twice(line, str(error)),)


def _twice(line: int, problem: str) -> Finding:
    return Finding("repeated_key", line, f"{problem}; the last one counts", "keep one of them")


def _item(line: int, text: str, value: object, findings: tuple[Finding, ...]) -> Piece:
    if isinstance(value, dict):
        return Piece(line, text, value, findings)
    what = f"this item is {noun(value)}, each must be one JSON object"
    return Piece(line, text, None, (Finding("not_jsonl", line, what),))


def _commas(line: int) -> Finding:
    return Finding("invalid_json", line, "there is a comma too many", "`--fix` removes it", repair="comma removed")


def _broken(line: int, what: str) -> Piece:
    hint = "what follows was not read: write the file again, or mend this place"
    return Piece(line, "", None, (Finding("invalid_json", line, what, hint),), lost=True)


_STRING_OR_BLANKS = re.compile(r'"(?:[^"\\]|\\.)*+"|[ \t\r\n]++')


def _flat(text: str) -> str:
    """JSON on one line, each value written as it was."""
    if "\n" not in text and "\r" not in text:
        return text
    # A blank stays where one was: between two values of a sequence there may be nothing else.
    return _STRING_OR_BLANKS.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
