"""From a comparison that a judge decides, over labels, to one that says how far the judge can be trusted."""

import json
from pathlib import Path

from tests.shells.cli import evalharness

SUITE = """\
suite: marv
checks:
  sarcastic: {judge: The reply is sarcastic.}
every: {style: sarcastic}
cases:
  - each: rows.jsonl
    id: "{{ id }}"
    ask: "{{ ask }}"
gate: {style: {drop_at_most: 0.25}}
"""
CONFIG = """\
[models]
base = { use = "replay:base.jsonl" }
tuned = { use = "replay:tuned.jsonl" }
judge = { use = "classifier:voice.jsonl" }
"""
LABELS = "baselines/.judges/marv-sarcastic.labels.jsonl"


def project(folder: Path, cases: int = 40) -> None:
    """A suite, two recorded arms of which every second reply is sarcastic, and a judge that learnt to tell them."""
    (folder / "marv.yaml").write_text(SUITE)
    (folder / "evalharness.toml").write_text(CONFIG)
    ids = [f"c{number}" for number in range(cases)]
    lines(folder / "rows.jsonl", [{"id": name, "ask": f"question {name}"} for name in ids])
    for arm in ("base", "tuned"):
        replies = [reply(number) + f" ({arm}, {name})" for number, name in enumerate(ids)]
        rows = [{"case": name, "sample": 0, "text": text} for name, text in zip(ids, replies, strict=True)]
        lines(folder / f"{arm}.jsonl", rows)
    examples = [{"text": f"{reply(n)} {n}", "label": "no" if n % 2 else "yes"} for n in range(24)]
    lines(folder / "voice.jsonl", [{"question": "The reply is sarcastic."}, *examples])


def reply(number: int) -> str:
    return "The capital is Lima, plain and simple." if number % 2 else "Oh, Lima. Even a goldfish could tell you that."


def lines(path: Path, rows: list[dict[str, str]] | list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def compared(folder: Path) -> tuple[int, str]:
    done = evalharness("compare", "marv.yaml", "--base", "base", "--tuned", "tuned", "--format", "json", cwd=folder)
    return done.status, done.out


def labelled(folder: Path, *, wrong: bool = False) -> None:
    """Labels sixty replies through a spreadsheet: as they are, or all the other way round."""
    runs = [f".evalharness/runs/marv/{arm}.jsonl" for arm in ("base", "tuned")]
    evalharness("label", *runs, "--number", "60", "--export", "out.csv", cwd=folder)
    header, *rows = (folder / "out.csv").read_text().splitlines()
    said = [f"{row}{'y' if ('goldfish' in row) != wrong else 'n'}" for row in rows]
    (folder / "in.csv").write_text("\n".join([header, *said]) + "\n")
    assert evalharness("label", *runs, "--import", "in.csv", cwd=folder).status == 0
    assert evalharness("judge", "calibrate", LABELS, cwd=folder).status == 0


def test_a_judge_is_marked_until_it_is_calibrated_and_then_its_figures_stand_beside(tmp_path: Path) -> None:
    project(tmp_path)
    status, out = compared(tmp_path)
    assert status == 0
    assert "judge not calibrated" in out
    assert "50 labels take ten minutes: evalharness label RUN" in out

    labelled(tmp_path)

    status, out = compared(tmp_path)
    assert status == 0
    assert "not calibrated" not in out
    assert "60 labels: agreement 100.0 % (94.0 to 100.0), kappa 1.00" in " ".join(out.split())


def test_a_judge_that_people_contradict_decides_nothing(tmp_path: Path) -> None:
    project(tmp_path)
    compared(tmp_path)

    labelled(tmp_path, wrong=True)

    status, out = compared(tmp_path)
    assert status == 4
    assert "style undecided: judge failed calibration" in " ".join(out.split())


def test_a_changed_judge_is_one_nobody_has_calibrated(tmp_path: Path) -> None:
    project(tmp_path)
    compared(tmp_path)
    labelled(tmp_path)

    voice = tmp_path / "voice.jsonl"
    voice.write_text(voice.read_text() + json.dumps({"text": "Oh, sure.", "label": "yes"}) + "\n")

    assert "judge not calibrated" in compared(tmp_path)[1]


def test_a_suite_may_refuse_a_judge_nobody_calibrated(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "marv.yaml").write_text(SUITE + "uncalibrated: refuse\n")

    status, out = compared(tmp_path)

    assert status == 4
    assert "style undecided: judge not calibrated" in " ".join(out.split())
