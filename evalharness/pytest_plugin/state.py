"""What the plugin holds before a suite is met, and what it has to tell in the end. Standard library and pytest only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

MISSED = ("outcome", "missed")
"""Marks a case that misses under a gate."""

REPORTS = {".html": "html", ".md": "markdown", ".json": "json", ".xml": "junit", ".csv": "csv"}
"""Formats of `--eval-report` by the end of its name."""

SUFFIXES = (".yaml", ".yml")
LONGEST_HEAD = 65_536


@dataclass(slots=True)
class Settings:
    """The options, and which files are suites.

    shared: files that several processes of one session share. sighted: what processes under xdist had to tell.
    """

    folder: Path
    suites: tuple[Path, ...]
    model: str | None
    base: str | None
    baseline: bool
    update: str | None
    samples: int | None
    budget: float | None
    cache: str
    report: str | None
    allow_inconclusive: bool
    shared: tuple[Path, ...] = ()
    sighted: list[Sighted] = field(default_factory=list)

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """As the command line says; `UsageError` for what makes no sense."""
        option = config.getoption
        if option("--eval-baseline") and option("--eval-base"):
            raise pytest.UsageError("--eval-base and --eval-baseline both name a base: give one of them")
        if (option("--eval-samples") or 1) < 1:
            raise pytest.UsageError("--eval-samples: a whole number from 1")
        if (option("--eval-budget") or 0) < 0:
            raise pytest.UsageError("--eval-budget: USD, 0 or more")
        if option("--eval-update") is not None and not option("--eval-update").strip():
            raise pytest.UsageError("--eval-update: say in a few words why this is the new state")
        return cls(
            folder=config.invocation_params.dir,
            suites=tuple(config.rootpath / folder for folder in config.getini("eval_suites")),
            model=option("--eval-model"),
            base=option("--eval-base"),
            baseline=option("--eval-baseline"),
            update=option("--eval-update"),
            samples=option("--eval-samples"),
            budget=option("--eval-budget"),
            cache=option("--eval-cache"),
            report=option("--eval-report"),
            allow_inconclusive=option("--eval-allow-inconclusive"),
        )

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

    suites: by the suite's file, verdict first; detail: what is left out when brief.
    """

    suites: dict[str, list[str]] = field(default_factory=dict)
    detail: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, plain: dict[str, object]) -> Sighted:
        """Read back from what `plain` gave."""
        return cls(
            suites=_lists(plain.get("suites")),
            detail=_lists(plain.get("detail")),
            notes=_texts(plain.get("notes")),
            files=_texts(plain.get("files")),
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
        )

    def lines(self, *, brief: bool) -> list[str]:
        """What is printed."""
        found = []
        for name, verdict in self.suites.items():
            found += [*verdict, *([] if brief else self.detail.get(name, []))]
        return [*found, *self.notes, *self.files]


def _lists(value: object) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        return {}
    return {str(name): list(_texts(lines)) for name, lines in value.items()}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()
