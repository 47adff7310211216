"""Files of duels: what is written is what is read, and what is no such file is told with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness import duelfile, store
from evalharness.duel import Duel, DuelRun, Vote
from evalharness.errors import StoreError
from evalharness.records import Tally, Usage
from tests import duels, runs
from tests.duels import LOST, WON, duel

TALLY = (("judge", Tally(sent=3, answered=3, usage=Usage(10, 4), usd=0.5)),)
VOTES = (Vote("tuned", "\ud83d half", weights=(0.1, 0.9, 0.0)), Vote(None, "", "it refused"))
DUELS = (
    duel("a", WON),
    Duel("b", 1, "kinder", "judge", VOTES, (3, 4)),
    Duel("c", 0, "kinder", "judge", cause="base was not asked"),
    replace(duel("d", LOST), same=True),
)


def written(path: Path, order: tuple[int, ...] = (0, 1, 2, 3)) -> DuelRun:
    with duelfile.Writer(path, replace(duels.run(DUELS), duels=(), tally=None)) as writer:
        for place in order:
            writer.add(place, DUELS[place])
        return writer.finish(TALLY)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_what_is_written_is_what_is_read_in_the_order_of_the_plan(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = tmp_path / "runs/x.duels.jsonl"

    run = written(path, order)

    assert run == duelfile.read(path)
    assert (run.duels, run.tally, run.path) == (DUELS, TALLY, str(path))
    assert list(path.parent.iterdir()) == [path]


def test_duels_cut_short_are_a_part_without_what_they_took(tmp_path: Path) -> None:
    path = tmp_path / "x.duels.jsonl"

    with duelfile.Writer(path, duels.run(DUELS)) as writer:
        writer.add(0, DUELS[0])
        writer.add(2, DUELS[2])
        run = writer.stop()

    assert not path.exists()
    found = duelfile.read(Path(run.path))
    assert (found.duels, found.tally) == ((DUELS[0], DUELS[2]), None)


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.duels.jsonl"
    written(path)
    text = path.read_bytes()
    path.write_bytes(text[: text.rindex(b'{"duel"') + 20])

    assert duelfile.read(path).duels == DUELS[:3]


@pytest.mark.parametrize(
    ("line", "text", "told"),
    [
        (1, '{"evalharness": 1}', ": these are no duels"),
        (1, '{"duels": 2}', ": written by a newer evalharness (format 2)"),
        (1, '{"duels": 1, "suite": "made"}', ":1: base: Field required"),
        (2, "nonsense", ":2: a line that is no JSON object"),
        (2, '{"trial": {}}', ":2: neither a duel nor a tally"),
        (2, '{"duel": {"case": "a"}}', ":2: sample: Field required"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_line(tmp_path: Path, line: int, text: str, told: str) -> None:
    path = tmp_path / "x.duels.jsonl"
    written(path)
    lines = path.read_text().split("\n")
    lines[line - 1] = text
    path.write_text("\n".join(lines))

    with pytest.raises(StoreError) as error:
        duelfile.read(path)

    assert error.value.what == f"{path}{told}"
    assert error.value.hint


def test_a_file_is_named_after_the_runs_it_is_about() -> None:
    base, tuned = (replace(runs.run([1.0]), path=f"runs/made/{name}") for name in ("base.jsonl", "a-b.jsonl.part"))

    assert duelfile.path_for(base, tuned) == Path("runs/made/base-vs-a-b.duels.jsonl")


def test_a_run_file_is_not_taken_for_duels_nor_duels_for_a_run(tmp_path: Path) -> None:
    path = tmp_path / "x.duels.jsonl"
    written(path)

    with pytest.raises(StoreError, match="this is no run file"):
        store.read(path)
