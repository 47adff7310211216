"""660 real problems and the recorded answers of four real models, against figures that others computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.harness import ask, compare_asked, load_config, load_suite
from tests.shells.cli import ROOT, evalharness

KNOWN = json.loads((Path(__file__).parents[1] / "data/gsm8k-solutions/known_figures.json").read_text())
PAIRS = KNOWN["pairs"]
BY_DAY = list(PAIRS)[:4]
"""Gains and a loss, from each of two bases."""


@pytest.mark.parametrize(
    "name", [name if name in BY_DAY else pytest.param(name, marks=pytest.mark.nightly) for name in PAIRS]
)
def test_every_pair_has_its_known_figures(name: str, tmp_path: Path) -> None:
    known = PAIRS[name]
    base, _, tuned = name.partition(" -> ")

    done = evalharness(
        "compare",
        str(ROOT / "suites/gsm8k.yaml"),
        "--base",
        base,
        "--tuned",
        tuned,
        "--json",
        "-o",
        str(tmp_path),
        cwd=ROOT,
    )

    said = done.json
    verdict, deltas = said["verdict"], said["deltas"]
    assert isinstance(verdict, dict)
    assert isinstance(deltas, list)
    (facts,) = deltas
    assert (facts["cases"], facts["ups"], facts["downs"]) == (660, known["cand_only_pass_b"], known["base_only_pass_c"])
    assert facts["base"] * 660 == pytest.approx(known["both_pass"] + known["base_only_pass_c"])
    assert facts["tuned"] * 660 == pytest.approx(known["both_pass"] + known["cand_only_pass_b"])
    assert facts["change"] == pytest.approx(known["delta"], abs=1e-6)
    assert [facts["low"], facts["high"]] == pytest.approx(known["ci95_tango"], abs=1e-6)
    assert facts["p"] == pytest.approx(known["mcnemar_exact_p"], rel=1e-5)
    assert facts["p_midp"] == pytest.approx(known["mcnemar_midp"], rel=1e-5)
    assert facts["error"] == pytest.approx(known["se_paired"], abs=1e-6)
    assert facts["outcome"] == verdict["outcome"] == known["verdict"]
    assert done.status == (1 if known["verdict"] == "REGRESSED" else 0)


@pytest.mark.parametrize("arm", KNOWN["accuracy"])
def test_every_arm_has_its_known_level(arm: str, tmp_path: Path) -> None:
    known = KNOWN["accuracy"][arm]

    run = evalharness("run", "suites/gsm8k.yaml", "--model", arm, "--json", "-o", str(tmp_path / "run.jsonl"), cwd=ROOT)

    levels = run.json["levels"]
    assert isinstance(levels, list)
    (level,) = levels
    assert (level["passed"], level["cases"]) == (known["passes"], known["n"])
    assert [level["low"], level["high"]] == pytest.approx(known["wilson95"], abs=1e-6)


def test_three_arms_make_a_table_of_verdicts_with_one_adjustment(tmp_path: Path) -> None:
    arms = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"]

    panel = compare_asked(ask([load_suite(ROOT / "suites/gsm8k.yaml")], arms, load_config(ROOT)))

    assert [comparison.tuned.model.name for comparison in panel.comparisons] == arms[1:]
    raw = [comparison.deltas[0].p for comparison in panel.comparisons]
    adjusted = [comparison.deltas[0].p_adjusted for comparison in panel.comparisons]
    assert None not in raw
    # Holm over three tests: the smallest times 3, the middle times 2, the largest as it is.
    order = sorted(range(3), key=lambda at: raw[at] or 0.0)
    assert [adjusted[at] for at in order] == [
        pytest.approx(factor * (raw[at] or 0.0)) for factor, at in zip((3, 2, 1), order, strict=True)
    ]
    assert panel.verdict.outcome == "IMPROVED"
