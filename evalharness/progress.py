"""The bar on stderr: how far a run is, how fast, what it cost and how long it will take. Only where somebody looks."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from evalharness.escape import terminal
from evalharness.records import FailureKind

if TYPE_CHECKING:
    from rich.progress import Progress

PAUSE = 0.1
"""Seconds between two drawings, so that counting costs nothing and nothing flickers."""
PATIENCE = 0.5
"""Seconds before anything is drawn: what is over by then needs no bar."""


def watch(*, quiet: bool = False) -> Bar:
    """Watches runs on stderr."""
    return Bar(sys.stderr, quiet=quiet)


class Bar:
    """A watch of one run after another; between them there is no bar.

    On a terminal it draws with rich, which is imported when there is something to draw. Into a pipe, and where `quiet`,
    it draws nothing; notes are printed all the same, a line each, but where `quiet` not what a signal waits for.
    now: seconds, for tests.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.quiet = quiet
        self.draws = not quiet and drawable(self.stream)
        self.cached = self.asked = 0
        self.usd: float | None = 0.0
        self.failures: Counter[FailureKind] = Counter()
        self._now = now
        self._began = self._drawn = now()
        self.flows: int | None = None
        self.at_most = False
        self._finished = 0
        self._progress: Progress | None = None

    def planned(self, flows: int | None) -> None:
        """How many flows a run has; several runs one after the other add up."""
        if flows is not None:
            self.flows = (self.flows or 0) + flows
        self._draw()

    def spared(self, flows: int, *, maybe: int) -> None:
        """Takes off flows that are not needed; while more of them may turn out so, what is left is an upper bound."""
        if self.flows is not None:
            self.flows -= flows
        self.at_most = maybe > 0
        self._draw()

    def answered(self, *, cached: bool, usd: float | None) -> None:
        """Counts an answer, and adds up what it cost; None once makes the sum unknown."""
        if cached:
            self.cached += 1
        else:
            self.asked += 1
            self.usd = None if usd is None or self.usd is None else self.usd + usd
        self._draw()

    def failed(self, kind: FailureKind) -> None:
        """Counts a question that was given up."""
        self.failures[kind] += 1
        self._draw()

    def finished(self) -> None:
        """Counts a flow that has ended."""
        self._finished += 1
        self._draw()

    def note(self, text: str) -> None:
        """Prints a line; a bar stays below it."""
        if self._progress is not None:
            self._progress.console.print(self._line(text), markup=False, highlight=False, soft_wrap=True)
            return
        with suppress(OSError, ValueError):  # closed: whoever closed it does not want to know
            self.stream.write(f"{self._line(text)}\n")
            self.stream.flush()

    def stopping(self, text: str) -> None:
        """Prints the line unless `quiet`: who pressed Ctrl-C should know why it goes on."""
        if not self.quiet:
            self.note(text)

    def ended(self) -> None:
        """Takes the bar away."""
        if self._progress is not None:
            with suppress(OSError, ValueError):
                self._progress.stop()
            self._progress = None

    def status(self) -> str:
        """Rate, price and failures in a few words: `12.3/s, 0.0410 USD, 2 failed (limit 2)`."""
        seconds = max(self._now() - self._began, 1e-9)
        words = [f"{self.asked / seconds:.1f}/s"] if self.asked else []
        if self.usd:
            words.append(f"{self.usd:.4f} USD")
        if self.cached:
            words.append(f"{self.cached:,} known")
        if self.failures:
            kinds = ", ".join(f"{kind} {count}" for kind, count in self.failures.most_common())
            words.append(f"{self.failures.total():,} failed ({kinds})")
        return ", ".join(words)

    def _draw(self) -> None:
        if not self.draws:
            return
        now = self._now()
        if now < self._drawn + PAUSE or now < self._began + PATIENCE:
            return
        self._drawn = now
        try:
            progress = self._progress or self._begin()
            for task in progress.task_ids:
                bound = "at most" if self.at_most else ""
                progress.update(task, total=self.flows, completed=self._finished, status=self.status(), bound=bound)
            progress.refresh()
        except (OSError, ValueError):  # the terminal is gone; the run goes on
            self.draws = False

    def _line(self, text: str) -> str:
        """A server may have written part of it."""
        return terminal(text, encoding=getattr(self.stream, "encoding", None) or "ascii")

    def _begin(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        progress = self._progress = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            TextColumn("{task.fields[bound]}", markup=False),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=Console(file=self.stream),
            transient=True,
            auto_refresh=False,  # no thread: it is drawn where it is counted
            redirect_stdout=False,
            redirect_stderr=False,
        )
        progress.add_task("", total=self.flows, status="", bound="")
        progress.start()
        return progress


def drawable(stream: TextIO) -> bool:
    """Whether a bar can be drawn there: a terminal that knows how to move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    except ValueError:  # closed
        return False
