"""The whole loop on the model in the box: a tune that holds, one too weak, one overcooked, and the verdict on each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evalharness.tiny.tuning import Checkpoint, Example, tune
from evalharness.tiny.weights import base, place, save
from scripts.make_marv import WAYS
from tests.shells.cli import ROOT, evalharness

LINES = (ROOT / "suites/data/marv-train.jsonl").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("way", "status", "facts", "style"),
    [("good", 0, "HELD", "IMPROVED"), ("too weak", 1, "HELD", "REGRESSED"), ("overcooked", 1, "REGRESSED", "IMPROVED")],
)
def test_the_verdict_on_a_tune_is_what_was_done_to_it(
    way: str, status: int, facts: str, style: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    (found,) = [one for one in WAYS if one.name == way]
    *_, last = tune(base(), [Example.of(json.loads(line)) for line in LINES[: found.examples]], found.plan)
    assert isinstance(last, Checkpoint)
    save(place(tmp_path, "marv"), last.data)

    done = evalharness("compare", "suites/marv.yaml", "--json", cwd=tmp_path)

    verdicts = {ruling["aspect"]: ruling["outcome"] for ruling in json.loads(done.out)["rulings"]}
    assert (verdicts, done.status) == ({"facts": facts, "style": style}, status)
