"""Which file of a panel goes where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.errors import StoreError
from evalharness.reports.files import USUAL, pair_folder, write
from tests.reports import examples


def test_a_pair_has_a_folder_and_a_format_a_file_in_it(tmp_path: Path) -> None:
    written = write(examples.one(), USUAL, tmp_path)

    (pair,) = tmp_path.iterdir()
    assert written == [pair / "index.html", pair / "report.md", pair / "comparison.json"]
    assert sorted(pair.iterdir()) == sorted(written)


def test_of_several_pairs_each_file_is_about_one(tmp_path: Path) -> None:
    panel = examples.several()

    written = write(panel, ["json"], tmp_path)

    found = [json.loads(path.read_text())["tuned"]["model"]["name"] for path in written]
    assert found == [each.tuned.model.name for each in panel.comparisons]


@pytest.mark.parametrize("name", ["junit", "github", "release-notes"])
def test_what_is_read_once_a_command_lies_beside_the_folders(tmp_path: Path, name: str) -> None:
    several = write(examples.several(), [name], tmp_path / "several")
    one = write(examples.one(), [name], tmp_path / "one")

    assert [path.parent for path in several] == [tmp_path / "several"]
    assert [path.parent.parent for path in one] == [tmp_path / "one"]


def test_a_look_at_some_cases_does_not_replace_the_report_on_all() -> None:
    whole = examples.one().comparisons[0]
    part = replace(whole, suite=replace(whole.suite, selected=("--case moon",)))

    assert pair_folder(whole, Path("reports")) != pair_folder(part, Path("reports"))


def test_names_lead_nowhere_else() -> None:
    whole = examples.one().comparisons[0]
    hostile = replace(whole, suite=replace(whole.suite, name="../../etc"))

    folder = pair_folder(hostile, Path("reports"))

    assert folder.parent == Path("reports")
    assert ".." not in folder.name


def test_a_link_does_not_lead_out_of_the_project(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / "reports").symlink_to(outside)

    with pytest.raises(StoreError):
        write(examples.one(), USUAL, project / "reports", project)
    assert list(outside.iterdir()) == []
