"""What is worth knowing of a model before time and money go into tuning it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from evalharness.protocol import shown
from evalharness.tuning.remote import Remote, ServerFailed


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
