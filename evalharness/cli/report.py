"""`report`: render comparisons again, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import Show, config, leave, showing, status
from evalharness.cli.showing import check_formats, deliver
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.findings import Comparison


@click.command("report")
@click.argument("comparisons", metavar="COMPARISON...", nargs=-1, required=True, type=click.Path(path_type=Path))
@showing
def report_verb(comparisons: tuple[Path, ...], show: Show) -> None:
    """Render stored comparisons again: nothing is asked, no run file is needed.

    \b
    evalharness report reports/marv-base-tuned --format markdown -o notes/
    evalharness report reports/marv-base-tuned --format release-notes -o -

    COMPARISON is a comparison.json, or the folder it is in. Ends with the status `compare` ended with.
    """
    from evalharness.compare import worst
    from evalharness.findings import Panel
    from evalharness.reports import json

    check_formats(show)
    found: list[Comparison] = []
    for path in comparisons:
        file = path / "comparison.json" if path.is_dir() else path
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"
            raise EvalError(f"{file}: {why}", "COMPARISON is a comparison.json, or the folder it is in") from None
        found += json.load(text, str(file)).comparisons
    panel = Panel(worst([comparison.verdict for comparison in found]), tuple(found))
    deliver(panel, show, config())
    leave(status(panel.verdict, allow_inconclusive=show.allow_inconclusive))
