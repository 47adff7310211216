"""Suites written by a test, read from a folder of their own."""

from __future__ import annotations

from pathlib import Path

from evalharness.errors import Faults
from evalharness.suite import Case, Suite, load


def suite(folder: Path, text: str, files: dict[str, str] | None = None) -> Suite:
    """The suite that this text is, with those files beside it."""
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8", newline="")
    path = folder / "suite.yaml"
    path.write_text(text, "utf-8", newline="")
    return load(path)


def cases(folder: Path, text: str, files: dict[str, str] | None = None) -> tuple[Case, ...]:
    """The cases of a suite whose text goes on behind its name."""
    return suite(folder, f"suite: written\n{text}", files).cases


def faults(folder: Path, text: str, files: dict[str, str] | None = None) -> list[str]:
    """What is wrong with a suite, without hints and folder; empty where nothing is."""
    try:
        suite(folder, text, files)
    except Faults as error:
        return [str(fault).partition("\n")[0].removeprefix(f"{folder}/") for fault in error.faults]
    return []
