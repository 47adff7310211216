"""The history as one JSON object, for programs: scores in [0, 1], null for what there is none of, ASCII, no NaN."""

from __future__ import annotations

import json
from collections.abc import Iterator

from evalharness.history import History
from evalharness.reports.json import plain

SCHEMA = 1


def render(history: History) -> Iterator[str]:
    """The whole history. `alarm` says whether the newest snapshot lies below its limits in any aspect."""
    found = {
        "evalharness": SCHEMA,
        "suite": history.suite,
        "alarm": history.rings,
        "standing": plain(history.standing),
        "warnings": plain(history.warnings),
        "series": plain(history.series),
    }
    yield json.dumps(found, indent=2, allow_nan=False) + "\n"
