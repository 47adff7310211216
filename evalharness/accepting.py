"""Makes a run the baseline of its suite: looks at what changed since the last one, then files it beside that."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evalharness import snapshots, store
from evalharness.baselines import recall
from evalharness.compare import compare_all, incomplete
from evalharness.config import Config
from evalharness.duelfile import with_duels
from evalharness.errors import EvalError, Faults, StoreError
from evalharness.escape import slug
from evalharness.findings import Panel
from evalharness.harness import version
from evalharness.instruments import informed
from evalharness.measure import Arm
from evalharness.records import Run, Snapshot
from evalharness.registry import load_files
from evalharness.snapshots import Filed, Shelf
from evalharness.suite import Suite
from evalharness.suite import load as load_suite


@dataclass(frozen=True, slots=True)
class Review:
    """A run that may become a baseline, the snapshots before it, and how it differs from the last of them.

    change: None where it would be the first. missing: whether answers are missing from the run.
    """

    run: Run
    shelf: Shelf
    change: Panel | None
    missing: bool


def review(path: Path, config: Config) -> Review:
    """Looks at a run before it is accepted.

    Raises `StoreError` for what can be no baseline: a selection of the cases, or a run that was cut short.
    """
    run = store.read(path)
    if run.suite.selected:
        what = f"{path}: a selection of the cases ({' '.join(run.suite.selected)}) is no baseline"
        raise StoreError(what, "run the whole suite, then accept that run")
    if run.tally is None:
        raise StoreError(f"{path}: this run was cut short", "run the suite again; it asks only what is missing")
    shelf = snapshots.shelf(config.baselines, run.suite.name)
    arm = informed(Arm.of(replace(run, snapshot=None)), config)
    change = None
    if shelf.baseline is not None:
        base = _as_today(shelf.baseline, run, config)
        change = compare_all([(base, with_duels(base, arm))], version=version())
    return Review(run, shelf, change, incomplete(arm))


def _as_today(baseline: Filed, run: Run, config: Config) -> Arm:
    """The last snapshot, graded as the run was where the suite that graded it is at hand; else as it is stored."""
    load_files(tuple(config.folder / path for path in config.scorers))
    for path in (Path(run.suite.path), config.folder / run.suite.path):  # a run of a subfolder, or of the project's
        suite = _suite(path)
        if suite is not None and suite.hash == run.suite.hash and suite.name == run.suite.name:
            return recall(baseline, suite, asked=run.suite.judges)
    return Arm.of(snapshots.read(baseline))


def _suite(path: Path) -> Suite | None:
    try:
        return load_suite(path)
    except Faults:
        return None


def reason(why: str) -> str:
    """Why a run is accepted; `EvalError` where nothing is said."""
    if not why.strip():
        raise EvalError("a baseline needs a reason", "say in a few words why this is the new state: -m WHY")
    return why.strip()


def named(reviewed: Review, name: str | None, config: Config) -> str:
    """What the run will be called: the name, else one made of the model's name and the day of the run.

    Raises `EvalError` for a name that no snapshot may have, or that is a model's; `StoreError` where it is taken.
    """
    chosen = snapshots.fit(name or _name(reviewed, config))
    hint = "give another with --as NAME"
    if chosen in config.models:
        raise EvalError(f"'{chosen}' is a model of the config, and names are looked up there first", hint)
    if chosen in reviewed.shelf.names:
        what = f"{reviewed.shelf.get(chosen).path}: there is a snapshot of that name"
        raise StoreError(what, hint)
    return chosen


def accept(reviewed: Review, name: str | None, why: str, config: Config, *, pinned: bool = False) -> Filed:
    """Files the run in `baselines/SUITE/NAME.jsonl` as the successor of the snapshot it was reviewed against.

    name: see `named`. Raises `StoreError` where somebody else has accepted another run since the review.
    """
    why = reason(why)
    run = reviewed.run
    now = datetime.now(UTC).isoformat(timespec="seconds")
    snapshot = Snapshot(named(reviewed, name, config), 0, "", now, why, pinned, version())
    suite = replace(run.suite, path=_inside(run.suite.path, config.folder))
    return snapshots.accept(reviewed.shelf, replace(run, suite=suite), snapshot)


def _name(reviewed: Review, config: Config) -> str:
    """`tuned-2026-11-26`; with a number where that is taken."""
    run = reviewed.run
    first = f"{slug(run.model.name)[:44].rstrip('-.')}-{run.began[:10]}"
    taken = {*reviewed.shelf.names, *config.models}
    return next(name for name in (first, *(f"{first}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _inside(path: str, root: Path) -> str:
    """The path from the project's folder; of one that lies elsewhere its name only, since baselines are published."""
    near = os.path.relpath(path, root)
    return os.path.basename(path) if near.split(os.sep)[0] == os.pardir else near.replace(os.sep, "/")
