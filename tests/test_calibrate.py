"""Labels to a calibration, its file, its anchors, and what the last look at them said."""

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.calibrate import (
    anchors_of,
    calibrated,
    calibration_path,
    known,
    read,
    read_look,
    shelved,
    write,
    write_look,
)
from evalharness.errors import EvalError, Faults, StoreError
from tests.judged import DIGEST, calibration, label, rows


def test_a_label_file_makes_a_calibration_of_its_last_instrument() -> None:
    labels = [label(0, 1.0, 1.0, digest="e" * 64), label(1, 1.0, 0.0), label(2, 0.0, 0.0)]

    found = calibrated(labels)

    assert found.outdated == 1
    assert found.calibration.digest == DIGEST
    assert [(row.case, row.label, row.grade) for row in found.calibration.rows] == [("c1", 1.0, 0.0), ("c2", 0.0, 0.0)]
    assert [each.case for each in found.disagreements] == ["c1"]


def test_labels_of_nothing_and_of_two_checks_make_none() -> None:
    with pytest.raises(EvalError, match="there is no label in this file"):
        calibrated([])
    with pytest.raises(EvalError, match="labels of several checks: marv: polite, marv: sarcastic"):
        calibrated([label(0, 1.0, 1.0), replace(label(1, 1.0, 1.0), check="polite")])


def test_anchors_are_half_of_each_kind() -> None:
    labels = [label(number, float(number < 40), 1.0) for number in range(60)]

    found = list(anchors_of(labels))

    assert [each.label for each in found] == [1.0] * 6 + [0.0] * 6
    assert found == list(anchors_of(labels[::-1]))


@pytest.mark.parametrize(("passed", "failed", "kinds"), [(2, 50, (2, 10)), (50, 3, (9, 3)), (4, 3, (4, 3))])
def test_where_one_kind_is_short_the_other_fills_up(passed: int, failed: int, kinds: tuple[int, int]) -> None:
    labels = [label(number, float(number < passed), 1.0) for number in range(passed + failed)]

    found = [each.label for each in anchors_of(labels)]

    assert (found.count(1.0), found.count(0.0)) == kinds


def test_a_calibration_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    made = calibrated([label(number, float(number % 2), 1.0) for number in range(20)]).calibration

    path = write(tmp_path / "baselines", made)

    assert path == tmp_path / "baselines/.judges/marv-sarcastic-dddddddddddd.json"
    assert read(path) == made
    assert shelved(tmp_path / "baselines") == [(path, made)]
    assert shelved(tmp_path / "baselines", "other") == []


def test_every_file_that_is_no_calibration_is_named(tmp_path: Path) -> None:
    folder = tmp_path / ".judges"
    folder.mkdir()
    (folder / "a.json").write_text("{}")
    (folder / "b.json").write_text("[")
    (folder / "c.json").write_text('{"a": ' * 5000)

    with pytest.raises(Faults) as faults:
        shelved(tmp_path)

    assert [fault.what.removeprefix(str(folder)) for fault in faults.value.faults] == [
        "/a.json: this is no calibration: evalharness: field required",
        "/b.json: this is no JSON",
        "/c.json: this is no JSON",
    ]


def test_a_calibration_of_a_newer_version_or_out_of_range_is_refused(tmp_path: Path) -> None:
    newer = write(tmp_path, replace(calibration(rows(1, 1, 1, 1)), evalharness=9))
    with pytest.raises(StoreError, match="written by a newer evalharness"):
        read(newer)

    odd = write(tmp_path, calibration((replace(rows(1, 0, 0, 0)[0], grade=7.0),)))
    with pytest.raises(StoreError, match="does not lie between 0 and 1"):
        read(odd)


def test_what_the_last_look_at_the_anchors_said_is_remembered(tmp_path: Path) -> None:
    made = calibration(rows(30, 2, 2, 30))
    write(tmp_path / "baselines", made)
    state = tmp_path / ".evalharness"
    assert [each.moved for each in known(tmp_path / "baselines", state, "marv")] == [""]

    write_look(state, DIGEST, "5 of 12 anchors judged otherwise")

    assert [each.moved for each in known(tmp_path / "baselines", state, "marv")] == ["5 of 12 anchors judged otherwise"]
    assert read_look(state, "e" * 64) == ""


def test_a_look_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    write_look(tmp_path, DIGEST, "x")
    (tmp_path / "judges" / f"{DIGEST[:12]}.json").write_text("{")

    assert read_look(tmp_path, DIGEST) == ""


def test_suites_and_checks_of_any_name_have_a_file_of_their_own(tmp_path: Path) -> None:
    made = replace(calibration(rows(1, 0, 0, 0)), suite="../up", check="is it / nice?")

    path = calibration_path(tmp_path, made)

    assert path.parent == tmp_path / ".judges"
