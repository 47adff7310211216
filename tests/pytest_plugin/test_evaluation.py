"""How a case came out, and which arms are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.errors import EvalError, Faults
from evalharness.pytest_plugin.evaluation import Evaluation
from evalharness.pytest_plugin.failures import NoAnswer
from evalharness.pytest_plugin.state import Selected
from tests.pytest_plugin.results import result
from tests.pytest_plugin.test_state import SETTINGS
from tests.shells.cli import numbered


class Ended:
    """All that is used of a session: why it is to end."""

    shouldfail: str | bool = False


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluation:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalharness.toml").write_text("")
    settings = replace(SETTINGS, folder=tmp_path, root=tmp_path)
    return Evaluation(Ended(), settings)  # type: ignore[arg-type] # the session of this test must go on


@pytest.mark.parametrize(
    ("samples", "state", "must_pass"),
    [
        ([1.0], "passed", "passed"),
        ([0.0], "missed", "missed"),
        ([None], "unknown", "unknown"),
        ([1.0, 1.0, 0.0], "passed", "missed"),
        ([1.0, 1.0, None], "passed", "unknown"),
        ([1.0, 0.0, None], "unknown", "missed"),
        ([0.0, 0.0, None], "missed", "missed"),
        ([1.0, 0.0], "missed", "missed"),  # more than half
        ([1.0, None], "unknown", "unknown"),
    ],
    ids=str,
)
def test_a_case_passes_misses_or_is_unknown_as_its_samples_say(
    evaluation: Evaluation, tmp_path: Path, samples: list[float | None], state: str, must_pass: str
) -> None:
    found = result(tmp_path, {"c0": samples})
    (case,) = found.suite.cases
    path = tmp_path / "made.yaml"
    evaluation.results = {path: found}

    assert evaluation.seen(path, case).state == state
    assert evaluation.seen(path, replace(case, id="c0", must_pass=True)).state == state  # it is looked at once

    other = Evaluation(evaluation.session, evaluation.settings)
    other.results = {path: found}
    assert other.seen(path, replace(case, must_pass=True)).state == must_pass


def test_scores_are_means_over_the_samples_that_have_one(evaluation: Evaluation, tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": [1.0, 0.0, None], "c1": [None]})
    evaluation.results = {tmp_path: found}

    assert [evaluation.seen(tmp_path, case).scores for case in found.suite.cases] == [
        (("facts", 0.5),),
        (("facts", None),),
    ]


@pytest.mark.parametrize(
    ("model", "base", "own", "arms"),
    [
        (None, None, "tuned: t", ("t",)),
        (None, None, "base: b\ntuned: t", ("b", "t")),
        (None, None, "base: b", ("b",)),
        ("m", None, "base: b\ntuned: t", ("b", "m")),
        ("m", "n", "base: b\ntuned: t", ("n", "m")),
        (None, "n", "tuned: t", ("n", "t")),
        ("b", None, "base: b\ntuned: t", ("b",)),
        (None, "t", "tuned: t", ("t",)),
    ],
)
def test_the_arms_are_those_of_the_command_then_those_of_the_suite(
    evaluation: Evaluation, tmp_path: Path, model: str | None, base: str | None, own: str, arms: tuple[str, ...]
) -> None:
    evaluation.settings = replace(evaluation.settings, model=model, base=base)
    suite = result(tmp_path, {"c0": 1.0}, head=own).suite

    assert evaluation._arms(suite) == arms


def test_every_suite_without_a_model_is_told_of_at_once(evaluation: Evaluation, tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(numbered(1).replace("made", name))
        evaluation.load(path)
        evaluation.chosen[path] = Selected(("c0",), gate=False)

    with pytest.raises(Faults) as error:
        dict(evaluation._askings())
    assert [fault.file for fault in error.value.faults] == ["one.yaml", "two.yaml"]


def test_what_could_not_be_asked_is_not_asked_again(evaluation: Evaluation) -> None:
    evaluation._refuse("no such model\n  hint: mend it", 2)

    for _ in range(2):
        with pytest.raises(NoAnswer, match="no such model"):
            evaluation.ask()
    assert evaluation.session.shouldfail == "no such model"
    assert evaluation.told().status == pytest.ExitCode.USAGE_ERROR


def test_a_broken_config_is_an_error_that_a_user_can_read(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text("not toml")

    with pytest.raises(EvalError, match=r"evalharness.toml:1:\d+: not TOML"):
        evaluation.load(tmp_path / "made.yaml")
