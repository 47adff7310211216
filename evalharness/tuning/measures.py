"""What a tune tells of itself: events with figures, a file of figures, and what they say about which step to keep."""

from __future__ import annotations

import base64
import binascii
import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalharness.escape import one_line
from evalharness.records import Payload
from evalharness.tuning.state import Checkpoint

STEP = re.compile(
    r"Step (\d{1,9})(?:/(\d{1,9}))?: training loss=([0-9.eE+-]{1,30})(?:, validation loss=([0-9.eE+-]{1,30}))?"
)
LONGEST = 500
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a step. train, valid: loss, in nats a token. of: how many steps there will be, 0 if unknown."""

    step: int
    train: float | None
    valid: float | None = None
    of: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something a server says of a job; at: seconds since 1970."""

    id: str
    at: int
    level: str
    message: str
    measured: Measured | None = None


def event(payload: Payload) -> Event:
    """An event as it came; its figures come from its data, and from its words only where it has none."""
    data, message = payload.get("data"), _text(payload.get("message"))
    measured = _from_data(data) if isinstance(data, dict) else None
    return Event(
        _text(payload.get("id")),
        _count(payload.get("created_at")),
        _text(payload.get("level")) or "info",
        message,
        measured or _from_words(message),
    )


def _from_data(data: Payload) -> Measured | None:
    step = _count(data.get("step"))
    train = _figure(data.get("train_loss"))
    valid = _figure(data.get("valid_loss"))
    if valid is None:
        valid = _figure(data.get("full_valid_loss"))
    if not step or (train is None and valid is None):
        return None
    return Measured(step, train, valid, _count(data.get("total_steps")))


def _from_words(message: str) -> Measured | None:
    found = STEP.match(message)
    if not found:
        return None
    return Measured(int(found[1]), _figure(found[3]), _figure(found[4]), int(found[2] or 0))


def result_rows(content: bytes) -> tuple[Measured, ...]:
    """The figures of a result file: CSV, or CSV in base64, as some were given; no row where it is neither."""
    text = content.decode("utf-8", "replace")
    if not text.startswith("step"):
        try:
            text = base64.b64decode(content, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ()
    rows: list[Measured] = []
    try:
        for row in csv.DictReader(text.split("\n")):
            step = _count(_figure(row.get("step")))
            valid = _figure(row.get("valid_loss"))
            if valid is None:
                valid = _figure(row.get("full_valid_loss"))
            if step and len(rows) < MOST_ROWS:
                rows.append(Measured(step, _figure(row.get("train_loss")), valid))
    except csv.Error:
        return ()
    return tuple(rows)


def checkpoint(payload: Payload) -> Checkpoint | None:
    """A checkpoint as it came; None where it names no model or no step."""
    model, step = payload.get("fine_tuned_model_checkpoint"), _count(payload.get("step_number"))
    metrics = payload.get("metrics")
    figures = metrics if isinstance(metrics, dict) else {}
    if not isinstance(model, str) or not model or not step:
        return None
    valid = _figure(figures.get("full_valid_loss"))
    if valid is None:
        valid = _figure(figures.get("valid_loss"))
    return Checkpoint(step, model[:LONGEST], _figure(figures.get("train_loss")), valid)


def merged(known: Sequence[Measured], more: Iterable[Measured]) -> tuple[Measured, ...]:
    """Figures by step, the later ones over the earlier."""
    found = {measured.step: measured for measured in (*known, *more)}
    return tuple(found[step] for step in sorted(found))


def overfit(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """The checkpoint to look at where the last one knows its training file too well: validation loss was lowest there,
    and is at least a tenth higher at the end."""
    measured = [point for point in checkpoints if point.valid_loss is not None]
    if len(measured) < 2:
        return None
    ordered = sorted(measured, key=lambda point: point.step)
    best = min(ordered, key=lambda point: point.valid_loss or 0.0)
    last = ordered[-1]
    if best.valid_loss is None or last.valid_loss is None or last.valid_loss < RISEN * best.valid_loss:
        return None
    return best if best is not last else None


RISEN = 1.1


def _figure(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**53 else 0


def _text(value: object) -> str:
    return one_line(value, LONGEST) if isinstance(value, str) else ""
