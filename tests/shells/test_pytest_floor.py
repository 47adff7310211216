"""What pytest is measured against sees the cases that a suite has, so that a ratio to it means something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.suite import load
from tests.shells.cli import ROOT

FLOOR = "benchmarks.pytest_floor"
WRITTEN = """\
suite: made
cases:
  - {id: one, ask: "1?", expect: "1"}
  - {id: two, ask: "2?", expect: "2"}
gate: {facts: {drop_at_most: 0.05}}
"""
ROWS = """\
suite: made
each: rows.jsonl
cases:
  - {id: "{{ id }}", ask: "{{ ask }}", expect: "{{ ask }}"}
gate: {facts: {drop_at_most: 0.05}}
"""


@pytest.mark.parametrize("suite", [WRITTEN, ROWS], ids=["written", "rows"])
def test_the_floor_yields_an_item_a_case_and_none_for_the_gate(suite: str, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/made.yaml").write_text(suite)
    (tmp_path / "suites/rows.jsonl").write_text('{"id": "one", "ask": "1"}\n{"id": "two", "ask": "2"}\n')
    assert [case.id for case in load(tmp_path / "suites/made.yaml").cases] == ["one", "two"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "suites/", "-q", "--collect-only", "-p", FLOOR],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split("\n")[:2] == ["suites/made.yaml::one", "suites/made.yaml::two"]
    assert "2 tests collected" in done.stdout
