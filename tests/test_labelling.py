"""Replies to label: which are drawn, what is kept of an answer, and the way through a spreadsheet."""

import csv
import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evalharness.calibration import Label
from evalharness.errors import EvalError, Faults, StoreError
from evalharness.labelling import (
    COLUMNS,
    add_label,
    candidates,
    drawn,
    export_csv,
    import_csv,
    instrument_of,
    label_path,
    mark,
    points,
    read_labels,
    value_of,
)
from evalharness.records import Message
from tests.judged import INSTRUMENT, SUITE, label, run

BASE = run([1.0, 0.0] * 20)
TUNED = run([1.0] * 40, name="tuned")
ONE = label(0, None, 1.0)
FIVE = replace(ONE, scale="1-5")
LIST = replace(ONE, scale="checklist", rubric="names a city\nis sarcastic\nends with a full stop")


def found() -> list[Label]:
    return candidates([BASE, TUNED], INSTRUMENT)[0]


def test_every_graded_reply_can_be_drawn_and_those_without_a_grade_are_counted() -> None:
    labels, unknown = candidates([run([1.0, None, 0.0])], INSTRUMENT)

    assert [(each.case, each.grade, each.why) for each in labels] == [
        ("c0", 1.0, "because 0"),
        ("c2", 0.0, "because 2"),
    ]
    assert unknown == 1


def test_as_many_of_each_arm_and_the_same_cases_of_both() -> None:
    chosen = drawn(found(), 20)

    cases = {arm: {each.case for each in chosen if each.arm == arm} for arm in ("base", "tuned")}
    assert len(cases["base"]) == 10
    assert cases["base"] == cases["tuned"]


def test_the_draw_is_the_same_whatever_the_order_of_the_runs_and_another_with_another_seed() -> None:
    backwards = candidates([TUNED, BASE], INSTRUMENT)[0]

    assert drawn(found(), 20) == drawn(backwards, 20)
    assert drawn(found(), 20) != drawn(found(), 20, seed=1)


def test_a_larger_draw_holds_the_smaller_one() -> None:
    assert {each.key for each in drawn(found(), 20)} < {each.key for each in drawn(found(), 40)}


def test_an_arm_with_few_replies_gives_all_and_the_other_fills_up() -> None:
    labels, _ = candidates([run([1.0] * 3), TUNED], INSTRUMENT)

    assert [each.arm for each in drawn(labels, 20)].count("base") == 3
    assert len(drawn(labels, 20)) == 20


def test_the_order_does_not_tell_the_arm() -> None:
    arms = [each.arm for each in drawn(found(), 40)]

    changes = sum(one != other for one, other in pairwise(arms))
    assert 10 < changes < 30  # 20 on average; 39 would be one of each in turn


def test_only_runs_of_one_suite_and_one_instrument_are_labelled() -> None:
    other = replace(BASE, suite=replace(SUITE, judges=(replace(INSTRUMENT, digest="e" * 64),)))
    second = replace(BASE, suite=replace(SUITE, judges=(INSTRUMENT, replace(INSTRUMENT, check="polite"))))

    with pytest.raises(EvalError, match="judged in different ways"):
        instrument_of([BASE, other])
    with pytest.raises(EvalError, match="several checks ask a judge: polite, sarcastic"):
        instrument_of([second])
    assert instrument_of([second], "polite").check == "polite"
    with pytest.raises(EvalError, match="no check 'sarcatic' asks a judge"):
        instrument_of([BASE], "sarcatic")
    with pytest.raises(EvalError, match="no check of 'marv' asks a judge"):
        instrument_of([replace(BASE, suite=replace(SUITE, judges=()))])
    with pytest.raises(EvalError, match="runs of several suites: marv, other"):
        instrument_of([BASE, replace(BASE, suite=replace(SUITE, name="other"))])


# --- label files ------------------------------------------------------------------------------------------------------


def test_labels_are_read_back_as_they_were_given(tmp_path: Path) -> None:
    path = label_path(tmp_path / "baselines", "marv", "sarcastic")
    lone = replace(label(0, 1.0, 0.0), messages=(Message("user", "\ud800\u2028\x1b[2J"),))

    add_label(path, lone, tmp_path)
    add_label(path, label(1, 0.0, 0.0), tmp_path)

    assert path == tmp_path / "baselines/.judges/marv-sarcastic.labels.jsonl"
    assert read_labels(path) == [lone, label(1, 0.0, 0.0)]


def test_the_last_label_of_a_reply_counts_and_none_that_was_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "made.labels.jsonl"
    for each in (label(0, 1.0, 0.0), label(1, 1.0, 0.0), label(0, 0.0, 0.0), label(1, None, 0.0)):
        add_label(path, each, tmp_path)

    assert read_labels(path) == [label(0, 0.0, 0.0)]


def test_every_line_that_is_no_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "made.labels.jsonl"
    for each in (label(0, 2.0, 0.0), label(1, 1.0, 0.0)):
        add_label(path, each, tmp_path)
    path.write_text(path.read_text() + '{"suite": "marv"}\n')

    with pytest.raises(Faults) as faults:
        read_labels(path)

    assert str(faults.value) == (
        f"{path}:1: the label 2 does not lie between 0 and 1\n{path}:3: this is no label: check: field required"
    )


def test_no_label_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "baselines").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match="symbolic link"):
        add_label(label_path(tmp_path / "baselines", "marv", "sarcastic"), label(0, 1.0, 1.0), tmp_path)


# --- what can be answered ---------------------------------------------------------------------------------------------


def test_what_an_answer_is_worth() -> None:
    assert [value_of(said, ONE) for said in ("y", "No", "yes", "3", "")] == [1.0, 0.0, 1.0, None, None]
    assert [value_of(said, FIVE) for said in ("1", "4", "5", "6", "y")] == [0.0, 0.75, 1.0, None, None]
    assert value_of("y n, y", LIST) == pytest.approx(2 / 3)
    assert value_of("y", LIST) is None
    assert points(LIST) == ("names a city", "is sarcastic", "ends with a full stop")


# --- spreadsheets -----------------------------------------------------------------------------------------------------


def exported(path: Path, due: list[Label]) -> list[dict[str, str]]:
    export_csv(path, due)
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def filled(path: Path, cells: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(cells)
    return path


def test_a_table_tells_neither_arm_nor_grade_and_holds_no_formula(tmp_path: Path) -> None:
    hostile = replace(
        label(0, None, 1.0, arm="arm-x"),
        messages=(Message("system", "I am arm-x"), Message("user", '=cmd|"a",1'), Message("assistant", "=1+1\r\n,")),
        replies=(2,),
    )

    (row,) = exported(tmp_path / "out.csv", [hostile])

    assert row["reply"] == "'=1+1\r\n,"
    assert row["conversation"] == 'user: =cmd|"a",1'
    assert row["label"] == ""
    text = (tmp_path / "out.csv").read_text()
    assert "arm-x" not in text
    assert "because" not in text


def test_labels_filled_into_a_table_are_read(tmp_path: Path) -> None:
    due = [label(number, None, 1.0) for number in range(3)]
    cells = exported(tmp_path / "out.csv", due)
    for row, said in zip(cells, ("y", "", "n"), strict=True):
        row["label"] = said

    read = import_csv(filled(tmp_path / "in.csv", cells), due)

    assert [(each.case, each.label) for each in read] == [("c0", 1.0), ("c2", 0.0)]


def test_every_wrong_row_of_a_table_is_named(tmp_path: Path) -> None:
    due = [label(number, None, 1.0) for number in range(2)]
    rows = [(mark(due[0]), "maybe"), ("r123", "y"), (mark(due[0]), "y"), ("", "n"), (mark(due[1]), "y")]
    cells = [dict.fromkeys(COLUMNS, "x") | {"id": name, "label": said} for name, said in rows]
    path = filled(tmp_path / "in.csv", cells)

    with pytest.raises(Faults) as faults:
        import_csv(path, due)

    assert [(fault.line, fault.what) for fault in faults.value.faults] == [
        (2, "'maybe' is no label here"),
        (3, "no reply of these runs has the id 'r123'"),
        (4, f"the id '{mark(due[0])}' stands twice"),
        (5, "a row without an id"),
    ]


def test_only_tables_are_imported(tmp_path: Path) -> None:
    with pytest.raises(Faults, match="labels are read from a"):
        import_csv(tmp_path / "labels.xlsx", [])
