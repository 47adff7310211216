"""Pairs of replies to label: found in duels and their runs, shown in an order that tells nothing, read back from it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness import duelfile, store
from evalharness.calibrate import calibrated, read, write
from evalharness.calibration import PAIR, Label
from evalharness.cli.label import page
from evalharness.duel import DuelRun, said_digest
from evalharness.errors import EvalError
from evalharness.labelling import add_label, export_csv, import_csv, pair, read_labels, swapped, value_of
from evalharness.pairing import arms, candidates, instrument_of, is_duels
from evalharness.records import Message, Run, Tally
from tests import duels, runs
from tests.duels import LOST, TIED, WON, duel


def run(name: str, cases: int = 40) -> Run:
    trials = [runs.trial(str(case), 0, {"facts": 1.0}, text=f"{name} says {case}") for case in range(cases)]
    return runs.of(trials, name=name, gate=())


BASE, TUNED = run("base"), run("tuned")
VOTES = [WON, LOST, TIED, ("tuned", "tie")] * 10


def judged(base: Run = BASE, tuned: Run = TUNED) -> DuelRun:
    found = duels.run([duel(str(case), votes) for case, votes in enumerate(VOTES)])
    sides = replace(found.base, digest=said_digest(base)), replace(found.tuned, digest=said_digest(tuned))
    return replace(found, base=sides[0], tuned=sides[1], suite=base.suite.name)


def found() -> list[Label]:
    labels, _ = candidates(judged(), BASE, TUNED, judged().instruments[0])
    return labels


def written(folder: Path) -> Path:
    """Both runs and their duels as `compare` leaves them."""
    for each in (BASE, TUNED):
        store.write(folder / f"{each.model.name}.jsonl", each)
    whole = judged()
    with duelfile.Writer(folder / "base-vs-tuned.duels.jsonl", replace(whole, duels=(), tally=None)) as writer:
        for place, made in enumerate(whole.duels):
            writer.add(place, made)
        return Path(writer.finish((("judge", Tally()),)).path)


def test_a_pair_holds_both_replies_and_what_the_judge_said_of_each_order() -> None:
    first = found()[3]

    assert first.beside is not None
    assert (first.arm, first.scale, first.grade, first.label) == ("base and tuned", PAIR, 0.75, None)
    assert first.beside.orders == ((1.0, 0.5),)
    assert first.messages[-1].content == "base says 3"
    assert first.beside.messages[-1].content == "tuned says 3"


def test_pairs_without_a_verdict_are_counted_and_equal_or_missing_replies_are_none() -> None:
    given = [duel("0", WON), duel("1", (None, "base")), replace(duel("2", TIED), same=True)]
    run = replace(duels.run([*given, replace(duel("3", WON), votes=(), cause="base was not asked")]), suite="made")

    labels, unknown = candidates(run, BASE, TUNED, run.instruments[0])

    assert ([each.case for each in labels], unknown) == (["0"], 1)


def test_a_panel_grades_by_its_mean_and_a_pair_that_one_judge_left_open_is_none() -> None:
    given = [duel("0", WON, judge="x"), duel("0", LOST, judge="y"), duel("1", WON, judge="x")]
    run = duels.run([*given, duel("1", (None, None), judge="y")])

    labels, unknown = candidates(run, BASE, TUNED, run.instruments[0])

    assert [(each.case, each.grade) for each in labels] == [("0", 0.5)]
    assert unknown == 1


def test_which_stands_first_is_drawn_and_the_answer_is_read_by_it() -> None:
    labels = found()

    assert 10 < sum(map(swapped, labels)) < 30  # 20 on average
    for label in labels:
        _, first, second = pair(label)
        assert first.startswith("tuned") is swapped(label)
        assert second.startswith("base") is swapped(label)
        assert value_of("1", label) == float(first.startswith("tuned"))
        assert value_of("2", label) == float(second.startswith("tuned"))
        assert value_of("T", label) == 0.5
        assert value_of("y", label) is None


def test_a_page_shows_neither_arms_nor_verdict_and_is_harmless() -> None:
    label = found()[0]
    assert label.beside is not None
    hostile = Message("assistant", "\x1b[2J REPLY 2: mine")
    beside = replace(label.beside, messages=(Message("system", "I am the tuned one"), label.messages[0], hostile))
    shown = page(
        replace(
            label, messages=(label.messages[0], Message("assistant", "plain")), beside=replace(beside, replies=(2,))
        ),
        0,
        50,
    )

    assert "tuned" not in shown
    assert "base" not in shown
    assert "\\x1b[2J REPLY 2: mine" in shown
    assert "which is better by this: kinder" in shown
    assert shown.count("REPLY 1: ") == 1


def test_talks_that_were_not_asked_alike_are_shown_whole() -> None:
    label = found()[0]
    other = replace(label, messages=(Message("user", "something else"), *label.messages[1:]))

    before, *texts = pair(other)

    assert before == ""
    assert any("user: something else" in text for text in texts)


def test_pairs_go_out_to_a_spreadsheet_and_come_back_as_they_were_shown(tmp_path: Path) -> None:
    due = found()[:6]
    export_csv(tmp_path / "out.csv", due)
    with (tmp_path / "out.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert "because" not in rows[0]["conversation"]
    for row in rows:
        row["label"] = "1" if row["reply 1"].startswith("tuned") else "2"
    with (tmp_path / "in.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    assert [each.label for each in import_csv(tmp_path / "in.csv", due)] == [1.0] * 6


def test_labels_of_pairs_are_kept_read_and_calibrated_with_both_orders(tmp_path: Path) -> None:
    path = tmp_path / "baselines/.judges/made.labels.jsonl"
    for label in found():
        add_label(path, replace(label, label=1.0), tmp_path)

    made = calibrated(read_labels(path))
    kept = read(write(tmp_path / "baselines", made.calibration))

    assert kept == made.calibration
    assert (kept.scale, kept.anchors, len(kept.rows)) == (PAIR, (), 40)
    assert kept.rows[3].orders == ((1.0, 0.5),)
    # won, and won in one order only, agree with a label for tuned
    assert len(made.disagreements) == 20


def test_the_runs_are_found_beside_the_duels_or_among_accepted_ones_by_what_they_say(tmp_path: Path) -> None:
    path = written(tmp_path / "runs")
    (tmp_path / "runs/other.jsonl").write_text("damaged\n")
    folder = tmp_path / "baselines" / BASE.suite.name
    folder.mkdir(parents=True)

    (tmp_path / "runs/tuned.jsonl").rename(folder / "v1.jsonl")
    base, tuned = arms(duelfile.read(path), (), tmp_path / "baselines")

    assert (said_digest(base), said_digest(tuned)) == (said_digest(BASE), said_digest(TUNED))
    assert tuned.path.endswith("v1.jsonl")


def test_runs_that_say_something_else_are_not_taken(tmp_path: Path) -> None:
    path = written(tmp_path)
    store.write(tmp_path / "tuned.jsonl", run("changed"))

    with pytest.raises(EvalError, match="the replies of 'tuned' that these duels are about are not there"):
        arms(duelfile.read(path), (), tmp_path / "baselines")


def test_duels_and_runs_are_told_apart_by_what_they_hold(tmp_path: Path) -> None:
    path = written(tmp_path)
    renamed = path.rename(tmp_path / "x.jsonl")

    assert is_duels(renamed)
    assert not is_duels(tmp_path / "base.jsonl")
    assert is_duels(tmp_path / "none.duels.jsonl")


def test_of_several_criteria_one_is_labelled_and_different_judges_are_not_mixed() -> None:
    two = duels.run([duel("0", WON), duel("0", WON, criterion="shorter")])
    other = duels.run([duel("0", WON)], judges={"judge": "openai:other"})

    assert instrument_of([two], "preference-2").rubric == "shorter"
    with pytest.raises(EvalError, match="several checks ask a judge: preference-1, preference-2"):
        instrument_of([two])
    with pytest.raises(EvalError, match="judged in different ways"):
        instrument_of([duels.run([duel("0", WON)]), other])
