"""From a win rate that an unmeasured judge decides, over labels of pairs, to one that says how far to trust it."""

from __future__ import annotations

import csv
from pathlib import Path

from evalharness.labelling import read_labels
from evalharness.reports.json import load
from tests.loopback import Loopback
from tests.shells.cli import Done, evalharness, numbered, project
from tests.shells.test_duels import HEAD, longer
from tests.shells.test_label import on_a_terminal

CASES = 62
DUELS = ".evalharness/runs/made/base-vs-tuned.duels.jsonl"
LABELS = "baselines/.judges/made-preference.labels.jsonl"


def compared(where: Path, server: Loopback, *more: str, gate: str = "preference: {win_at_least: 0.5}") -> Done:
    """A comparison in which tuned says more in two of three cases; the judge prefers what is longer."""
    short = {f"c{number}": f"it is n{number}" for number in range(CASES)}
    long = {case: f"{text}, and gladly so" for case, text in short.items()}
    wins = {case: number % 3 != 0 for number, case in enumerate(short)}
    project(
        where,
        numbered(CASES, head=HEAD, gate=gate),
        base={case: short[case] if wins[case] else long[case] for case in short},
        tuned={case: long[case] if wins[case] else short[case] for case in short},
    )
    config = where / "evalharness.toml"
    line = f'judge = {{ use = "openai:claude-x", base_url = "{server.url}", server = "here" }}\n'
    config.write_text(config.read_text() + line)
    return evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", *more, cwd=where)


def labelled(where: Path, *, wrong: bool = False) -> Done:
    """Sixty pairs labelled through a spreadsheet: the longer reply is better, or the shorter one; then calibrated."""
    evalharness("label", DUELS, "--number", "60", "--export", "out.csv", cwd=where)
    with (where / "out.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        first = len(row["reply 1"]) > len(row["reply 2"])
        row["label"] = "1" if first != wrong else "2"
    with (where / "in.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = evalharness("label", DUELS, "--import", "in.csv", cwd=where)
    assert (done.status, len(rows)) == (0, 60)
    assert done.out.startswith(f"60 labels added to {LABELS}")
    (where / "out.csv").unlink()
    return evalharness("judge", "calibrate", LABELS, cwd=where)


def test_a_judge_of_duels_is_marked_until_it_is_calibrated(tmp_path: Path) -> None:
    with Loopback(longer) as server:
        first = compared(tmp_path, server)
        calibrated = labelled(tmp_path)
        second = compared(tmp_path, server, "--format", "release-notes")

    told = " ".join(first.out.split())
    assert "50 % asked for; judge not calibrated" in told
    assert f"50 labels take ten minutes: evalharness label {DUELS}" in told
    assert calibrated.out.splitlines()[-2] == "calibrated: it may gate"
    told = " ".join(second.out.split())
    assert "not calibrated" not in told
    assert "judged by judge (openai:claude-x): calibrated; 60 labels: agreement 100.0 % (94.0 to 100.0)" in told
    notes = (tmp_path / "reports/made-base-tuned/release-notes.md").read_text()
    assert "**tuned wins 66.1 %**" in notes
    assert "judged by judge (calibrated): the longer reply" in notes


def test_a_judge_that_sees_the_opposite_of_what_people_see_may_not_gate(tmp_path: Path) -> None:
    with Loopback(longer) as server:
        compared(tmp_path, server)
        calibrated = labelled(tmp_path, wrong=True)
        done = compared(tmp_path, server)
        asked = server.count

    assert asked == 2 * CASES
    assert "people and the judge disagree on 60:" in calibrated.out
    assert done.status == 4
    told = " ".join(done.out.split())
    assert "preference undecided: judge failed calibration (sensitivity + specificity - 1 where both decide" in told


def test_a_win_rate_that_gates_nothing_knows_its_judges_too(tmp_path: Path) -> None:
    runs = [f".evalharness/runs/made/{name}.jsonl" for name in ("base", "tuned")]
    with Loopback(longer) as server:
        compared(tmp_path, server, gate="facts: {drop_at_most: 0.5}")
        labelled(tmp_path)

        stored = evalharness("compare", *runs, "--json", cwd=tmp_path)

    (row,) = load(stored.out).comparisons[0].judged
    assert (row.aspect, row.state, row.labels) == ("preference", "calibrated", 60)


def test_what_calibrate_prints_of_pairs(tmp_path: Path) -> None:
    with Loopback(longer) as server:
        compared(tmp_path, server)
    lines = labelled(tmp_path).out.splitlines()

    assert lines[:6] == [
        "made: 'preference' (preference) judged by judge (openai:claude-x)",
        "  60 labels: 20 base, 0 tie, 40 tuned",
        "                   judge base    judge tie  judge tuned",
        "  people base              20            0            0",
        "  people tie                0            0            0",
        "  people tuned              0            0           40",
    ]
    # Wilson of 60 of 60
    assert "  agreement     100.0 %  (94.0 to 100.0)" in lines
    assert "  consistent    100.0 %  (94.0 to 100.0)  (no winner that the other order contradicts)" in lines
    done = evalharness("judge", "calibrate", LABELS, "--json", cwd=tmp_path)
    figures = done.json["figures"]
    assert isinstance(figures, dict)
    assert figures["counts"] == [[20, 0, 0], [0, 0, 0], [0, 0, 40]]
    assert figures["accuracy"]["value"] == 1.0
    assert figures["decided"]["kappa"] == 1.0


def test_pairs_are_labelled_on_a_terminal(tmp_path: Path) -> None:
    with Loopback(longer) as server:
        compared(tmp_path, server)

    out = on_a_terminal(["label", DUELS, "--number", "3"], "1ut?s2", tmp_path, prompt="[1/2/t] ")

    assert "3 pairs to label." in out
    assert "t: neither is" in out
    assert "2 labels given, 2 of 3 drawn" in out
    assert "tuned" not in out.replace(DUELS, "")
    kept = read_labels(tmp_path / LABELS)
    assert [each.label for each in kept].count(0.5) == 1


def test_a_snapshot_is_not_judged_by_the_model_it_is_of(tmp_path: Path) -> None:
    with Loopback(longer) as server:
        compared(tmp_path, server)
        evalharness("accept", ".evalharness/runs/made/tuned.jsonl", "-m", "why", "--as", "v1", cwd=tmp_path)
    suite = tmp_path / "made.yaml"
    suite.write_text(suite.read_text().replace(HEAD, f"{HEAD}\nby: tuned"))

    done = evalharness("compare", "made.yaml", "--base", "v1", "--tuned", "base", cwd=tmp_path)

    assert done.status == 2
    assert "made.yaml: `prefer` would have 'v1' judge its own replies ('tuned' is replay:tuned.jsonl)" in done.err
