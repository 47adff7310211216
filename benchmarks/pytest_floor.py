"""The least a pytest plugin does for a suite: reads the same files, and yields an item that does nothing for each case.

`pytest suites/ -p benchmarks.pytest_floor`. A suite is read by libyaml, and what its `each: FILE` on top names by
`json.loads`, a line at a time; nothing is checked, filled in or asked. Criteria of a gate yield no items.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A suite for each YAML file."""
    return Suite.from_parent(parent, path=file_path) if file_path.suffix == ".yaml" else None


class Suite(pytest.File):
    """A suite file as libyaml gives it."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each case, or for each row and case."""
        with self.path.open("rb") as file:
            suite = yaml.load(file, Loader=yaml.CSafeLoader)
        if "each" in suite:
            with (self.path.parent / suite["each"]).open("rb") as rows:
                for row in rows:
                    name = json.loads(row)["id"]
                    for _ in suite["cases"]:
                        yield Case.from_parent(self, name=name)
        else:
            for case in suite["cases"]:
                yield Case.from_parent(self, name=case["id"])


class Case(pytest.Item):
    """A case that is neither asked nor graded."""

    def runtest(self) -> None:
        """Passes."""
