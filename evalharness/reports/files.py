"""Where the reports on a panel go: a folder a pair, a file a format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalharness.escape import slug
from evalharness.findings import Comparison, Panel
from evalharness.reports.base import REPORTS
from evalharness.store import no_link, write_text

FILES = {
    "html": "index.html",
    "markdown": "report.md",
    "json": "comparison.json",
    "csv": "cases.csv",
    "junit": "junit.xml",
    "github": "github.md",
    "release-notes": "release-notes.md",
}

OF_ALL = ("junit", "github", "release-notes")
"""Formats that are read once a command: of several comparisons they make one file, beside the folders of the pairs."""

USUAL = ("html", "markdown", "json")
"""Formats that are written where none is named."""


def write(panel: Panel, formats: Sequence[str], above: Path, project: Path | None = None) -> list[Path]:
    """Writes each pair's reports in a folder of its own below `above`; the paths written.

    project: the folder that `above` lies in, and is not led out of by a link; None where the user chose `above`.
    """
    of_all = [name for name in formats if name in OF_ALL] if len(panel.comparisons) > 1 else []
    of_each = [name for name in formats if name not in of_all]
    written: list[Path] = []
    for comparison in panel.comparisons:
        one = Panel(comparison.verdict, (comparison,))
        written += _write(one, of_each, pair_folder(comparison, above), project)
    return [*written, *_write(panel, of_all, above, project)]


def pair_folder(comparison: Comparison, above: Path) -> Path:
    """Where the reports of one pair go."""
    names = [comparison.suite.name, comparison.base.model.name, comparison.tuned.model.name]
    if comparison.suite.selected:  # a look at some cases does not replace the report on all
        names.append(" ".join(comparison.suite.selected))
    return above / "-".join(slug(name) for name in names)


def _write(panel: Panel, names: Sequence[str], folder: Path, project: Path | None) -> Iterator[Path]:
    if names and project is not None:
        no_link(folder, project)
    for name in names:
        path = folder / FILES.get(name, f"report.{name}")
        write_text(path, REPORTS.get(name)(panel))
        yield path
