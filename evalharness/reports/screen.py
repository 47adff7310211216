"""What a terminal can show: columns, colours, characters, and lines of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalharness.escape import one_line, terminal
from evalharness.layout import Span, wrapped
from evalharness.reports import base as words

SGR = {
    "": "",
    "bold": "1",
    "dim": "2",
    "HELD": "1;36",
    "IMPROVED": "1;32",
    "REGRESSED": "1;31",
    "INCONCLUSIVE": "1;33",
    "removed": "4;31",
    "added": "4;32",
    "alarm": "1;31",
}
ASCII = {
    "▲": "^", "▼": "v", "…": "...", "–": "-", "→": "->", "✗": "x", "✓": "+", "·": "-", "─": "-", "━": "=", "●": "o",
    "┊": ":", "│": "|", "┿": "+", "╋": "#", "▸": ">", "◂": "<", "’": "'",
    "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
}  # fmt: skip
_TO_ASCII = str.maketrans(ASCII)


@dataclass(frozen=True, slots=True)
class Screen:
    """What can be shown: columns, colour, and the characters its encoding has."""

    width: int
    color: bool
    verbose: bool
    encoding: str
    more: str = ""

    @property
    def ascii(self) -> bool:
        """Whether the signs of this report must do with ASCII."""
        try:
            "".join(ASCII).encode(self.encoding)
        except (LookupError, UnicodeError):
            return True
        return False

    def safe(self, text: str, most: int | None = words.LONGEST_TEXT) -> str:
        """A text from outside, on one line, harmless, and at most so long."""
        line = one_line(text, most)
        return terminal(line.translate(_TO_ASCII) if self.ascii else line, encoding=self.encoding)

    def exact(self, text: str) -> str:
        """A text from outside with its blanks as they are, harmless."""
        return terminal(text.translate(_TO_ASCII) if self.ascii else text, encoding=self.encoding)

    def line(self, spans: Sequence[Span], indent: int = 0) -> str:
        """One line of output."""
        painted = "".join(self._painted(self.sign(text), style) for text, style in spans)
        return f"{' ' * indent}{painted}".rstrip(" ") + "\n"

    def lines(self, spans: Sequence[Span], indent: int = 0, hang: int | None = None) -> Iterator[str]:
        """As many lines as it takes; those after the first are indented by `hang`."""
        hang = indent if hang is None else hang
        signed = [(self.sign(text), style) for text, style in spans]
        for place, part in enumerate(wrapped(signed, max(12, self.width - hang), indent - hang)):
            yield self.line(part, hang if place else indent)

    def sign(self, text: str) -> str:
        """The report's own signs, in ASCII where need be."""
        return text.translate(_TO_ASCII) if self.ascii and not text.isascii() else text

    def _painted(self, text: str, style: str) -> str:
        return f"\x1b[{SGR[style]}m{text}\x1b[0m" if self.color and style and text.strip() else text
