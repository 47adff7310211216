"""Makes any text harmless where it is to be printed: terminal, Markdown, CSV, XML, a script tag, a file name.

What a model, a suite or a server wrote may hold anything: control codes that move a cursor, marks that reorder a line,
markup, formulas, half of a surrogate pair. Nothing here drops a character silently; what cannot stand is spelled out.
"""

from __future__ import annotations

import hashlib
import re

HIDDEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters without a shape of their own, as a class of a regular expression: controls, bidirectional marks, blanks of
no width, fillers, tags, lone surrogates."""

# Joiners are letters' business in Persian and emoji, and a hiding place after a plain ASCII character.
_UNSEEN = re.compile(f"[{HIDDEN}]|(?<![^\x00-\x7f])[\u200c\u200d]")
_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\x85]+")


def spelled(character: str) -> str:
    """One character as an escape: `\\x1b`, `\\u202e`, `\\U000e0041`; the well-known ones as `\\n`, `\\t`, `\\r`."""
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or character.encode(
        "unicode_escape", "backslashreplace"
    ).decode("ascii")


def terminal(text: str, *, encoding: str = "utf-8", lines: bool = False) -> str:
    """Text that moves no cursor, rings no bell and reads in the order it is stored.

    Characters that cannot be seen are spelled out, and so are those that `encoding` cannot carry. lines: line feeds
    stay, as in messages of several lines.
    """
    if not text.isascii() or not text.isprintable():
        text = _UNSEEN.sub(lambda found: "\n" if lines and found[0] == "\n" else spelled(found[0]), text)
    if text.isascii():
        return text
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except (LookupError, UnicodeError):
        return text.encode("ascii", "backslashreplace").decode("ascii")


def one_line(text: str, most: int | None = None) -> str:
    """Runs of white space as one blank, none at the ends; past `most` characters the rest is `…`."""
    if most is not None and len(text) > 8 * most:
        text = text[: 8 * most]  # white space is collapsed in what may be needed, not in ten megabytes
        return shortened(collapsed(text).strip() + "……", most)
    line = collapsed(text).strip()
    return line if most is None else shortened(line, most)


def collapsed(text: str) -> str:
    """Runs of white space as one blank, at the ends too."""
    return _SPACE.sub(" ", text)


def shortened(text: str, most: int) -> str:
    """At most that many characters, cut at a word where one ends near; `…` tells that something was cut."""
    if len(text) <= most:
        return text
    cut = text[: max(1, most - 1)]
    blank = cut.rfind(" ")
    return (cut[:blank] if blank > 2 * most // 3 else cut).rstrip() + "…"


# --- Markdown ---------------------------------------------------------------------------------------------------------

JOINER = "&#8288;"
"""A word joiner, of no width: it parts `@` from a name and `#` from a number. Forges look for mentions, references and
addresses in the rendered text, where neither a backslash nor an entity for the sign itself would stop them."""

_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", **{c: "\\" + c for c in "\\`*_[]|~^"}})
_CALLS = re.compile(
    r"""[@#!%&~$^](?=[\w"'])  # mention, issue, merge request, milestone, epic, label, snippet
    |:(?=//|[\w+-]+:)         # address, emoji by name
    |\b(?:www|gh|mailto|xmpp)(?=[.:-])""",
    re.VERBOSE | re.IGNORECASE,
)
_OPENING = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([-+=#]))")


def markdown(text: str) -> str:
    """Running text that stays text, in a paragraph, a list item, a heading or a table cell, and is one line.

    No link, image, address, mention, reference, emphasis, code, HTML or list can come of it.
    """
    line = terminal(one_line(text))
    parts, end = [], 0
    for call in _CALLS.finditer(line):
        parts += [line[end : call.end()].translate(_MARKUP), JOINER]
        end = call.end()
    inert = "".join([*parts, line[end:].translate(_MARKUP)])
    return _OPENING.sub(r"\1\\\2\3", inert)


def markdown_code(text: str) -> str:
    """A code span with the text as it is, on one line. Not for table cells, where a pipe ends the cell."""
    line = terminal(one_line(text)) or " "
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def markdown_block(text: str, language: str = "") -> str:
    """A fenced block with the text as it is; its fence is longer than any run of backticks inside."""
    body = terminal(text, lines=True)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


# --- tables, scripts, file names --------------------------------------------------------------------------------------

_FORMULA = tuple("=+-@＝＋－＠")
_NOT_UTF8 = re.compile("[\x00\ud800-\udfff]")


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front.

    NUL and lone surrogates, which no CSV file can carry, are spelled out.
    """
    text = _NOT_UTF8.sub(lambda found: spelled(found[0]), text)
    risky = text[:1] in ("\t", "\r", "\n") or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if risky else text


def script_json(text: str) -> str:
    """JSON text that can stand in a script element: nothing in it closes the element or begins a comment."""
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def xml(text: str) -> str:
    """Text that can stand in an element of XML, or between double quotes, where line feeds are read back as blanks.

    Characters that XML cannot carry, and those that cannot be seen, are spelled out.
    """
    return terminal(text, lines=True).translate(_XML)


_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
LONGEST_SLUG = 60


def slug(text: str) -> str:
    """A file name for a name: lower-case ASCII letters, digits, `_`, `-` and `.`, at most 60 of them.

    Equal names give equal slugs, different names different ones: where anything was lost, part of a hash follows. No
    slug begins with a dot or a dash, is empty, or is a name that some system reserves.
    """
    name = re.sub(r"[^a-z0-9_.]+", "-", text.lower())
    name = re.sub(r"\.{2,}", ".", name)[:LONGEST_SLUG].strip("-.")
    if name and name == text and name.partition(".")[0] not in _RESERVED and not _MARKED.search(name):
        return name
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_SLUG - 9].rstrip('-.') or 'x'}-{mark}"


# A name that looks as if it had a mark gets one too: else it could be the slug of another name.
_MARKED = re.compile(r"-[0-9a-f]{8}$")
