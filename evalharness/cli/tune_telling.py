"""What a tune tells while it goes on: a live curve on a terminal, plain lines into a pipe, both on stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from evalharness.escape import terminal
from evalharness.progress import drawable
from evalharness.tuning.curve import drawn
from evalharness.tuning.measures import Event, Measured, merged
from evalharness.tuning.state import TuneJob

if TYPE_CHECKING:
    from rich.live import Live

SHARES = 20
"""Into a pipe a long tune tells so many of its steps."""


@contextmanager
def watcher(*, quiet: bool) -> Iterator[Teller]:
    """Tells on stderr; a live curve stays on the screen in its last state."""
    teller = Teller(sys.stderr, quiet=quiet)
    try:
        yield teller
    finally:
        teller.ended()


class Teller:
    """Tells what happens to a job. quiet: only notes, which are what somebody may have to act on."""

    def __init__(self, stream: TextIO, *, quiet: bool = False, draws: bool | None = None) -> None:
        self._stream = stream
        self._quiet = quiet
        self._draws = (drawable(stream) if draws is None else draws) and not quiet
        self._measured: tuple[Measured, ...] = ()
        self._share = -1
        self._live: Live | None = None

    def note(self, text: str) -> None:
        """A line that somebody may have to act on."""
        self._line(text)

    def progress(self, text: str) -> None:
        """A line on what is being done."""
        if not self._quiet:
            self._line(text)

    def status(self, job: TuneJob) -> None:
        """Another status of the job."""
        if not self._quiet:
            self._line(f"{job.name}: {job.status}")

    def event(self, event: Event) -> None:
        """Something that the server says: a step goes into the curve, anything else is a line."""
        if self._quiet:
            return
        if event.measured is None:
            self._line(event.message if event.level == "info" else f"{event.level}: {event.message}")
            return
        self._measured = merged(self._measured, [event.measured])
        if self._draws:
            self._draw()
        elif self._worth_a_line(event.measured):
            self._line(_told(event.measured))

    def ended(self) -> None:
        """Leaves the curve as it is."""
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.stop()
            self._live = None

    def _worth_a_line(self, one: Measured) -> bool:
        share = one.step * SHARES // one.of if one.of else -1
        if one.of > SHARES and share == self._share and one.step != one.of:
            return False
        self._share = share
        return True

    def _draw(self) -> None:
        from rich.text import Text

        columns = shutil.get_terminal_size((100, 24)).columns
        lines = drawn(self._measured, min(columns, 100), ascii_only=not _carries(self._stream))
        text = Text("\n".join([*lines, f"  {_told(self._measured[-1])}"]), no_wrap=True, overflow="crop")
        try:
            if self._live is None:
                self._live = self._begin()
            self._live.update(text, refresh=True)
        except (OSError, ValueError):  # the terminal is gone; the job goes on
            self._draws = False

    def _begin(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        live = Live(
            console=Console(file=self._stream),
            auto_refresh=False,  # no thread: it is drawn where something is told
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        live.start()
        return live

    def _line(self, text: str) -> None:
        safe = terminal(text, encoding=getattr(self._stream, "encoding", None) or "ascii")
        with suppress(OSError, ValueError):  # closed: whoever closed it does not want to know
            if self._live is not None:
                self._live.console.print(safe, markup=False, highlight=False, soft_wrap=True)
                return
            self._stream.write(f"{safe}\n")
            self._stream.flush()


def _told(one: Measured) -> str:
    """A step in words."""
    words = [f"step {one.step}/{one.of}" if one.of else f"step {one.step}"]
    if one.train is not None:
        words.append(f"training loss {one.train:.4g}")
    if one.valid is not None:
        words.append(f"validation loss {one.valid:.4g}")
    return ", ".join(words)


def _carries(stream: TextIO) -> bool:
    """Whether the output can show the curve's characters."""
    try:
        "⠿×│┤└─".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
