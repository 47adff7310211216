"""What a session writes where it was told to: accepted baselines, and a report on what was compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.pytest_plugin.state import REPORTS

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.findings import Panel
    from evalharness.pytest_plugin.results import Result


def accepted(results: Sequence[Result], why: str, config: Config) -> Iterator[str]:
    """Makes each suite's run its baseline; a line for each. What can be none is said, not left out."""
    from evalharness.accepting import accept, review

    for result in results:
        run = result.model.run
        name = result.suite.name
        if run.snapshot is not None:
            yield f"not accepted: '{run.snapshot.name}' is a snapshot of {name} already"
        elif result.suite.selected:
            yield f"not accepted: {name} was asked only in part"
        elif (reviewed := review(Path(run.path), config)).missing:
            yield f"not accepted: answers of {name} are missing"
        else:
            filed = accept(reviewed, None, why, config)
            yield f"accepted: {filed.name} is the baseline of {name} (commit {filed.path.relative_to(config.folder)})"


def reported(panel: Panel | None, folder: Path, name: str) -> Iterator[str]:
    """Writes the comparisons to a file, in the format that its name ends with; to a folder as `compare` does.

    name: of the file or folder, seen from `folder`.
    """
    from evalharness.reports.base import REPORTS as FORMATS
    from evalharness.reports.files import USUAL, write
    from evalharness.store import write_text

    if panel is None:
        yield f"no report: nothing was compared, so {name} was not written"
        return
    path = folder / name
    if not path.suffix:
        for page in write(panel, USUAL, path):
            if page.suffix == ".html":
                yield f"report: {Path(name, page.relative_to(path))}"
        return
    write_text(path, FORMATS.get(REPORTS[path.suffix])(panel))
    yield f"report: {name}"
