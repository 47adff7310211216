"""The whole loop on the model in the box: a tune that holds, one too weak, one overcooked, and the verdict on each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evalharness.tiny.tuning import Checkpoint, Example, tune
from evalharness.tiny.weights import base, place, save
from scripts.make_marv import RECORDED, WAYS
from tests.shells.cli import ROOT, evalharness

LINES = (ROOT / "suites/data/marv-train.jsonl").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the suite, shared so that the base is asked once."""
    folder = tmp_path_factory.mktemp("marv")
    shutil.copytree(ROOT / "suites", folder / "suites")
    judge = '[models]\njudge = { use = "classifier:suites/data/marv-voice.jsonl" }\n'
    (folder / "evalharness.toml").write_text(judge)
    return folder


@pytest.mark.nightly  # half a minute of tunes in process; by day the demo tunes as much, through a server
@pytest.mark.parametrize(
    ("way", "status", "facts", "style", "no_leak"),
    [
        ("good", 0, "HELD", "IMPROVED", "HELD"),
        ("too weak", 1, "HELD", "REGRESSED", "HELD"),
        ("overcooked", 1, "REGRESSED", "IMPROVED", "REGRESSED"),
    ],
)
def test_the_verdict_on_a_tune_is_what_was_done_to_it(
    way: str, status: int, facts: str, style: str, no_leak: str, project: Path
) -> None:
    (found,) = [one for one in WAYS if one.name == way]
    *_, last = tune(base(), [Example.of(json.loads(line)) for line in LINES[: found.examples]], found.plan)
    assert isinstance(last, Checkpoint)
    name = way.replace(" ", "-")
    save(place(project, name), last.data)

    arms = ("--base", "tiny:base", "--tuned", f"tiny:{name}")
    done = evalharness("compare", "suites/marv.yaml", *arms, "--json", cwd=project)

    verdicts = {ruling["aspect"]: ruling["outcome"] for ruling in json.loads(done.out)["rulings"]}
    expected = {"facts": facts, "style": style, "no_leak": no_leak, "sarcasm": style}
    assert (verdicts, done.status) == (expected, status)


def test_the_recorded_tunes_get_the_verdicts_of_the_real_ones() -> None:
    arms = [word for name in RECORDED.values() for word in ("--tuned", f"marv-{name}")]
    done = evalharness("compare", "suites/marv.yaml", *arms, "--json", "--format", "terminal", cwd=ROOT)

    found = [
        [ruling["outcome"] for ruling in comparison["rulings"]] for comparison in json.loads(done.out)["comparisons"]
    ]
    assert found == [
        ["HELD", "REGRESSED", "REGRESSED", "HELD"],
        ["HELD", "IMPROVED", "IMPROVED", "HELD"],
        ["REGRESSED", "IMPROVED", "IMPROVED", "REGRESSED"],
    ]
