"""How often `--stop early` is wrong, by simulation; its formulas are held to the program's here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.early import WORDS, Tune, batch, early, measured, rows
from evalharness.compare import blocked
from evalharness.looks import Look
from evalharness.measure import Arm
from evalharness.records import Criterion, Early, SuiteRef
from evalharness.stats.intervals import guarded, tango
from tests.runs import run
from tests.shells.cli import ROOT, evalharness
from tests.shells.test_stopping_early import delta
from tests.written import suite

PAGE = ROOT / "docs/early.md"


def ended(differences: list[float], margin: float) -> tuple[str, int]:
    """The word of a plan and the cases it took, by the program's own looks."""
    cases = len(differences)
    ref = SuiteRef("made", "", "", cases=cases, early=Early(cases, batch(cases)))
    gate = (Criterion("facts", drop_at_most=margin),)
    word, asked = "INCONCLUSIVE", 0
    while word == "INCONCLUSIVE" and asked < cases:
        asked = min(cases, asked + batch(cases))
        some = differences[:asked]
        base = [max(0.0, -difference) for difference in some]
        arms = [Arm.of(run(base, suite=ref, gate=gate))]
        arms.append(Arm.of(run([b + d for b, d in zip(base, some, strict=True)], suite=ref, gate=gate)))
        (ruling,) = Look.at(arms[0], arms[1], blocked, tests=1, seed=0).rulings
        word = ruling.outcome
    return word, asked


@pytest.mark.parametrize(
    "tune",
    [Tune("pass or fail", -0.2, 0.1), Tune("pass or fail", 0.0, 0.1), Tune("graded", -0.1, 0.2)],
    ids=["lost", "same", "graded"],
)
def test_simulated_plans_end_as_the_program_would_end_them(tune: Tune) -> None:
    found = tune.draw(np.random.default_rng(5), 4, 80)

    words, asked = early(found, 0.2, tune.kind)

    told = [(WORDS[word], int(after)) for word, after in zip(words, asked, strict=True)]
    assert told == [ended(plan.tolist(), 0.2) for plan in found]


def test_a_loss_of_the_margin_is_seldom_held_and_no_change_seldom_told() -> None:
    """Nominal: at most 2.5 % HELD where the margin is lost, 5 % of a difference where there is none."""
    lost, _ = measured(Tune("pass or fail", -0.1, 0.0), 100, 0.1, plans=1000)
    same, once = measured(Tune("pass or fail", 0.0, 0.1), 200, 0.1, plans=1000)

    assert lost.held <= 0.025
    assert same.improved + same.regressed <= 0.05
    assert same.asked < 0.75
    assert once.held > 0.9


@pytest.mark.nightly
@pytest.mark.parametrize("cases", [40, 100])
@pytest.mark.parametrize("most", [2, 4, 8])
def test_a_loss_of_the_margin_is_seldom_held_while_samples_are_added(cases: int, most: int) -> None:
    """Each case has a pass rate of its own, lower by the margin on average; a look after every sample."""
    margin, plans = 0.15, 1500
    generator = np.random.default_rng(cases + most)
    held = 0
    for _ in range(plans):
        base = np.maximum(generator.beta(7, 1, cases), margin)
        before = generator.random((cases, most)) < base[:, None]
        after = generator.random((cases, most)) < (base - margin)[:, None]
        looks = (after.cumsum(1) - before.cumsum(1)) / np.arange(1, most + 1)
        first = looks[:, 0]
        low = [tango(int((first > 0).sum()), int((first < 0).sum()), cases, alpha=0.05 / most).low]
        low += [guarded(looks[:, k].tolist(), alpha=0.05 / most).low for k in range(1, most)]
        held += max(low) > -margin

    assert held / plans <= 0.025


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (shown,) = re.findall(r"^```console\n\$ (.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    command, *parts = [part.strip("\n") for part in shown.split("...\n")]

    done = evalharness(*command.split()[1:], cwd=tmp_path)

    assert done.status == 0, done.err
    assert [part for part in parts if part not in done.out] == []


def test_the_suite_on_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)

    found = suite(tmp_path, text)

    assert (found.samples, found.most_samples) == (1, 8)


@pytest.mark.nightly
def test_the_page_has_what_becomes_of_the_recorded_models(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    rows = re.findall(
        r"^\| (\w+) → (\w+) \| (\w+), ([-+.\d]+) \| (\w+) \| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 6
    for base, tuned, word, moved, early_word, asked in rows:
        command = ("compare", "suites/gsm8k.yaml", "--base", base, "--tuned", tuned, "--format", "terminal", "--json")
        whole = delta(evalharness(*command, cwd=tmp_path).json)
        stopped = delta(evalharness(*command, "--stop", "early", cwd=tmp_path).json)

        assert (whole["outcome"], f"{100 * float(str(whole['change'])):+.1f}") == (word, moved)
        assert (stopped["outcome"], stopped["cases"]) == (early_word, int(asked))


@pytest.mark.nightly
def test_the_page_has_the_measured_table() -> None:
    assert "\n".join(rows(10_000)) in PAGE.read_text("utf-8")
