"""What a report format is: a function from what was compared to text, given in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from evalharness.records import Panel
from evalharness.registry import Registry


class Report(Protocol):
    """Renders a panel; text comes in pieces, so that ten thousand cases need not be in memory at once.

    A comparison alone is a panel of one. Every text in it that a model or a suite wrote is hostile until escaped.
    """

    def __call__(self, panel: Panel) -> Iterator[str]:
        """The report, piece by piece."""


REPORTS: Registry[Report] = Registry("evalharness.reports", "report format")
report = REPORTS.register
