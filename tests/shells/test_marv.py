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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the suite, shared so that the base is asked once."""
    folder = tmp_path_factory.mktemp("marv")
    shutil.copytree(ROOT / "suites", folder / "suites")
    return folder


@pytest.mark.parametrize(
    ("way", "status", "facts", "style"),
    [("good", 0, "HELD", "IMPROVED"), ("too weak", 1, "HELD", "REGRESSED"), ("overcooked", 1, "REGRESSED", "IMPROVED")],
)
def test_the_verdict_on_a_tune_is_what_was_done_to_it(
    way: str, status: int, facts: str, style: str, project: Path
) -> None:
    (found,) = [one for one in WAYS if one.name == way]
    *_, last = tune(base(), [Example.of(json.loads(line)) for line in LINES[: found.examples]], found.plan)
    assert isinstance(last, Checkpoint)
    name = way.replace(" ", "-")
    save(place(project, name), last.data)

    done = evalharness("compare", "suites/marv.yaml", "--tuned", f"tiny:{name}", "--json", cwd=project)

    verdicts = {ruling["aspect"]: ruling["outcome"] for ruling in json.loads(done.out)["rulings"]}
    assert (verdicts, done.status) == ({"facts": facts, "style": style}, status)
