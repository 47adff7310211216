"""Why an item failed, in words: a line that says it, and what a reader needs beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr


class Shown(Exception):
    """A failure that is told without a traceback. head: one line; body: what stands below it, where there is room."""

    def __init__(self, head: str, body: str = "") -> None:
        super().__init__(f"{head}\n{body}" if body else head)
        self.head = head
        self.body = body


class Missed(Shown):
    """A case that does not pass."""


class NoAnswer(Shown):
    """A case without an answer, which is neither right nor wrong."""


class Regressed(Shown):
    """A criterion that failed."""


class Inconclusive(Shown):
    """A criterion that these cases cannot decide."""


def told(lines: list[str], head: str, path: Path, line: int) -> TerminalRepr:
    """A failure as pytest shows it: the lines below the heading, and one line for summaries and build servers.

    Text alone would be one line for neither: a summary on a build server would print all of it once more.
    """
    from _pytest._code.code import ReprEntry, ReprExceptionInfo, ReprFileLocation, ReprTraceback

    entry = ReprEntry(lines, None, None, None, "value")
    return ReprExceptionInfo(ReprTraceback([entry], None, "value"), ReprFileLocation(str(path), line, head))
