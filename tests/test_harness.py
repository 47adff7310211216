from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import evalharness
from evalharness.accepting import accept, review
from evalharness.config import load as load_config
from evalharness.errors import EvalError
from evalharness.harness import Asking, Job, Options, aask, ask, compare_asked, compare_runs, load_suite, rescore, rows
from evalharness.measure import Arm
from tests.shells.cli import ROOT, numbered, project, replies


def arms(where: Path) -> tuple[Arm, ...]:
    """A base without a fault and a tuned model with ten, of forty cases."""
    project(where, numbered(40), base=replies(40), tuned=replies(40, wrong=10))
    (row,) = ask([load_suite(where / "made.yaml")], ["base", "tuned"], load_config(where)).arms
    return row


def test_python_callers_ask_and_compare_as_the_command_does(tmp_path: Path) -> None:
    base, tuned = arms(tmp_path)

    panel = compare_asked(ask([load_suite(tmp_path / "made.yaml")], ["base", "tuned"], load_config(tmp_path)))

    assert (base.run.tally and base.run.tally.cached, len(tuned.run.trials)) == (40, 40)
    assert panel.verdict.outcome == "REGRESSED"
    stored = compare_runs([Path(base.run.path), Path(tuned.run.path)])
    assert stored.comparisons[0].deltas == panel.comparisons[0].deltas


def test_asking_from_an_event_loop_gives_the_same(tmp_path: Path) -> None:
    arms(tmp_path)
    suites, config = [load_suite(tmp_path / "made.yaml")], load_config(tmp_path)

    async def asking() -> str:
        return compare_asked(await aask(suites, ["base", "right"], config)).verdict.reasons[0]

    assert asyncio.run(asking()) == compare_asked(ask(suites, ["base", "right"], config)).verdict.reasons[0]


def test_a_snapshot_is_an_arm_also_on_a_callers_event_loop(tmp_path: Path) -> None:
    base, _ = arms(tmp_path)
    suites, config = [load_suite(tmp_path / "made.yaml")], load_config(tmp_path)
    accept(review(Path(base.run.path), config), "one", "a reason", config)

    ((snapshot, tuned),) = asyncio.run(aask(suites, ["baseline", "tuned"], config)).arms

    assert (snapshot.run.model.name, tuned.run.model.name, len(snapshot.run.trials)) == ("one", "tuned", 40)


def test_two_suites_are_asked_and_judged_together(tmp_path: Path) -> None:
    arms(tmp_path)
    (tmp_path / "other.yaml").write_text(numbered(40).replace("suite: made", "suite: other"))
    suites = [load_suite(tmp_path / name) for name in ("made.yaml", "other.yaml")]

    panel = compare_asked(ask(suites, ["base", "tuned"], load_config(tmp_path)))

    assert [comparison.suite.name for comparison in panel.comparisons] == ["made", "other"]
    # exact McNemar of 10 losses is 2 / 2^10, and Holm doubles the smaller of two equal ones
    assert panel.comparisons[0].deltas[0].p == pytest.approx(2 / 2**10)
    assert panel.comparisons[0].deltas[0].p_adjusted == pytest.approx(4 / 2**10)


def test_a_plan_is_looked_at_before_anything_is_written(tmp_path: Path) -> None:
    project(tmp_path, numbered(4), base=replies(4))

    asking = Asking(load_suite(tmp_path / "made.yaml"), ("base",))

    ((job,),) = rows([asking], load_config(tmp_path), Options(samples=1))

    assert isinstance(job, Job)
    assert len(job.plan) == 4
    assert not (tmp_path / ".evalharness").exists()


def test_a_run_is_graded_again_only_by_its_own_suite(tmp_path: Path) -> None:
    base, _ = arms(tmp_path)
    (tmp_path / "other.yaml").write_text(numbered(40).replace("suite: made", "suite: other"))

    with pytest.raises(EvalError, match="is a run of 'made', not of 'other'"):
        rescore(Path(base.run.path), load_suite(tmp_path / "other.yaml"), load_config(tmp_path))


def test_the_package_offers_its_names_and_loads_nothing_before_they_are_used() -> None:
    code = "import sys, evalharness; print([m for m in ('yaml', 'pydantic', 'scipy', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
    for name in evalharness.__all__:
        assert getattr(evalharness, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        getattr(evalharness, "compair")  # noqa: B009  a static attribute would not pass the type check
