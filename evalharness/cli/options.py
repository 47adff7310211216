"""What several verbs share: options, how a result ends a command, how it is printed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from evalharness.errors import Fault, Faults

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.engine import Watch
    from evalharness.findings import Verdict
    from evalharness.harness import Options
    from evalharness.suite import Suite

Verb: TypeAlias = Callable[..., None]
Decorator: TypeAlias = Callable[[Verb], Verb]

SUITES = click.argument("suites", metavar="SUITE...", nargs=-1, required=True)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress, and of the result only the verdict.")
VERBOSE = click.option("-v", "--verbose", is_flag=True, help="The statistics below the verdict, and every flip.")


CHOOSING = (
    click.option("--samples", type=click.IntRange(1), help="Ask each case so often; beats the suite's own."),
    click.option("--tag", "tags", metavar="T", multiple=True, help="Only cases with this tag; no verdict then."),
    click.option("--case", "cases", metavar="ID", multiple=True, help="Only this case; no verdict then."),
    click.option("--judge", metavar="NAME", help="The model that checks call `judge`; a name, or KIND:TARGET."),
    click.option("--train", metavar="FILE", type=click.Path(path_type=Path), help="Training file; beats the suite's."),
    click.option(
        "--cache",
        type=click.Choice(["use", "only", "refresh", "off"]),
        default="use",
        show_default=True,
        help="only: no network, what is not known is missing; refresh: ask again; off: neither read nor keep.",
    ),
)
"""What decides which questions are open."""

ASKING = (
    *CHOOSING,
    click.option("--at-once", type=click.IntRange(1, 10_000), help="Requests under way at a time, over all models."),
    click.option("--budget", metavar="USD", type=click.FloatRange(0), help="Spend at most so much."),
    click.option("--deadline", "seconds", metavar="SECONDS", type=click.FloatRange(0), help="Stop asking after that."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the permutation tests."),
)


FORMATS = "html,markdown,json"


@dataclass(frozen=True, slots=True)
class Show:
    """How a result is shown: options of every verb that compares."""

    formats: str = FORMATS
    folder: Path | None = None
    allow_inconclusive: bool = False
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False


SHOWING = (
    click.option(
        "--format",
        "formats",
        metavar="F,F",
        default=FORMATS,
        show_default=True,
        help="Files to write: html, markdown, json, csv, junit, github, release-notes; `terminal` writes none.",
    ),
    click.option(
        "-o",
        "--output",
        "folder",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Write there, not to reports/; with `-` print the one format wanted.",
    ),
    click.option("--allow-inconclusive", is_flag=True, help="Exit 0 instead of 4 when the verdict is INCONCLUSIVE."),
    JSON,
    QUIET,
    VERBOSE,
)


def asking(verb: Verb) -> Verb:
    """Gives a verb the options of all that ask models, as its parameter `options`."""
    return gathered(verb, "options", _options, ASKING)


def choosing(verb: Verb) -> Verb:
    """Gives a verb those of them that decide which questions are open, as its parameter `options`."""
    return gathered(verb, "options", _options, CHOOSING)


def _options() -> type[Options]:
    from evalharness.harness import Options

    return Options


def showing(verb: Verb) -> Verb:
    """Gives a verb the options of all that print a comparison, as its parameter `show`."""
    return gathered(verb, "show", lambda: Show, SHOWING)


def gathered(verb: Verb, name: str, load: Callable[[], type[object]], options: Sequence[Decorator]) -> Verb:
    """A verb with these options, given to it as one value of the class that `load` returns."""

    @functools.wraps(verb)
    def gathering(**given: object) -> None:
        from pydantic import TypeAdapter

        cls = load()
        names = [each for each in cls.__annotations__ if each in given]
        verb(**{name: TypeAdapter(cls).validate_python({each: given.pop(each) for each in names})}, **given)

    result: Verb = gathering
    for option in reversed(options):
        result = option(result)
    return result


def suite_files(names: Sequence[str]) -> list[Path]:
    """The suites meant: files as they are, a folder for every suite below it. `Faults` for what is not there."""
    files: list[Path] = []
    faults: list[Fault] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*.y*ml") if p.suffix in (".yaml", ".yml") and p.name[0] != ".")
            files += found
            if not found:
                faults.append(Fault(name, 0, 0, "no suite in this folder", "suites are *.yaml files"))
        elif path.is_file():
            files.append(path)
        else:
            faults.append(Fault(name, 0, 0, "no such suite", "SUITE is a YAML file, or a folder of them"))
    if faults:
        raise Faults(faults)
    return files


def load_suites(names: Sequence[str], config: Config) -> list[Suite]:
    """Reads suites, every fault of all of them at once."""
    from evalharness.registry import load_files
    from evalharness.suite import load

    load_files(tuple(config.folder / path for path in config.scorers))
    suites: list[Suite] = []
    faults: list[Fault] = []
    for path in suite_files(names):
        try:
            suites.append(load(path))
        except Faults as found:
            faults += found.faults
    by_name: dict[str, Suite] = {}
    for suite in suites:
        if (other := by_name.setdefault(suite.name, suite)) is not suite:
            what = f"suite '{suite.name}' is also the name of {other.path}"
            faults.append(Fault(suite.path, 1, 1, what, "a suite's name names its runs: give each its own"))
    if faults:
        raise Faults(faults)
    return suites


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """Progress on stderr where that is a terminal."""
    from evalharness.progress import watch

    bar = watch(quiet=quiet)
    try:
        yield bar
    finally:
        bar.ended()


def config() -> Config:
    """The config of the project around the current folder."""
    from evalharness.config import load

    return load()


def status(verdict: Verdict, *, allow_inconclusive: bool = False, interrupted: int = 0) -> int:
    """How the command ends: the first that applies of interrupted, regressed, incomplete, inconclusive, done."""
    if interrupted:
        return interrupted
    if verdict.outcome == "REGRESSED" or verdict.must_pass:
        return 1
    if verdict.incomplete:
        return 3
    return 4 if verdict.outcome == "INCONCLUSIVE" and not allow_inconclusive else 0


def shown(path: Path | str) -> str:
    """A path as the user would type it from here."""
    path = Path(path)
    try:
        return str(path.absolute().relative_to(Path().absolute()))
    except ValueError:
        return str(path)


def leave(code: int) -> None:
    """Ends the command with that status."""
    if code:
        raise click.exceptions.Exit(code)
