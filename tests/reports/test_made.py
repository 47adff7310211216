from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.files import shown_path
from evalharness.records import Snapshot, Usage
from evalharness.reports import made
from tests.reports import examples


def test_paths_are_told_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown_path(str(tmp_path / "runs" / "a.jsonl")) == str(Path("runs") / "a.jsonl")
    assert shown_path(str(tmp_path.parent / "secret-project" / "a.jsonl")) == "a.jsonl"
    assert shown_path("runs/a.jsonl") == "runs/a.jsonl"


def test_a_price_is_told_only_where_something_was_bought() -> None:
    def told(**took: object) -> str:
        side = replace(examples.BASE, tally=replace(examples.BASE.tally, usage=Usage(), **took))  # type: ignore[type-var] # fields of a tally by name
        return dict(made.arm_facts(side))["requests"]

    assert told(sent=0, cached=9, usd=0.0) == "0 sent, 9 known before"
    assert told(sent=0, cached=9, usd=None) == "0 sent, 9 known before"
    assert told(sent=2, usd=None) == "2 sent, 0 known before; cost unknown"
    assert told(sent=2, usd=0.5) == "2 sent, 0 known before; 0.5000 USD"


@pytest.mark.parametrize(
    ("accepted", "text"),
    [
        (Snapshot("v3", 1, "", "2026-09-02T14:00:00+00:00", "why not"), "v3, accepted 2026-09-02: why not"),
        (Snapshot("v3", 1, "", "", ""), "v3"),
    ],
)
def test_a_baseline_says_since_when_and_why_it_is_one(accepted: Snapshot, text: str) -> None:
    assert ("baseline", text) in made.arm_facts(replace(examples.BASE, snapshot=accepted))
