"""`doctor`: look at the installation, the config and the keys, and say what would not work."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import click

from evalharness.cli.options import JSON
from evalharness.errors import EvalError
from evalharness.escape import terminal

PACKAGES = (
    "openai",
    "aiohttp",
    "pytest",
    "PyYAML",
    "scipy",
    "numpy",
    "jinja2",
    "diskcache",
    "pydantic",
    "click",
    "rich",
)
PINNED = {"diskcache": "5.6.3"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A `wrong` one keeps a command from working, a `note` may."""

    state: Literal["ok", "note", "wrong"]
    what: str
    hint: str = ""


@click.command("doctor")
@JSON
def doctor_verb(as_json: bool) -> None:
    """Look at the installation, the config, the keys, the cache, the baselines; exit 2 where something is wrong.

    Asks no model and prints no key, only whether its variable is set.
    """
    findings = list(findings_here(Path()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.state:<6} {terminal(finding.what, lines=True)}")
            if finding.hint:
                click.echo(f"       hint: {terminal(finding.hint, lines=True)}")
    if any(finding.state == "wrong" for finding in findings):
        raise click.exceptions.Exit(2)


def findings_here(folder: Path) -> Iterator[Finding]:
    """Everything there is to say about evalharness in this folder."""
    yield Finding("ok", f"evalharness {version('evalharness')} on Python {sys.version.split()[0]}")
    yield from _packages()
    yield from _output()
    yield from _project(folder)


def _packages() -> Iterator[Finding]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding("wrong", f"the package {package} is not installed", "install evalharness again")
            continue
        if package in PINNED and version(package) != PINNED[package]:
            what = f"{package} {version(package)} is not {PINNED[package]}, the version the cache is built on"
            yield Finding("wrong", what, f"pip install {package}=={PINNED[package]}")
    yield Finding("ok", ", ".join(found))


def _output() -> Iterator[Finding]:
    encoding = (sys.stdout.encoding or "").lower() if sys.stdout else ""
    if encoding.replace("-", "") != "utf8":
        yield Finding(
            "note", f"output is {encoding or 'closed'}, so some characters are shown as escapes", "PYTHONUTF8=1"
        )


def _project(folder: Path) -> Iterator[Finding]:
    from evalharness.config import load

    try:
        config = load(folder)
    except EvalError as error:
        yield Finding("wrong", str(error))
        return
    yield Finding("ok", f"project {config.folder}, config {config.file or '(none, defaults)'}")
    if not config.models:
        yield Finding("note", "no model is configured", "`evalharness init` writes a config to start from")
    yield from _models(config.folder)
    yield _writable(config.state)
    yield from _cache(config.state / "cache")
    yield from _baselines(config.baselines)


def _models(folder: Path) -> Iterator[Finding]:
    from evalharness.config import load
    from evalharness.models.base import open_model
    from evalharness.records import Message, Request

    config = load(folder)
    for name, arm in sorted(config.models.items()):
        try:
            model = open_model(arm)
            faults = model.faults([Request(model.ref, (Message("user", "hello"),))] if model.keeps else ())
        except EvalError as error:
            yield Finding("wrong", str(error))
            continue
        for fault in faults:
            yield Finding("wrong", fault.what, fault.hint)
        if not faults:
            yield Finding("ok", f"model {name}: {arm.ref.use}")


def _writable(state: Path) -> Finding:
    place = state if state.exists() else state.parent
    if os.access(place, os.W_OK):
        return Finding("ok", f"{state} can be written")
    return Finding("wrong", f"{state} cannot be written", "answers would be bought and not kept: make it writable")


def _cache(folder: Path) -> Iterator[Finding]:
    from evalharness.cache import Cache

    warnings: list[str] = []
    with Cache(folder, warn=warnings.append) as cache:
        answers = sum(stock.answers for stock in cache.info())
    for warning in warnings:
        yield Finding("note", warning)
    yield Finding("ok", f"{answers:,} answers are kept")


def _baselines(folder: Path) -> Iterator[Finding]:
    """How many runs were accepted, and where their order is not plain."""
    from evalharness.rulings import counted
    from evalharness.snapshots import shelves

    try:
        found = list(shelves(folder))
    except EvalError as error:
        yield Finding("wrong", error.what, error.hint)
        return
    snapshots = sum(len(shelf.filed) for shelf in found)
    yield Finding("ok", f"{counted(snapshots, 'snapshot')} of {counted(len(found), 'suite')} in {folder}")
    for shelf in found:
        for warning in shelf.warnings():
            hint = "`evalharness accept FILE -m WHY` makes a snapshot the last one again"
            yield Finding("note", f"baselines of '{shelf.suite}': {warning}", hint)
