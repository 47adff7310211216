"""What the plugin holds before a suite is met, and what it has to tell in the end.

Only the standard library and pytest are imported with it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from evalharness.config import Config

MISSED = ("outcome", "missed")
"""Marks a case that misses under a gate."""

REPORTS = {".html": "html", ".md": "markdown", ".json": "json", ".xml": "junit", ".csv": "csv"}
"""Formats of `--eval-report` by the end of its name."""

SUFFIXES = (".yaml", ".yml")
LONGEST_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class Screen:
    """The terminal that a session is read on."""

    columns: int = 80
    encoding: str = "utf-8"

    @classmethod
    def of(cls, config: pytest.Config) -> Screen:
        """That of this process; in a process of xdist, that of the one which started it."""
        told = getattr(config, "workerinput", {}).get("evalharness")
        if isinstance(told, list | tuple):
            return cls(int(told[0]), str(told[1]))
        return cls(max(40, shutil.get_terminal_size((80, 24)).columns), getattr(sys.__stdout__, "encoding", "utf-8"))

    def fit(self, text: str, *, broken: bool = True) -> list[str]:
        """Lines that hold only what the encoding carries, broken at blanks where they are too long.

        What a line goes on with is indented by two more than it is.
        """
        from evalharness.escape import terminal
        from evalharness.layout import wrapped
        from evalharness.reports.screen import Screen as Signs

        signs = Signs(self.columns, color=False, verbose=False, encoding=self.encoding)
        lines: list[str] = []
        for line in terminal(signs.sign(text), encoding=self.encoding, lines=True).split("\n") if text else ():
            bare = line.lstrip(" ")
            indent = min(len(line) - len(bare), self.columns // 2)
            parts = wrapped([(bare, "")], self.columns - indent - 2, -2) if broken else [[(bare, "")]]
            for place, part in enumerate(parts):
                lines.append(f"{' ' * (indent + 2 * bool(place))}{''.join(word for word, _ in part)}".rstrip())
        return lines


@dataclass(slots=True)
class Settings:
    """The options, and which files are suites.

    folder: where pytest was started; root: its rootdir. asks: whether tests are run at all. shared: files that several
    processes of one session share. sighted: what processes under xdist had to tell.
    """

    folder: Path
    root: Path
    suites: tuple[Path, ...]
    model: str | None
    base: str | None
    baseline: bool
    update: str | None
    samples: int | None
    judge: str | None
    budget: float | None
    cache: str
    report: str | None
    allow_inconclusive: bool
    asks: bool
    screen: Screen
    shared: tuple[Path, ...] = ()
    sighted: list[Sighted] = field(default_factory=list)

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """As the command line says; `UsageError` for what makes no sense."""
        option = config.getoption
        if option("--eval-baseline") and option("--eval-base"):
            raise pytest.UsageError("--eval-base and --eval-baseline both name a base: give one of them")
        if option("--eval-samples") is not None and option("--eval-samples") < 1:
            raise pytest.UsageError("--eval-samples: a whole number from 1")
        if option("--eval-budget") is not None and not option("--eval-budget") >= 0:  # nan is neither
            raise pytest.UsageError("--eval-budget: USD, 0 or more")
        if option("--eval-update") is not None and not option("--eval-update").strip():
            raise pytest.UsageError("--eval-update: say in a few words why this is the new state")
        report = option("--eval-report")
        if report is not None and Path(report).suffix not in ("", *REPORTS):
            known = ", ".join(REPORTS)
            raise pytest.UsageError(
                f"--eval-report {report}: which format? a file ends with {known}, a folder with none"
            )
        return cls(
            folder=config.invocation_params.dir,
            root=config.rootpath,
            suites=tuple(config.rootpath / folder for folder in config.getini("eval_suites")),
            model=option("--eval-model"),
            base=option("--eval-base"),
            baseline=option("--eval-baseline"),
            update=option("--eval-update"),
            samples=option("--eval-samples"),
            judge=option("--eval-judge"),
            budget=option("--eval-budget"),
            cache=option("--eval-cache"),
            report=report,
            allow_inconclusive=option("--eval-allow-inconclusive"),
            asks=not any(option(name, False) for name in ("collectonly", "setuponly", "setupplan")),
            screen=Screen.of(config),
        )

    def project(self) -> Config:
        """The config around the folder that pytest was started in, else around its rootdir; `Faults` in a bad one."""
        from evalharness.config import load

        found = load(self.folder)
        return found if found.file or self.root in (self.folder, *self.folder.parents) else load(self.root)

    def takes(self, path: Path, *, named: bool) -> bool:
        """Whether a file is a suite. named: on the command line, where a suite elsewhere is meant too."""
        if path.suffix not in SUFFIXES or path.name.startswith("."):
            return False
        return any(path.is_relative_to(folder) for folder in self.suites) or (named and _begins_as_suite(path))


def _begins_as_suite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            lines = file.read(LONGEST_HEAD).split(b"\n")
    except OSError:
        return False
    return any(line.startswith((b"suite:", b"\xef\xbb\xbfsuite:")) for line in lines)


@dataclass(frozen=True, slots=True)
class Selected:
    """What of a suite is to be run: some cases, and whether its gate, which rests on all of them."""

    cases: tuple[str, ...]
    gate: bool


@dataclass(frozen=True, slots=True)
class Sighted:
    """What one process has to tell: a few lines for each suite it asked, what it wrote, what it noticed.

    suites: by the suite's file, verdict first; detail: what is left out when brief. faults: what could not be written.
    status: how the session has to end, where nothing could be asked.
    """

    suites: dict[str, list[str]] = field(default_factory=dict)
    detail: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    status: int = 0

    @classmethod
    def of(cls, plain: dict[str, object]) -> Sighted:
        """Read back from what `plain` gave."""
        return cls(
            suites=_lists(plain.get("suites")),
            detail=_lists(plain.get("detail")),
            notes=_texts(plain.get("notes")),
            files=_texts(plain.get("files")),
            faults=_texts(plain.get("faults")),
            status=int(str(plain.get("status", 0))),
        )

    def plain(self) -> dict[str, object]:
        """As plain values, to send from one process to another."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def joined(cls, parts: Sequence[Sighted]) -> Sighted:
        """What several processes tell, each thing once."""
        return cls(
            suites={name: lines for part in parts for name, lines in part.suites.items()},
            detail={name: lines for part in parts for name, lines in part.detail.items()},
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            files=tuple(dict.fromkeys(file for part in parts for file in part.files)),
            faults=tuple(dict.fromkeys(fault for part in parts for fault in part.faults)),
            status=max((part.status for part in parts), default=0),
        )

    def lines(self, screen: Screen, *, brief: bool) -> list[str]:
        """What is printed. Paths are left in one piece."""
        told: list[str] = []
        for name, verdict in self.suites.items():
            told += [*verdict, *([] if brief else self.detail.get(name, []))]
        told += [*self.notes, *self.faults]
        fitted = [line for text in told for line in screen.fit(text)]
        return fitted + [line for text in self.files for line in screen.fit(text, broken=False)]


def _lists(value: object) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        return {}
    return {str(name): list(_texts(lines)) for name, lines in value.items()}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()
