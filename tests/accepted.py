"""Runs made by hand, filed as baselines."""

from __future__ import annotations

from pathlib import Path

from evalharness import snapshots
from evalharness.records import Run, Snapshot
from evalharness.snapshots import Filed

DAY = "2026-11-26T10:00:00+00:00"


def snapshot(name: str, *, at: str = DAY, pinned: bool = False) -> Snapshot:
    """What says that a run was accepted; place and parent are set when it is filed."""
    return Snapshot(name, 0, "", at, "a reason", pinned, "0.1.0")


def filed(baselines: Path, run: Run, name: str, *, at: str = DAY, pinned: bool = False) -> Filed:
    """The run as the successor of the last snapshot of its suite."""
    return snapshots.accept(snapshots.shelf(baselines, run.suite.name), run, snapshot(name, at=at, pinned=pinned))
