"""Why an item failed, in words: a line that says it, and what a reader needs beside."""

from __future__ import annotations


class Shown(Exception):
    """A failure that is told without a traceback."""

    def __init__(self, head: str, body: str = "") -> None:
        super().__init__(f"{head}\n{body}" if body else head)


class Missed(Shown):
    """A case that does not pass."""


class NoAnswer(Shown):
    """A case without an answer, which is neither right nor wrong."""


class Regressed(Shown):
    """A criterion that failed."""


class Inconclusive(Shown):
    """A criterion that these cases cannot decide."""
