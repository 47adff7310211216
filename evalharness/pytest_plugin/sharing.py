"""Under xdist: one process asks, the others read the runs it wrote. A lock decides who; it ends with its process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness import snapshots, store
from evalharness.baselines import recall
from evalharness.bench import judges
from evalharness.cache import Cache
from evalharness.config import Config
from evalharness.duelfile import with_duels
from evalharness.errors import EvalError, StoreError
from evalharness.escape import slug
from evalharness.instruments import informed
from evalharness.measure import Arm
from evalharness.suite import Suite

if TYPE_CHECKING:
    from evalharness.pytest_plugin.results import Result
    from evalharness.pytest_plugin.state import Settings


def files(settings: Settings, run: str) -> tuple[Path, Path]:
    """The lock and the list of runs that the processes of one session share. run: xdist's own name for the session."""
    try:
        state = settings.project().state
    except EvalError:  # a broken config is told where a suite is collected
        state = settings.folder / ".evalharness"
    name = slug(f"pytest-{run}")
    return state / f"{name}.lock", state / f"{name}.json"


@dataclass(slots=True)
class Share:
    """What a process found when its turn came.

    runs: where the arms of each suite are; None when nobody has asked. refused: why it could not be asked, and the
    status to end with: what one process was refused, the others do not ask again.
    """

    path: Path
    runs: dict[str, list[tuple[str, str]]] | None = None
    refused: tuple[str, int] | None = None

    def keep(self, results: Mapping[str, Result]) -> None:
        """Says where the runs are: by suite the file of each arm and, of a snapshot, its name."""
        runs = {name: [_entry(arm) for arm in (each.base, each.model) if arm] for name, each in results.items()}
        store.write_text(self.path, iter([json.dumps({"runs": runs})]))

    def refuse(self, error: EvalError) -> None:
        """Says why nothing could be asked."""
        store.write_text(self.path, iter([json.dumps({"refused": [str(error), error.exit_code]})]))


def _entry(arm: Arm) -> tuple[str, str]:
    return str(Path(arm.run.path).absolute()), arm.run.snapshot.name if arm.run.snapshot else ""


@contextmanager
def turn(settings: Settings, run: str) -> Iterator[Share]:
    """Waits until no other process of the session asks."""
    import fcntl

    lock, path = files(settings, run)
    store.safe_folder(lock.parent)
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StoreError(f"{lock}: this file cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
        refused = found.get("refused")
        yield Share(path, found.get("runs"), (str(refused[0]), int(refused[1])) if refused else None)
    finally:
        os.close(descriptor)


def read(share: Share, name: str, suite: Suite, config: Config, judge: str | None) -> tuple[Arm, ...]:
    """The arms of a suite as the process that asked left them. judge: the model that plays `judge`."""
    assert share.runs is not None
    shelf = snapshots.shelf(config.baselines, suite.name)
    panel = judges(suite, config, judge, {})
    with Cache(config.state / "cache") if panel else nullcontext() as cache:
        found = (
            recall(shelf.get(snapshot), suite, panel, cache) if snapshot else Arm.of(store.read(Path(path)))
            for path, snapshot in share.runs[name]
        )
        arms = tuple(informed(arm, config) for arm in found)
    return (arms[0], with_duels(*arms)) if len(arms) == 2 and suite.prefer else arms
