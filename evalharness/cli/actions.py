"""What a job on GitHub Actions is told beside the report: its summary, and annotations where the suite stands.

It happens where `github` is among the formats and the runner says where its summary is, and nowhere else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.findings import Panel

SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file that the runner shows as the step's summary."""


def listening() -> bool:
    """Whether there is a runner to tell."""
    return bool(os.environ.get(SUMMARY))


def add_summary(panel: Panel) -> None:
    """Adds to the step's summary; what was there stays. Where it cannot be written, that is said and nothing ends."""
    from evalharness.reports.github import LIMIT, SPARE, render

    path = Path(os.environ[SUMMARY])
    try:
        with path.open("ab") as file:
            room = LIMIT - file.tell()
            if room < 2 * SPARE:
                click.echo("the step's summary is full: this comparison is not in it", err=True)
            else:
                file.writelines(piece.encode("utf-8", "backslashreplace") for piece in render(panel, room=room))
    except OSError as error:
        click.echo(f"the step's summary cannot be written: {error.strerror or error}", err=True)


@contextmanager
def fenced() -> Iterator[None]:
    """What is printed in between is no command to the runner, whatever models wrote at the start of a line."""
    token = secrets.token_hex(16)
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def annotate(panel: Panel) -> None:
    """Prints the annotations, each a line the runner takes away."""
    from evalharness.reports import github

    for line in github.annotate(panel, root=_root(), lines=_lines(panel)):
        click.echo(line)


def _root() -> str:
    """The current folder as the repository has it; empty text at its top, or where it lies elsewhere."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    here = Path().absolute()
    if not workspace or not here.is_relative_to(workspace):
        return ""
    return here.relative_to(workspace).as_posix().removeprefix(".")


def _lines(panel: Panel) -> dict[tuple[str, str], int]:
    """Where cases stand in the files of their suites, of those that are here and as they were when they were asked."""
    from evalharness.suite import load

    found: dict[tuple[str, str], int] = {}
    for ref in {comparison.suite.path: comparison.suite for comparison in panel.comparisons}.values():
        try:
            suite = load(ref.path)
        except EvalError:  # not here, or a file of another kind: its annotations name no line
            continue
        if suite.hash == ref.hash:
            found |= {(ref.path, case.id): case.line for case in suite.cases if case.line}
    return found
