"""`label` and `judge`: keys to labels, labels to a calibration, and what is printed of it."""

import csv
import os
import pty
import select
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness import store
from evalharness.calibration import Label
from evalharness.cli.label import _keys, labelled, page
from evalharness.labelling import read_labels
from evalharness.records import Message
from evalharness.suite import load
from tests.judged import SUITE, label, run
from tests.shells.cli import evalharness

FILE = "baselines/.judges/marv-sarcastic.labels.jsonl"


def pressed(keys: str, due: Sequence[Label]) -> tuple[list[Label], str, int]:
    """What was kept, what was shown, and how many labels were given, with these keys pressed."""
    kept: list[Label] = []
    shown: list[str] = []
    number = labelled(due, iter(keys), kept.append, screen=shown.append)
    return kept, "".join(shown), number


DUE = [label(number, None, 1.0) for number in range(3)]


def test_each_key_is_an_answer_and_is_kept_at_once() -> None:
    kept, _, number = pressed("yny", DUE)

    assert [(each.case, each.label) for each in kept] == [("c0", 1.0), ("c1", 0.0), ("c2", 1.0)]
    assert number == 3


def test_undo_takes_the_last_label_back_and_asks_again() -> None:
    kept, _, number = pressed("yuny", DUE[:2])

    assert [(each.case, each.label) for each in kept] == [("c0", 1.0), ("c0", None), ("c0", 0.0), ("c1", 1.0)]
    assert number == 2


def test_undo_with_nothing_to_take_back_and_an_unknown_key_explain_the_keys() -> None:
    for key in ("u", "?", "x", "\x1b"):
        kept, shown, _ = pressed(f"{key}yq", DUE[:1])

        assert [each.label for each in kept] == [1.0]
        assert shown.count("u: undo the last one") == 2


def test_a_skipped_reply_gets_no_label_and_quitting_or_the_last_key_keeps_the_rest() -> None:
    assert [each.case for each in pressed("sy", DUE)[0]] == ["c1"]
    assert [each.case for each in pressed("yq", DUE)[0]] == ["c0"]


def test_a_scale_of_five_takes_digits() -> None:
    kept, shown, _ = pressed("914", [replace(each, scale="1-5") for each in DUE[:2]])

    assert [each.label for each in kept] == [0.0, 0.75]
    assert "[1 to 5]" in shown


def test_each_point_of_a_checklist_is_asked_and_the_last_can_be_taken_back() -> None:
    due = [replace(each, scale="checklist", rubric="names a city\nis sarcastic") for each in DUE]

    kept, shown, _ = pressed("yunn" + "ys" + "yy", due)

    assert [(each.case, each.label) for each in kept] == [("c0", 0.0), ("c2", 1.0)]
    assert "is sarcastic [y/n]" in shown


def test_a_special_key_is_one_key_and_ctrl_d_ends() -> None:
    readable, writable = os.pipe()
    keys = _keys(readable)

    pressed = []
    for typed in (b"\x1b[1~", b"yn", "é".encode(), b"\x04"):
        os.write(writable, typed)
        pressed += [next(keys, "end") for _ in range(2 if typed == b"yn" else 1)]

    assert pressed == ["\x1b", "y", "n", "é", "end"]


def test_a_page_tells_neither_arm_nor_grade_nor_system_prompt_and_is_harmless() -> None:
    hostile = replace(
        label(0, None, 0.123, arm="arm-x"),
        messages=(
            Message("system", "I am arm-x"),
            Message("user", "hello\x1b[2J"),
            Message("assistant", "\u202eREPLY: y\x07"),
        ),
        replies=(2,),
    )

    text = page(hostile, 0, 50)

    assert "arm-x" not in text
    assert "0.12" not in text
    assert "because" not in text
    assert "user: hello\\x1b[2J" in text
    assert "REPLY: \\u202eREPLY: y\\x07" in text
    assert "rubric: The reply is sarcastic, and not abusive." in text


# --- the verbs --------------------------------------------------------------------------------------------------------


def runs(folder: Path, number: int = 30) -> list[str]:
    """Two runs of so many cases in a folder: base passes every second time, tuned always."""
    (folder / "evalharness.toml").write_text("")
    for name, grades in (("base", [1.0, 0.0] * (number // 2)), ("tuned", [1.0] * number)):
        store.write(folder / f"{name}.jsonl", run(grades, name=name))
    return ["base.jsonl", "tuned.jsonl"]


def test_without_a_terminal_the_way_through_a_spreadsheet_is_named(tmp_path: Path) -> None:
    done = evalharness("label", *runs(tmp_path), cwd=tmp_path)

    assert done.status == 2
    assert done.err == (
        "labels are asked for on a terminal, and this is none\n"
        "  hint: label in a spreadsheet: --export FILE.csv, then --import FILE.csv\n"
    )


def test_labels_are_given_on_a_terminal_and_the_next_sitting_goes_on(tmp_path: Path) -> None:
    arguments = ["label", *runs(tmp_path, 4), "--number", "4"]

    first = on_a_terminal(arguments, "y?nq", tmp_path)
    second = on_a_terminal(arguments, "yy", tmp_path)

    assert "4 replies to label" in first
    assert "2 labels given, 2 of 4 drawn" in first
    assert "2 replies to label" in second
    assert "2 labels given, 4 of 4 drawn" in second
    assert len(read_labels(tmp_path / FILE)) == 4


def on_a_terminal(arguments: Sequence[str], keys: str, folder: Path, prompt: str = "[y/n] ") -> str:
    """What `evalharness` prints on a terminal of its own, with a key pressed at each question."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "evalharness.cli", *arguments])
    printed, left = b"", list(keys)
    try:
        while select.select([terminal], [], [], 30)[0] and (read := os.read(terminal, 65536)):
            printed += read
            if left and printed.count(prompt.encode()) > len(keys) - len(left):
                os.write(terminal, left.pop(0).encode())
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, printed
    return printed.decode()


def test_labels_go_out_and_come_back_through_a_spreadsheet(tmp_path: Path) -> None:
    given = runs(tmp_path)
    evalharness("label", *given, "--number", "10", "--export", "out.csv", cwd=tmp_path)
    table = (tmp_path / "out.csv").read_text()
    (tmp_path / "in.csv").write_text(table.replace(",y or n,", ",y or n,y"))

    done = evalharness("label", *given, "--import", "in.csv", cwd=tmp_path)

    assert done.status == 0
    assert done.out.startswith(f"10 labels added to {FILE}   (commit it)\n")
    assert [each.label for each in read_labels(tmp_path / FILE)] == [1.0] * 10
    again = evalharness("label", *given, "--export", "out.csv", cwd=tmp_path)
    assert "there is such a file, and it may hold labels" in again.err


ROWS = """\
suite: marv
checks:
  sarcastic: {judge: "The reply names {{ city }}."}
cases:
  - each: rows.jsonl
    id: "{{ id }}"
    ask: "{{ id }}?"
    expect: {style: sarcastic}
"""


def test_a_rubric_that_rows_of_data_fill_is_shown_as_the_reply_was_asked_about(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text("")
    (tmp_path / "rows.jsonl").write_text('{"id": "c0", "city": "Lima"}\n{"id": "c1", "city": "Oslo"}\n')
    (tmp_path / "marv.yaml").write_text(ROWS)
    ref = replace(SUITE, path="marv.yaml", hash=load(tmp_path / "marv.yaml").hash)
    store.write(tmp_path / "base.jsonl", run([1.0, 1.0], suite=ref))

    evalharness("label", "base.jsonl", "--export", "out.csv", cwd=tmp_path)

    with (tmp_path / "out.csv").open(newline="") as table:
        rubrics = sorted(row["rubric"] for row in csv.DictReader(table))
    assert rubrics == ["The reply names Lima.", "The reply names Oslo."]


def written(folder: Path, labels: Sequence[Label]) -> Path:
    """A label file with these labels."""
    from evalharness.labelling import add_label

    (folder / "evalharness.toml").write_text("")
    for each in labels:
        add_label(folder / FILE, each, folder)
    return folder


def some(tp: int, fp: int, fn: int, tn: int, arm: str = "base") -> list[Label]:
    kinds = [(1.0, 1.0)] * tp + [(0.0, 1.0)] * fp + [(1.0, 0.0)] * fn + [(0.0, 0.0)] * tn
    return [label(number, said, grade, arm=arm) for number, (said, grade) in enumerate(kinds)]


def test_a_calibration_is_printed_and_filed(tmp_path: Path) -> None:
    written(tmp_path, [*some(40, 9, 6, 45), label(200, 1.0, 1.0, digest="e" * 64), *some(1, 1, 0, 0, "tuned")])

    done = evalharness("judge", "calibrate", FILE, cwd=tmp_path)

    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[:9] == [
        "marv: 'sarcastic' (style) judged by judge (openai:gpt-4o)",
        "  102 labels: 47 pass, 55 fail",
        "                judge passes  judge fails",
        "  people pass             41            6",
        "  people fail             10           45",
        "  agreement      84.3 %  (76.0 to 90.1)",
        "  sensitivity    87.2 %  (74.8 to 94.0)",
        "  specificity    81.8 %  (69.7 to 89.8)",
        "  kappa          0.69  (0.55 to 0.83)",
    ]
    assert f"  ! left out: 1 label of an earlier judge, rubric or scale in {FILE}; label those replies again" in lines
    assert "  people and the judge disagree on 16:" in lines
    assert "    c40, turn 1 (base): label 0, judge 1: because 40" in lines
    assert lines[-2] == "calibrated: it may gate"
    assert lines[-1] == "calibration: baselines/.judges/marv-sarcastic-dddddddddddd.json   (commit it)"


def test_too_few_labels_are_said_and_kept(tmp_path: Path) -> None:
    done = evalharness("judge", "calibrate", FILE, cwd=written(tmp_path, some(10, 0, 0, 3)))

    assert done.status == 0
    assert "  ! 13 labels, and a calibration takes 50: evalharness label RUN" in done.out
    assert "  ! only 3 labels fail, and specificity rests on them: label more, --number 26" in done.out
    assert "uncalibrated: not calibrated: 13 labels of 50" in done.out
    assert (tmp_path / "baselines/.judges/marv-sarcastic-dddddddddddd.json").is_file()


def test_a_calibration_as_json(tmp_path: Path) -> None:
    done = evalharness("judge", "calibrate", FILE, "--json", cwd=written(tmp_path, some(33, 6, 6, 5)))

    assert (done.json["labels"], done.json["enough"], done.json["outdated"]) == (50, True, 0)
    assert done.json["standing"] == {
        "state": "failed",
        "why": "failed calibration (kappa 0.30, at least 0.4 asked for)",
        "remedy": "mend the rubric by the replies that `evalharness judge calibrate` lists, or take another judge",
    }
    figures = done.json["figures"]
    assert isinstance(figures, dict)
    assert figures["counts"] == {"tp": 33, "fp": 6, "fn": 6, "tn": 5}


def test_calibrations_are_listed_with_what_they_allow(tmp_path: Path) -> None:
    written(tmp_path, some(33, 6, 6, 5))
    assert evalharness("judge", "list", cwd=tmp_path).out.startswith("no judge was calibrated yet")

    evalharness("judge", "calibrate", FILE, cwd=tmp_path)

    assert evalharness("judge", "list", cwd=tmp_path).out == (
        "marv: sarcastic by judge (openai:gpt-4o): failed calibration (kappa 0.30, at least 0.4 asked for); 50 labels; "
        "baselines/.judges/marv-sarcastic-dddddddddddd.json\n"
    )
    rows = evalharness("judge", "list", "--json", cwd=tmp_path).json["calibrations"]
    assert isinstance(rows, list)
    assert [row["state"] for row in rows] == ["failed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["judge", "calibrate", "none.jsonl"], "there is no such file"),
        (["label", "plain.jsonl"], "no check of 'marv' asks a judge"),
        (["label", "empty.jsonl"], "the judge of 'sarcastic' graded no reply of these runs"),
    ],
)
def test_what_cannot_be_labelled_or_calibrated_is_said_in_a_line(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "evalharness.toml").write_text("")
    store.write(tmp_path / "plain.jsonl", run([1.0], suite=replace(SUITE, judges=())))
    store.write(tmp_path / "empty.jsonl", run([None]))

    done = evalharness(*arguments, cwd=tmp_path)

    assert done.status == 2
    assert said in done.err
