"""Accepted runs made by hand: what histories are tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalharness import snapshots
from evalharness.history import History, Track, chart
from evalharness.measure import Arm
from evalharness.records import Asked, Run, Snapshot, SuiteRef
from tests import runs

SUITE = SuiteRef("made", "suites/made.yaml", "a" * 64, judges=(runs.judged("judge"),))


def snapshot(name: str, *, pinned: bool = False, why: str = "monthly") -> Snapshot:
    """A snapshot that was accepted on the first of the month it is called by."""
    return Snapshot(name, 0, "", f"{name[:7]}-01T09:00:00+00:00", why, pinned=pinned)


def month(place: int) -> str:
    """`2026-01` for 0, and so on, into the years after."""
    return f"{2026 + place // 12}-{place % 12 + 1:02d}"


def scored(wrong: int, cases: int = 200, *, suite: SuiteRef = SUITE) -> Run:
    """A run with one aspect, `facts`, the first so many cases of it wrong."""
    return runs.run([0.0] * wrong + [1.0] * (cases - wrong), suite=suite)


def arms(made: Sequence[Run], *, pinned: int | None = None) -> list[Arm]:
    """These runs as accepted in this order, a month apart."""
    return [
        Arm.of(replace(run, snapshot=snapshot(month(place), pinned=place == pinned))) for place, run in enumerate(made)
    ]


def charted(made: Sequence[Run], *, pinned: int | None = None, reference: str = "") -> History:
    """The history of these runs."""
    return chart("made", arms(made, pinned=pinned), reference=reference)


def only(history: History) -> Track:
    """The one aspect of the one series."""
    (series,) = history.series
    (track,) = series.tracks
    return track


def accept(folder: Path, made: Sequence[Run], *, pinned: int | None = None) -> None:
    """Files these runs as baselines, a month apart."""
    for place, run in enumerate(made):
        shelf = snapshots.shelf(folder / "baselines", run.suite.name)
        snapshots.accept(shelf, run, snapshot(month(place), pinned=place == pinned))


def reordered(run: Run, order: Sequence[int]) -> Run:
    """The same run with its cases, and the trials of each, in another order."""
    cases: tuple[Asked, ...] = tuple(run.cases[place] for place in order)
    trials = tuple(trial for asked in cases for trial in reversed(run.trials) if trial.conversation.case == asked.case)
    return replace(run, cases=cases, trials=trials)
