"""How a comparison is printed, and where its reports go."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli import actions
from evalharness.cli.options import Show, shown
from evalharness.errors import EvalError, suggestion

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.findings import Comparison, Panel


STDOUT = Path("-")
"""As the folder of reports: the one report wanted is printed, instead of what is printed else."""


def deliver(panel: Panel, show: Show, config: Config) -> None:
    """Writes the reports and prints the result; or, with `-o -`, prints the one report that is wanted."""
    if show.folder == STDOUT:
        from evalharness.reports.base import REPORTS

        _out(REPORTS.get(_wanted(show)[0])(panel))
    else:
        print_panel(panel, show, write_reports(panel, show, config))


def print_panel(panel: Panel, show: Show, written: Sequence[Path], *, ending: bool = True) -> None:
    """The result on stdout, then, as its ending, where the reports are and what to type next.

    Last comes what GitHub Actions is told, which is never part of JSON.
    """
    if show.as_json:
        from evalharness.reports import json

        _out(json.render(panel, pairs=False))
    elif _told(show):
        with actions.fenced():
            _print(panel, show, written, ending=ending)
        actions.annotate(panel)
    else:
        _print(panel, show, written, ending=ending)


def _print(panel: Panel, show: Show, written: Sequence[Path], *, ending: bool) -> None:
    if show.quiet:
        click.echo(f"{panel.verdict.outcome}: {'; '.join(panel.verdict.reasons)}")
        return
    from evalharness.reports import terminal

    encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
    more = next((shown(path) for path in written if path.suffix == ".html"), "")
    _out(terminal.render(panel, width=width(), color=colored(), verbose=show.verbose, encoding=encoding, more=more))
    for line in closing(panel, show, written) if ending else ():
        click.echo(line)


def closing(panel: Panel, show: Show, written: Sequence[Path]) -> Iterator[str]:
    """Where to look, and the next command to type."""
    pages = [path for path in written if path.suffix == ".html"]
    if pages:
        yield f"report: {', '.join(shown(path) for path in pages)}"
    if panel.verdict.incomplete:
        yield "next:   run the same command again; it asks only what is missing"
    elif not show.verbose:
        first = panel.comparisons[0]
        others = "" if len(panel.comparisons) == 1 else "   (the first pair)"
        yield f"next:   evalharness compare {_again(first)} -v   (the statistics){others}"


def _again(comparison: Comparison) -> str:
    """What to give `compare` for the same pair. A snapshot is graded by the suite, so the suite must be there."""
    base, tuned = comparison.base, comparison.tuned
    if base.snapshot or tuned.snapshot:
        return f"{shown(comparison.suite.path)} --base {base.model.name} --tuned {tuned.model.name}"
    return f"{shown(base.path)} {shown(tuned.path)}"


def check_formats(show: Show) -> None:
    """An unknown report format, and several for one output, are said before anything is asked."""
    if len(_wanted(show)) != 1 and show.folder == STDOUT:
        raise EvalError("-o - prints one report", "name one format: --format release-notes")


def write_reports(panel: Panel, show: Show, config: Config) -> list[Path]:
    """One folder a pair, a file a format; the paths written. The summary of a job is added to."""
    from evalharness.reports.files import write

    written = write(panel, _wanted(show), show.folder or config.reports, None if show.folder else config.folder)
    if _told(show):
        actions.add_summary(panel)
    return written


def _told(show: Show) -> bool:
    """Whether GitHub Actions is told: only where that was asked for, and there is a runner to tell."""
    return "github" in _wanted(show) and actions.listening()


def _wanted(show: Show) -> list[str]:
    from evalharness.reports.base import REPORTS

    names = [name.strip() for name in show.formats.split(",") if name.strip()]
    for name in names:
        if name not in REPORTS.names():
            raise EvalError(f"there is no report format '{name}'", suggestion(name, REPORTS.names()))
    return [name for name in names if name != "terminal"]


def width() -> int:
    """Columns of the terminal; 100 where the output is no terminal and COLUMNS is not set."""
    return shutil.get_terminal_size((100, 24)).columns


def colored() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR asks for none."""
    return (
        sys.stdout is not None
        and sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


def _out(pieces: Iterator[str]) -> None:
    for piece in pieces:
        click.echo(piece, nl=False)
