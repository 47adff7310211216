"""Reports where they were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.pytest_plugin.state import REPORTS
from evalharness.pytest_plugin.writing import reported
from evalharness.reports.base import REPORTS as FORMATS
from tests.reports import examples


def test_every_ending_stands_for_a_format_there_is() -> None:
    assert set(REPORTS.values()) <= set(FORMATS.names())


@pytest.mark.parametrize(("ending", "name"), REPORTS.items())
def test_a_file_has_what_its_format_gives(tmp_path: Path, ending: str, name: str) -> None:
    lines = list(reported(examples.one(), tmp_path, f"deep/out{ending}"))

    assert lines == [f"report: deep/out{ending}"]
    assert (tmp_path / f"deep/out{ending}").read_bytes() == "".join(FORMATS.get(name)(examples.one())).encode()


def test_a_folder_has_a_page_for_each_pair(tmp_path: Path) -> None:
    lines = list(reported(examples.several(), tmp_path, "evals/"))

    pages = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("index.html"))
    assert len(pages) == len(examples.several().comparisons)
    assert sorted(lines) == [f"report: {page}" for page in pages]


def test_nothing_compared_is_nothing_written(tmp_path: Path) -> None:
    assert list(reported(None, tmp_path, "out.md")) == ["no report: nothing was compared, so out.md was not written"]
    assert list(tmp_path.iterdir()) == []
