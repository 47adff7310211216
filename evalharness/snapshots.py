"""Baselines: run files that were accepted, under version control, each the successor of the one before.

A suite's snapshots lie in a folder of their own, `baselines/SUITE/NAME.jsonl`: whole run files, replies included, so
that a model that is gone can still be compared against. Each names the digest of its parent, so that the order is
that of acceptance and not of any clock, and so that of two who accept at once the second is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from evalharness import store
from evalharness.errors import EvalError, Fault, Faults, StoreError, UnknownName
from evalharness.escape import slug
from evalharness.records import ModelRef, Run, Snapshot, SuiteRef

BASELINE = "baseline"
"""Stands for the snapshot that was accepted last."""
REFERENCE = "reference"
"""Stands for the snapshot that later ones are read against: the one pinned last, else the first."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True)
class Filed:
    """A snapshot as it lies in its folder; what was said and scored stays in the file."""

    snapshot: Snapshot
    model: ModelRef
    suite: SuiteRef
    path: Path

    @property
    def name(self) -> str:
        """What the snapshot is called on the command line."""
        return self.snapshot.name


@dataclass(frozen=True, slots=True)
class Shelf:
    """The snapshots of one suite in the order of their acceptance."""

    suite: str
    folder: Path
    filed: tuple[Filed, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What can be named: the snapshots, and the two words that stand for one of them."""
        return (BASELINE, REFERENCE, *(each.name for each in self.filed)) if self.filed else ()

    @property
    def baseline(self) -> Filed | None:
        """The snapshot that was accepted last."""
        return self.filed[-1] if self.filed else None

    @property
    def reference(self) -> Filed | None:
        """The snapshot pinned last; the first where none is."""
        pinned = [each for each in self.filed if each.snapshot.pinned]
        return pinned[-1] if pinned else next(iter(self.filed), None)

    def get(self, name: str) -> Filed:
        """The snapshot of that name, or the one that `baseline` or `reference` stands for; `Faults` without one."""
        found = {BASELINE: self.baseline, REFERENCE: self.reference}.get(name)
        found = found or next((each for each in self.filed if each.name == name), None)
        if found is None:
            if not self.filed:
                hint = "accept a run of it first: `evalharness accept RUN -m WHY`"
                raise Faults([Fault(f"suite '{self.suite}'", 0, 0, "there is no baseline yet", hint)])
            raise UnknownName(f"suite '{self.suite}'", "snapshot", name, self.names)
        return found

    def warnings(self) -> Iterator[str]:
        """Where the chain is broken: a parent that was edited or taken away, two snapshots after the same one."""
        digests = {digest(each.path): each for each in self.filed}
        followers: dict[str, list[str]] = {}
        for each in self.filed:
            parent = each.snapshot.parent
            followers.setdefault(parent, []).append(each.name)
            if parent and parent not in digests:
                yield f"'{each.name}' follows a snapshot that was edited or taken away since"
        for parent, names in followers.items():
            if len(names) > 1:
                after = f"'{digests[parent].name}'" if parent in digests else "the same one"
                yield f"{' and '.join(names)} both follow {after}, as after a merge; '{names[-1]}' counts as the later"


def shelf(baselines: Path, suite: str) -> Shelf:
    """The snapshots of a suite; none where it has no folder. `StoreError` for a file there that is no snapshot."""
    folder = baselines / slug(suite)
    filed = []
    for path in sorted(folder.glob("*.jsonl")):
        header = store.read_header(path)
        if header.snapshot is None:
            hint = "baselines are written by `evalharness accept`; move other files elsewhere"
            raise StoreError(f"{path}: a run file that was never accepted", hint)
        if header.suite.name != suite:
            raise StoreError(f"{path}: a snapshot of suite '{header.suite.name}'", f"here lie those of '{suite}'")
        filed.append(Filed(header.snapshot, header.model, header.suite, path))
    order = sorted(filed, key=lambda each: (each.snapshot.place, each.snapshot.accepted, each.name))
    return Shelf(suite, folder, tuple(order))


def shelves(baselines: Path) -> Iterator[Shelf]:
    """The snapshots of every suite that has some, by folder."""
    for folder in sorted(path for path in baselines.glob("*") if path.is_dir()):
        first = next(iter(sorted(folder.glob("*.jsonl"))), None)
        if first is not None:
            yield shelf(baselines, store.read_header(first).suite.name)


def digest(path: Path) -> str:
    """sha256 of a snapshot's file in hexadecimal, the same where a checkout wrote other line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def read(filed: Filed) -> Run:
    """The run that was accepted, its arm called by the snapshot's name."""
    return named(store.read(filed.path))


def named(run: Run) -> Run:
    """The run, and where it is a snapshot with its arm called by the snapshot's name: the model's may be in use."""
    return replace(run, model=replace(run.model, name=run.snapshot.name)) if run.snapshot else run


def accept(before: Shelf, run: Run, snapshot: Snapshot) -> Filed:
    """Files a run as the successor of the last snapshot on the shelf; place and parent are set here.

    before: the shelf as the caller looked at it. Compare-and-swap: `StoreError` where another snapshot was accepted
    since, or the name is taken.
    """
    if not NAME.fullmatch(snapshot.name) or snapshot.name in (BASELINE, REFERENCE):
        hint = "letters, digits, `_`, `.` and `-`, at most 60; `baseline` and `reference` stand for others"
        raise EvalError(f"'{snapshot.name}' is no name for a snapshot", hint)
    store.no_link(before.folder, before.folder.parent.parent)
    store.safe_folder(before.folder)
    with _locked(before.folder):
        present = shelf(before.folder.parent, before.suite)
        if _last(present) != _last(before):
            newest = present.baseline.name if present.baseline else "none"
            what = (
                f"{before.folder}: '{newest}' was accepted in the meantime, so this change was not to the last snapshot"
            )
            raise StoreError(what, "run the same command again and look at the change against it")
        path = before.folder / f"{snapshot.name}.jsonl"
        if path.exists() or path.is_symlink():
            raise StoreError(f"{path}: there is a snapshot of that name", "give another with --as NAME")
        place = present.baseline.snapshot.place + 1 if present.baseline else 1
        snapshot = replace(snapshot, place=place, parent=_last(present))
        written = store.write(path, replace(run, snapshot=snapshot))
    return Filed(snapshot, written.model, written.suite, path)


def _last(of: Shelf) -> str:
    """The digest of the last snapshot's file; empty where there is none."""
    return digest(of.baseline.path) if of.baseline else ""


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps others from accepting into the folder; the lock ends with the process, whatever ends that."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
