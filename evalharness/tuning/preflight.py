"""What is worth knowing of a model before time and money go into tuning it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from evalharness.errors import Fault, Faults
from evalharness.protocol import shown
from evalharness.tuning.checks import Method
from evalharness.tuning.dataset import Wanted, check
from evalharness.tuning.remote import Remote, ServerFailed

MOST_FAULTS = 20


def look_into(path: Path, method: Method, *, validation: bool = False) -> str:
    """What is probably not meant in a training file, counted; empty where nothing is. `Faults` with what a server would
    reject. validation: the file is one to measure by, which may be as short as one likes."""
    report = check(path, Wanted(method=method))
    passed_over = {"invalid_n_examples"} if validation else set()
    wrong = [one for one in report.findings if one.severity == "error" and one.code not in passed_over]
    if wrong:
        faults = [Fault(str(path), one.line, 0, one.what, one.hint) for one in wrong[:MOST_FAULTS]]
        hint = f"`evalharness tune check {path}` says all there is to say, --no-check sends it all the same"
        raise Faults([*faults, Fault(str(path), 0, 0, "a server would reject this file, so it is not sent", hint)])
    warnings = report.count("warning")
    if not warnings:
        return ""
    told = "a warning" if warnings == 1 else f"{warnings:,} warnings"
    return f"{path}: {told} (`evalharness tune check {path}`)"


def shutdown(remote: Remote, model: str, today: date | None = None) -> str:
    """A line where a model announces the day from which it will be gone; empty where it does not."""
    try:
        said = remote.model(model).get("shutdown_date")
    except ServerFailed:
        return ""
    return warning(model, said, today or datetime.now(UTC).date())


def warning(model: str, said: object, today: date) -> str:
    """What a model's `shutdown_date` means on a day."""
    if not isinstance(said, str):
        return ""
    try:
        day = date.fromisoformat(said[:10])
    except ValueError:
        return ""
    left = (day - today).days
    if left <= 0:
        return f"model '{shown(model)}' was announced to be gone since {day}, and its tunes with it"
    days = "a day" if left == 1 else f"{left} days"
    return (
        f"model '{shown(model)}' will be gone from {day} on, in {days}, and its tunes with it; "
        "`evalharness accept` keeps a run of them to compare with later"
    )
