"""`history`: the accepted snapshots of a suite in order, with charts against the pinned reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from evalharness.cli.options import JSON, config, leave, load_suites, shown
from evalharness.errors import EvalError, suggestion

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.history import History

Render: TypeAlias = "Callable[[History], Iterator[str]]"

FILES = {"html": "index.html", "markdown": "report.md", "json": "history.json"}
"""What each format is written as; `terminal` is printed and writes nothing."""


@click.command("history")
@click.argument("suite", metavar="SUITE")
@click.option("--aspect", metavar="A", help="Only this aspect.")
@click.option("--reference", metavar="NAME", default="", help="Read against this snapshot instead of the pinned one.")
@click.option(
    "--format",
    "formats",
    metavar="F,F",
    default="terminal",
    show_default=True,
    help="Files to write: html, markdown, json; `terminal` writes none.",
)
@click.option("-o", "--output", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Instead of reports/.")
@click.option("--fail-on-alarm", is_flag=True, help="Exit 1 where the newest snapshot lies below its limits.")
@JSON
def history_verb(
    suite: str,
    aspect: str | None,
    reference: str,
    formats: str,
    folder: Path | None,
    fail_on_alarm: bool,
    as_json: bool,
) -> None:
    """Show the accepted snapshots of a suite in order: each aspect, its charts, and where an alarm rang.

    \b
    evalharness history suites/marv.yaml
    evalharness history marv --format html

    SUITE is a suite file, or the name of a suite whose file is gone. Nothing is asked. An alarm is for reading: the
    status is 0 whatever the charts say, unless --fail-on-alarm asks for 1.
    """
    from evalharness.harness import history

    wanted = _wanted(formats)
    settings = config()
    name = _name(suite, settings)
    found = history(name, settings, aspect=aspect, reference=reference)
    written = [_write(found, each, folder, settings) for each in wanted]
    _print(found, as_json=as_json)
    if written and not as_json:
        click.echo(f"\nreport: {', '.join(shown(path) for path in written)}")
    leave(1 if fail_on_alarm and found.rings else 0)


def _wanted(formats: str) -> list[str]:
    """The formats to write; an unknown one is said before anything is read."""
    names = list(dict.fromkeys(name.strip() for name in formats.split(",") if name.strip()))
    for name in names:
        if name not in (*FILES, "terminal"):
            raise EvalError(f"history has no format '{name}'", suggestion(name, (*FILES, "terminal")))
    return [name for name in names if name != "terminal"]


def _name(suite: str, settings: Config) -> str:
    """The name of the suite meant: that in its file, or the word itself where baselines lie under it."""
    from evalharness.snapshots import shelves

    path = Path(suite)
    if path.is_file():
        return load_suites([suite], settings)[0].name
    if path.is_dir():
        raise EvalError(f"{suite}: a folder", "history shows one suite: give its file or its name")
    known = {shelf.suite for shelf in shelves(settings.baselines)}
    if suite in known:
        return suite
    if path.suffix in (".yaml", ".yml"):
        hint = f"`evalharness history {path.stem}` reads its baselines without it" if path.stem in known else ""
        raise EvalError(f"{suite}: no such suite", hint or "SUITE is a suite file, or the name of a suite")
    if known:
        raise EvalError(f"suite '{suite}': there is no baseline", suggestion(suite, known))
    return suite


def _write(found: History, name: str, folder: Path | None, settings: Config) -> Path:
    from evalharness.escape import slug
    from evalharness.store import no_link, write_text

    target = (folder or settings.reports) / f"{slug(found.suite)}-history"
    if folder is None:
        no_link(target, settings.folder)
    path = target / FILES[name]
    write_text(path, _renders(name)(found))
    return path


def _renders(name: str) -> Render:
    """The function of a format, imported when it is asked for."""
    match name:
        case "html":
            from evalharness.reports.history.html import render
        case "markdown":
            from evalharness.reports.history.markdown import render
        case _:
            from evalharness.reports.history.json import render
    return render


def _print(found: History, *, as_json: bool) -> None:
    from evalharness.cli.showing import colored, width
    from evalharness.reports.history import terminal

    encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
    pieces = (
        _renders("json")(found)
        if as_json
        else terminal.render(found, width=width(), color=colored(), encoding=encoding)
    )
    for piece in pieces:
        click.echo(piece, nl=False)
