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
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalharness import store
from evalharness.errors import EvalError, Fault, Faults, StoreError, UnknownName
from evalharness.escape import slug
from evalharness.files import quoted
from evalharness.records import ModelRef, Run, Snapshot, SuiteRef

BASELINE = "baseline"
"""Stands for the snapshot that was accepted last."""
REFERENCE = "reference"
"""Stands for the snapshot that later ones are read against: the one pinned last, else the first."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
MOVE = "baselines are written by `evalharness accept`: move other files elsewhere, or get this one back with git"


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
    """The snapshots of one suite in the order of their acceptance.

    last: digest of the last one's file when it was looked at; empty where there is none.
    """

    suite: str
    folder: Path
    filed: tuple[Filed, ...]
    last: str = ""

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
        followers: defaultdict[str, list[str]] = defaultdict(list)
        for each in self.filed:
            parent = each.snapshot.parent
            followers[parent].append(each.name)
            if parent and parent not in digests:
                yield f"'{each.name}' follows a snapshot that was edited or taken away since"
        for parent, names in followers.items():
            if len(names) > 1:
                after = f"follow '{digests[parent].name}'" if parent in digests else "follow one that is gone"
                which = f"{', '.join(names[:-1])} and {names[-1]} {'both' if len(names) == 2 else 'all'}"
                what = f"{which} {after if parent else 'are the first'}, as after a merge"
                yield f"{what}; '{names[-1]}' counts as the latest of them"


def shelf(baselines: Path, suite: str) -> Shelf:
    """The snapshots of a suite; none where it has no folder. `StoreError` for a file there that is no snapshot."""
    folder = baselines / slug(suite)
    store.no_link(folder, baselines.parent)
    filed = [_filed(path, suite) for path in sorted(folder.glob("*.jsonl"))]
    order = sorted(filed, key=lambda each: (each.snapshot.place, each.snapshot.accepted, each.name))
    return Shelf(suite, folder, tuple(order), digest(order[-1].path) if order else "")


def _filed(path: Path, suite: str) -> Filed:
    """The snapshot in a file that stands among those of a suite."""
    header = _header(path)
    if header.suite.name != suite:
        raise StoreError(f"{path}: a snapshot of suite {quoted(header.suite.name)}", f"here lie those of '{suite}'")
    snapshot = header.snapshot
    if snapshot is None:
        raise StoreError(f"{path}: a run file that was never accepted", MOVE)
    if snapshot.name != path.stem or not NAME.fullmatch(path.stem):
        what = f"{path}: the file says that it is called {quoted(snapshot.name)}"
        raise StoreError(what, "give the file that name again; `accept FILE --as NAME` makes a copy")
    return Filed(snapshot, header.model, header.suite, path)


def _header(path: Path) -> store.Header:
    if path.is_symlink() or not path.is_file():
        raise StoreError(f"{path}: a link, or no regular file", "links are not followed: put the file itself there")
    try:
        return store.read_header(path)
    except StoreError as error:
        raise StoreError(error.what, MOVE) from None


def shelves(baselines: Path) -> Iterator[Shelf]:
    """The snapshots of every suite that has some, by folder."""
    return (found for folder in _folders(baselines) if (found := _shelf_in(folder)))


def _folders(baselines: Path) -> Iterator[Path]:
    return (path for path in sorted(baselines.glob("*")) if path.is_dir() and not path.name.startswith("."))


def _shelf_in(folder: Path) -> Shelf | None:
    first = next(iter(sorted(folder.glob("*.jsonl"))), None)
    if first is None:
        return None
    suite = _header(first).suite.name
    if slug(suite) != folder.name:
        raise StoreError(f"{first}: a snapshot of suite {quoted(suite)}", f"its folder is baselines/{slug(suite)}/")
    return shelf(folder.parent, suite)


def unused(baselines: Path, suites: Collection[str], folders: Sequence[Path]) -> Iterator[Fault]:
    """A fault for each folder of baselines that no suite belongs to, or that cannot be read.

    suites: the names of all suites in `folders`. A baseline whose suite has its file elsewhere is none of theirs.
    """
    for folder in _folders(baselines):
        try:
            found = _shelf_in(folder)
        except StoreError as error:
            yield Fault("", 0, 0, error.what, error.hint)
            continue
        if found is None or found.suite in suites or _elsewhere(found, baselines.parent, folders):
            continue
        count = "1 snapshot" if len(found.filed) == 1 else f"{len(found.filed)} snapshots"
        what = f"{count} of suite {quoted(found.suite)}, and there is no such suite"
        hint = "remove the folder with git, or give the suite that name again"
        yield Fault(os.path.relpath(folder), 0, 0, what, hint)


def _elsewhere(found: Shelf, root: Path, folders: Sequence[Path]) -> bool:
    """Whether the suite still has the file that was accepted last, and it lies in none of the folders."""
    file = root / found.filed[-1].suite.path
    return file.is_file() and not any(file.resolve().is_relative_to(folder.resolve()) for folder in folders)


def digest(path: Path) -> str:
    """sha256 of a snapshot's file in hexadecimal, the same where a checkout wrote other line ends."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            found.update(line[:-2] + b"\n" if line.endswith(b"\r\n") else line)
    return found.hexdigest()


def read(filed: Filed) -> Run:
    """The run that was accepted, its arm called by the snapshot's name."""
    return named(store.read(filed.path))


def named(run: Run) -> Run:
    """The run, and where it is a snapshot with its arm called by the snapshot's name: the model's may be in use."""
    return replace(run, model=replace(run.model, name=run.snapshot.name)) if run.snapshot else run


def fit(name: str) -> str:
    """The name, where a snapshot may bear it; `EvalError` where not."""
    if not NAME.fullmatch(name) or name in (BASELINE, REFERENCE):
        hint = "letters, digits, `_`, `.` and `-`, at most 60; `baseline` and `reference` stand for others"
        raise EvalError(f"{quoted(name)} is no name for a snapshot", hint)
    return name


def accept(before: Shelf, run: Run, snapshot: Snapshot) -> Filed:
    """Files a run as the successor of the last snapshot on the shelf; place and parent are set here.

    before: the shelf as the caller looked at it. Compare-and-swap: `StoreError` where another snapshot was accepted
    since, or the last one was changed, or the name is taken.
    """
    path = before.folder / f"{fit(snapshot.name)}.jsonl"
    store.no_link(before.folder, before.folder.parent.parent)
    store.safe_folder(before.folder)
    with _locked(before.folder):
        present = shelf(before.folder.parent, before.suite)
        if present.last != before.last:
            raise StoreError(_overtaken(before, present), "run the same command again and look at the change anew")
        if path.exists() or path.is_symlink():
            raise StoreError(f"{path}: there is a snapshot of that name", "give another with --as NAME")
        place = present.baseline.snapshot.place + 1 if present.baseline else 1
        snapshot = replace(snapshot, place=place, parent=present.last)
        try:
            written = store.write(path, replace(run, snapshot=snapshot))
        finally:
            _tidied(before.folder)
    return Filed(snapshot, written.model, written.suite, path)


def _overtaken(before: Shelf, present: Shelf) -> str:
    """What happened to the last snapshot since it was looked at."""
    newest = present.baseline
    if newest is None or newest.name in before.names:
        return f"{before.folder}: the last snapshot was changed or taken away in the meantime"
    return f"{before.folder}: '{newest.name}' was accepted in the meantime, so this change was not to the last snapshot"


def _tidied(folder: Path) -> None:
    """Takes away what a write that failed or was killed has left: the folder is one to commit."""
    for part in folder.glob("*.jsonl*.part"):
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps others from accepting into the folder; the lock ends with the process, whatever ends that."""
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise store.not_written(folder, error) from None
    try:
        with contextlib.suppress(OSError):  # a file system without locks: the digest is looked at all the same
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
