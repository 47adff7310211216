"""The calibrations that lie in `baselines/.judges/`: of the suites as they are, made of the labels beside them."""

from __future__ import annotations

import pytest

from evalharness.bench import instruments, judges, refs
from evalharness.calibrate import calibrated, known
from evalharness.config import load as load_config
from evalharness.labelling import read_labels
from evalharness.suite import load
from scripts.make_voice import passes
from tests.shells.cli import ROOT


@pytest.mark.parametrize("suite", ["marv", "marv-drift"])
def test_a_kept_calibration_is_of_the_judge_that_the_suite_asks_and_made_of_its_labels(suite: str) -> None:
    config, made = load_config(ROOT), load(ROOT / "suites" / f"{suite}.yaml")
    (instrument,) = instruments(made, refs(judges(made, config, None, {})))
    labels = read_labels(ROOT / "baselines" / ".judges" / f"{suite}-sarcastic.labels.jsonl")
    found = {each.calibration.digest: each.calibration for each in known(config.baselines, config.state, suite)}

    assert found[instrument.digest] == calibrated(labels).calibration
    assert len(labels) == 200


@pytest.mark.parametrize("suite", ["marv", "marv-drift"])
def test_kept_labels_are_those_of_the_rule_that_the_page_names(suite: str) -> None:
    labels = read_labels(ROOT / "baselines" / ".judges" / f"{suite}-sarcastic.labels.jsonl")

    told = [label.messages[label.replies[-1]].content for label in labels]
    assert [label.label for label in labels] == [float(passes(reply)) for reply in told]
