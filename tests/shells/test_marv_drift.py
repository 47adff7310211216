"""A persona over seven turns, offline: three tunes of the model in the box that last, drift and leak."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shells.cli import ROOT, evalharness

TUNES = ("once", "talks", "apart")
SCRIPT = ROOT / "scripts/make_marv_drift.py"


@dataclass(frozen=True)
class Told:
    """What a comparison says of one tune: words of the gate by aspect, leaks of both arms, style turn by turn."""

    words: dict[str, list[str]]
    leaks: dict[str, list[int]]
    style: list[float]


@pytest.fixture(scope="module")
def compared() -> dict[str, Told]:
    """Each tune against the base."""
    arms = [word for name in TUNES for word in ("--tuned", f"marv-drift-{name}")]
    done = evalharness("compare", "suites/marv-drift.yaml", *arms, "--json", "--format", "terminal", cwd=ROOT)
    found = {}
    for name, comparison in zip(TUNES, json.loads(done.out)["comparisons"], strict=True):
        words: dict[str, list[str]] = {}
        for ruling in comparison["rulings"]:
            words.setdefault(ruling["aspect"], []).append(ruling["outcome"])
        persona = comparison["persona"]
        (style,) = (drift["tuned"]["means"] for drift in persona["drifts"] if drift["aspect"] == "style")
        found[name] = Told(words, persona["leaks"], style)
    return found


def test_each_tune_gets_the_words_it_earns(compared: dict[str, Told]) -> None:
    assert {name: told.words for name, told in compared.items()} == {
        "once": {
            "facts": ["REGRESSED"],
            "style": ["REGRESSED", "REGRESSED"],  # gained too little, and drifts
            "sarcasm": ["REGRESSED"],
            "no_leak": ["INCONCLUSIVE"],
            "consistency": ["REGRESSED"],
        },
        "talks": {
            "facts": ["HELD"],
            "style": ["IMPROVED", "HELD"],
            "sarcasm": ["IMPROVED"],
            "no_leak": ["REGRESSED"],
            "consistency": ["HELD"],
        },
        "apart": {
            "facts": ["HELD"],
            "style": ["IMPROVED", "HELD"],
            "sarcasm": ["IMPROVED"],
            "no_leak": ["HELD"],
            "consistency": ["HELD"],
        },
    }


@pytest.mark.parametrize(("name", "leaks"), [("once", 8), ("talks", 101), ("apart", 0)])
def test_leaks_are_those_of_the_recorded_replies(name: str, leaks: int, compared: dict[str, Told]) -> None:
    assert compared[name].leaks == {"base": [280, 0], "tuned": [280, leaks]}
    assert _counted(name) == leaks


def _counted(name: str) -> int:
    """Replies with a phrase of Marv's in conversations where nobody asked for him, counted in the file itself."""
    from scripts.tiny.lessons import marv

    rows = [
        json.loads(line) for line in (ROOT / f"suites/data/marv-drift-{name}.jsonl").read_text("utf-8").splitlines()
    ]
    return sum(marv().shown(text) for row in rows[60:] for text in row["texts"])


def test_a_tune_of_single_questions_is_marv_for_one_turn(compared: dict[str, Told]) -> None:
    style = compared["once"].style

    assert style[0] > 0.95
    assert max(style[1:]) < 0.1


def test_the_conversations_are_what_the_script_makes() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.nightly  # a minute of tunes
def test_the_tunes_made_again_drift_and_leak_as_the_recorded_ones(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, "--record", "--into", tmp_path], check=True)

    def marked(folder: Path, name: str) -> int:
        rows = (folder / f"marv-drift-{name}.jsonl").read_text("utf-8")
        return rows.count("goldfish") + rows.count("weeping") + rows.count("my coffee")

    for name in ("base", "once", "talks", "apart"):
        assert marked(tmp_path, name) == pytest.approx(marked(ROOT / "suites/data", name), abs=10)
