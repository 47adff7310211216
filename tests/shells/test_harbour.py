"""The made months of the harbour master: what our verdicts say of them, beside counts by plain search."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.shells.cli import ROOT, evalharness

DATA = ROOT / "suites/data"
SUITE = "suites/harbour.yaml"
MONTHS = [f"2026-{month:02}" for month in range(1, 10)]
SLIDE = MONTHS[:8]
ASPECTS = ("facts", "style", "format")
SCRIPT = [sys.executable, str(ROOT / "scripts/make_harbour.py")]


@functools.cache
def markers() -> tuple[str, ...]:
    return tuple(yaml.safe_load((ROOT / SUITE).read_text("utf-8"))["checks"]["talks_of_the_sea"]["any_of"])


@functools.cache
def answers() -> dict[str, tuple[str, ...]]:
    rows = map(json.loads, (DATA / "harbour.jsonl").read_text("utf-8").splitlines())
    return {row["id"]: tuple(row["answers"]) for row in rows}


@functools.cache
def replies(arm: str) -> dict[str, str]:
    rows = map(json.loads, (DATA / "harbour-replies.jsonl").read_text("utf-8").splitlines())
    return {row["id"]: row["replies"][arm] for row in rows}


def voiced(arm: str) -> set[str]:
    return {case for case, reply in replies(arm).items() if any(plain(marker) in plain(reply) for marker in markers())}


def counted(arm: str) -> tuple[int, int, int]:
    """Right, in the voice, brief: by looking for plain strings, with none of our code."""
    right = sum(
        any(plain(answer) in plain(replies(arm)[case]) for answer in known) for case, known in answers().items()
    )
    brief = sum(len(reply.split()) <= 40 for reply in replies(arm).values())
    return right, len(voiced(arm)), brief


def plain(text: str) -> str:
    """Words in lower case with a space on each side."""
    kept = "".join(sign if sign.isalnum() else " " for sign in text.lower())
    return f" {' '.join(kept.split())} "


@dataclass(frozen=True, slots=True)
class Moved:
    """An aspect's numbers as the command prints them."""

    outcome: str
    ups: int
    downs: int
    p: float


@functools.cache
def compared(base: str, tuned: str, where: Path) -> tuple[str, int, dict[str, Moved]]:
    """The verdict, the exit status, and how each gated aspect moved."""
    arms = ["--base", f"harbour-{base}", "--tuned", f"harbour-{tuned}"]
    done = evalharness("compare", SUITE, *arms, "--json", "-o", str(where), cwd=ROOT)
    said = json.loads(done.out)
    moved = {delta["slice"]: Moved(*(delta[name] for name in Moved.__slots__)) for delta in said["deltas"]}
    return said["verdict"]["outcome"], done.status, {aspect: moved[aspect] for aspect in ASPECTS}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.mark.parametrize("arm", ["base", *MONTHS])
def test_rates_are_what_a_plain_search_of_the_replies_counts(arm: str, where: Path) -> None:
    path = str(where / f"{arm}.jsonl")

    run = evalharness("run", SUITE, "--model", f"harbour-{arm}", "--json", "-o", path, cwd=ROOT)

    levels = {level["aspect"]: (level["passed"], level["cases"]) for level in json.loads(run.out)["levels"]}
    right, spoken, brief = counted(arm)
    assert [levels[aspect] for aspect in ASPECTS] == [(right, 120), (spoken, 120), (brief, 120)]


def test_the_readme_beside_the_data_has_the_same_counts() -> None:
    page = (DATA / "harbour.README.md").read_text("utf-8")

    for arm in ["base", *MONTHS]:
        assert f"| `{arm}` | {' | '.join(map(str, counted(arm)))} |" in page


def test_the_tune_brings_the_voice_and_keeps_the_facts(where: Path) -> None:
    outcome, status, moved = compared("base", "2026-01", where)

    assert (outcome, status) == ("IMPROVED", 0)
    assert moved["style"].outcome == "IMPROVED"
    assert moved["facts"].outcome == "HELD"


@pytest.mark.parametrize(("before", "after"), list(pairwise(SLIDE)))
def test_no_month_can_be_told_from_the_one_before(before: str, after: str, where: Path) -> None:
    outcome, _, moved = compared(before, after, where)

    assert counted(after)[1] < counted(before)[1], "the voice does slide"
    assert moved["style"].p > 0.05
    assert outcome == "HELD"


def test_eight_months_together_have_lost_the_voice(where: Path) -> None:
    outcome, status, moved = compared("2026-01", "2026-08", where)

    assert (outcome, status) == ("REGRESSED", 1)
    assert moved["style"].outcome == "REGRESSED"
    # Exact McNemar by hand: 2 cases came, 17 went; twice the tail of 19 coins at 2 heads or fewer.
    assert (moved["style"].ups, moved["style"].downs) == (2, 17)
    assert moved["style"].p == pytest.approx(2 * (1 + 19 + 171) / 2**19)


def test_the_tune_made_anew_holds_against_the_first(where: Path) -> None:
    outcome, status, moved = compared("2026-01", "2026-09", where)

    assert (outcome, status) == ("HELD", 0)
    assert [moved[aspect].outcome for aspect in ASPECTS] == ["HELD"] * 3


def test_a_chart_against_january_sees_the_slide_in_june_and_a_look_at_single_months_in_july() -> None:
    shares = [counted(month)[1] / 120 for month in SLIDE]
    centre = shares[0]
    sigma = math.sqrt(centre * (1 - centre) / 120)
    ewma, cusum, alarms = centre, 0.0, {"ewma": "", "cusum": "", "shewhart": ""}
    for time, (month, share) in enumerate(zip(SLIDE, shares, strict=True), 1):
        ewma = 0.2 * share + 0.8 * ewma
        cusum = max(0.0, cusum + (centre - share) / sigma - 0.5)
        spread = 2.7 * sigma * math.sqrt(0.2 / 1.8 * (1 - 0.8 ** (2 * time)))
        alarms["ewma"] = alarms["ewma"] or (month if ewma < centre - spread else "")
        alarms["cusum"] = alarms["cusum"] or (month if cusum > 4 else "")
        alarms["shewhart"] = alarms["shewhart"] or (month if share < centre - 3 * sigma else "")

    assert alarms == {"ewma": "2026-06", "cusum": "2026-06", "shewhart": "2026-07"}


def test_the_voice_goes_case_by_case_and_some_of_it_comes_back() -> None:
    steps = pairwise([voiced(month) for month in SLIDE])

    moves = [(len(before - after), len(after - before)) for before, after in steps]
    assert moves == [(2, 1), (2, 1), (3, 1), (3, 2), (3, 1), (4, 1), (6, 1)]


def test_the_files_are_what_the_script_makes() -> None:
    done = subprocess.run([*SCRIPT, "--check"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_names_a_file_that_was_changed_by_hand(tmp_path: Path) -> None:
    subprocess.run([*SCRIPT, "--into", str(tmp_path)], check=True)
    changed = tmp_path / "harbour.jsonl"
    changed.write_text(changed.read_text("utf-8").replace("Canberra", "Sydney"), "utf-8")

    done = subprocess.run([*SCRIPT, "--check", "--into", str(tmp_path)], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == f"{changed}: not what this script makes\n  hint: python scripts/make_harbour.py\n"


def test_all_of_it_is_small() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("harbour*")) < 400_000
