"""Labels -> a calibration: arithmetic on a label file, kept under version control beside it, found again by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evalharness import store
from evalharness.calibration import MOST_ANCHORS, PAIR, SCHEMA, Anchor, Calibration, Known, Label, Row, side
from evalharness.errors import EvalError, Fault, Faults, StoreError
from evalharness.escape import slug
from evalharness.files import read_text
from evalharness.labelling import FOLDER
from evalharness.records import encode


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What became of a label file. outdated: labels given to another instrument, which do not count."""

    calibration: Calibration
    labels: tuple[Label, ...]
    outdated: int = 0

    @property
    def disagreements(self) -> list[Label]:
        """Replies that people passed and the judge failed, or the other way round; pairs where they prefer another."""
        at = self.calibration.pass_at
        if self.calibration.scale == PAIR:
            return [each for each in self.labels if side(each.label or 0.0) != side(each.grade)]
        return [each for each in self.labels if ((each.label or 0.0) >= at) != (each.grade >= at)]


def calibrated(labels: Sequence[Label]) -> Calibrated:
    """The calibration that these labels of one check make, in the order they were given.

    The instrument is that of the last label: labels of an earlier judge, rubric or scale are left out and counted.
    `EvalError` where there is none, or where they are of several checks.
    """
    if not labels:
        raise EvalError("there is no label in this file", "evalharness label RUN")
    checks = sorted({f"{label.suite}: {label.check}" for label in labels})
    if len(checks) > 1:
        raise EvalError(
            f"these are labels of several checks: {', '.join(checks)}", "calibrate one label file at a time"
        )
    last = labels[-1]
    kept = tuple(label for label in labels if label.instrument == last.instrument)
    rows = tuple(_row(label) for label in kept)
    found = Calibration(
        evalharness=SCHEMA,
        suite=last.suite,
        check=last.check,
        aspect=last.aspect,
        digest=last.instrument,
        judges=last.judges,
        pass_at=last.pass_at,
        rows=rows,
        # Pairs have none: a duel is asked of two runs, and a judge of duels is not looked at again.
        anchors=() if last.beside else tuple(anchors_of(kept)),
        scale=last.scale if last.beside else "",
    )
    return Calibrated(found, kept, len(labels) - len(kept))


def _row(label: Label) -> Row:
    orders = label.beside.orders if label.beside else ()
    return Row(label.arm, label.case, label.sample, label.turn, label.label or 0.0, label.grade, orders)


def anchors_of(labels: Sequence[Label]) -> Iterator[Anchor]:
    """At most twelve conversations to judge again later: half of them passed by their label, half failed, if there are.

    Which ones is chance, but the same in every run; where one kind is short, the other fills up.
    """
    order = sorted(labels, key=lambda label: hashlib.sha256(repr(label.key).encode("utf-8", "replace")).hexdigest())
    passed = [label for label in order if (label.label or 0.0) >= label.pass_at]
    failed = [label for label in order if (label.label or 0.0) < label.pass_at]
    half = MOST_ANCHORS // 2
    some = max(half, MOST_ANCHORS - len(failed))
    chosen = [*passed[:some], *failed[: MOST_ANCHORS - min(len(passed), some)]]
    return (Anchor(each.case, each.turn, each.messages, each.replies, each.label or 0.0, each.grade) for each in chosen)


# --- files ------------------------------------------------------------------------------------------------------------


def calibration_path(baselines: Path, calibration: Calibration) -> Path:
    """Where a calibration is kept: its name tells suite, check and instrument."""
    name = f"{slug(calibration.suite)}-{slug(calibration.check)}-{calibration.digest[:12]}.json"
    return baselines / FOLDER / name


def write(baselines: Path, calibration: Calibration) -> Path:
    """Files a calibration in place of an earlier one of the same instrument; where."""
    path = calibration_path(baselines, calibration)
    store.no_link(path.parent, baselines.parent)
    members = asdict(calibration)
    lines = [f"  {json.dumps(name)}: {_members(value)}" for name, value in members.items()]
    store.write_text(path, iter(["{\n", ",\n".join(lines), "\n}\n"]))
    return path


def _members(value: object) -> str:
    """JSON with a line an item of a list, for readable differences."""
    if isinstance(value, tuple) and value and isinstance(value[0], dict):
        items = ({name: each for name, each in item.items() if each != ()} for item in value)
        return "[\n" + ",\n".join(f"    {encode(item)}" for item in items) + "\n  ]"
    return encode(value)


def read(path: Path) -> Calibration:
    """The calibration in a file; `StoreError` where it is none."""
    from pydantic import TypeAdapter, ValidationError

    hint = "`evalharness judge calibrate LABELS` writes it anew"
    try:
        value = json.loads(read_text(path, str(path)))
        found = TypeAdapter(Calibration).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{path}: this is no calibration: {where}: {first['msg'].lower()}", hint) from None
    except (ValueError, RecursionError):
        raise StoreError(f"{path}: this is no JSON", hint) from None
    if found.evalharness > SCHEMA:
        raise StoreError(f"{path}: written by a newer evalharness (format {found.evalharness})", "update evalharness")
    if any(not 0 <= value <= 1 for row in found.rows for value in (row.label, row.grade)):
        raise StoreError(f"{path}: a label or a grade that does not lie between 0 and 1", hint)
    return found


def shelved(baselines: Path, suite: str | None = None) -> list[tuple[Path, Calibration]]:
    """The calibrations beside the baselines, of one suite where it is named. `Faults` with every file that is none."""
    folder = baselines / FOLDER
    if folder.is_symlink():
        raise StoreError(f"{folder}: a symbolic link, which is not followed", "put a folder in its place")
    found: list[tuple[Path, Calibration]] = []
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.json")):
        if suite is not None and not path.name.startswith(f"{slug(suite)}-"):
            continue
        try:
            found.append((path, read(path)))
        except (StoreError, Faults) as error:
            faults += error.faults if isinstance(error, Faults) else [Fault("", 0, 0, error.what, error.hint)]
    if faults:
        raise Faults(faults)
    return [(path, each) for path, each in found if suite is None or each.suite == suite]


# --- whether the judge is the one it was ------------------------------------------------------------------------------


def look_path(state: Path, digest: str) -> Path:
    """Where the last look at an instrument's anchors is kept; not under version control, it can be had again."""
    return state / "judges" / f"{digest[:12]}.json"


def write_look(state: Path, digest: str, why: str) -> None:
    """Remembers what the last look at the anchors of an instrument said: empty where the judge had not moved."""
    store.write_text(look_path(state, digest), iter([json.dumps({"digest": digest, "moved": why}), "\n"]))


def read_look(state: Path, digest: str) -> str:
    """What it said; empty where nobody looked, or what is there cannot be read: a later look says it again."""
    try:
        value = json.loads(look_path(state, digest).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    why = value.get("moved") if isinstance(value, dict) and value.get("digest") == digest else ""
    return why if isinstance(why, str) else ""


def known(baselines: Path, state: Path, suite: str) -> tuple[Known, ...]:
    """What is known of the instruments of a suite: their calibrations, and whether a judge has moved since."""
    return tuple(Known(each, read_look(state, each.digest)) for _, each in shelved(baselines, suite))
