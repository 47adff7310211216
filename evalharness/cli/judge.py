"""`judge`: how far a judge agrees with people, and which judges somebody has looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON, config, shown

if TYPE_CHECKING:
    from evalharness.calibrate import Calibrated
    from evalharness.calibration import Calibration, Figures

MOST_LISTED = 20
"""Disagreements that are printed; `--json` has them all."""


@click.group("judge")
def judge_verb() -> None:
    """Say how far a judge agrees with people, and which judges may gate. Nothing is asked."""


@judge_verb.command("calibrate")
@click.argument("labels", type=click.Path(path_type=Path))
@JSON
def calibrate_verb(labels: Path, as_json: bool) -> None:
    """Compare a judge's grades with the labels in LABELS, and keep the result for every comparison to come.

    \b
    evalharness judge calibrate baselines/.judges/marv-sarcastic.labels.jsonl

    Writes a calibration beside the baselines, to commit. Where kappa is below 0.4, or nothing shows that the judge does
    better than a guess, what it grades is INCONCLUSIVE from then on.
    """
    from evalharness.calibrate import calibrated, write
    from evalharness.labelling import read_labels

    settings = config()
    found = calibrated(read_labels(labels))
    path = write(settings.baselines, found.calibration)
    if as_json:
        click.echo(json.dumps({"file": shown(path), **_object(found)}, indent=2))
        return
    for line in _lines(found, shown(labels)):
        click.echo(line)
    click.echo(f"calibration: {shown(path)}   (commit it)")


@judge_verb.command("list")
@JSON
def list_verb(as_json: bool) -> None:
    """Every calibration that is kept, and whether that judge may gate."""
    from evalharness.calibrate import read_look, shelved
    from evalharness.calibration import Known, standing
    from evalharness.escape import one_line, terminal

    settings = config()
    found = shelved(settings.baselines)
    states = [(path, each, standing(Known(each, read_look(settings.state, each.digest)))) for path, each in found]
    if as_json:
        rows = [{**_about(each), "file": shown(path), **asdict(state)} for path, each, state in states]
        click.echo(json.dumps({"calibrations": rows}, indent=2))
        return
    if not states:
        click.echo("no judge was calibrated yet: evalharness label RUN, then evalharness judge calibrate LABELS")
    for path, each, state in states:
        what = state.why or state.state
        name = terminal(one_line(f"{each.suite}: {each.check} by {', '.join(each.judges)}"))
        click.echo(f"{name}: {what}; {len(each.rows)} labels; {shown(path)}")


def _about(each: Calibration) -> dict[str, object]:
    """Which instrument a calibration is of."""
    names = ("suite", "check", "aspect", "digest", "judges", "pass_at")
    return {name: getattr(each, name) for name in names} | {"labels": len(each.rows), "enough": each.enough}


def _object(found: Calibrated) -> dict[str, object]:
    from evalharness.calibration import Known, by_arm, figures, standing, uneven

    each = found.calibration
    arms = by_arm(each)
    return {
        **_about(each),
        "outdated": found.outdated,
        "standing": asdict(standing(Known(each))),
        "figures": _named(figures(each.rows, each.pass_at)),
        "arms": {arm: _named(of) for arm, of in arms.items()},
        "uneven": [str(one) for one in uneven(arms)],
        "disagreements": [
            {"arm": one.arm, "case": one.case, "sample": one.sample, "turn": one.turn}
            | {"label": one.label, "grade": one.grade, "why": one.why}
            for one in found.disagreements
        ],
    }


def _named(found: Figures) -> dict[str, object]:
    """Figures with names for all their parts."""
    parts = {name: getattr(found, name) for name in found.__slots__}
    return {name: value._asdict() if hasattr(value, "_asdict") else value for name, value in parts.items()}


def _lines(found: Calibrated, labels: str) -> Iterator[str]:
    from evalharness.calibration import ENOUGH, Known, by_arm, figures, standing, uneven
    from evalharness.escape import one_line, terminal

    each = found.calibration
    state, arms = standing(Known(each)), by_arm(each)
    yield terminal(one_line(f"{each.suite}: '{each.check}' ({each.aspect}) judged by {', '.join(each.judges)}"))
    yield from _figures(figures(each.rows, each.pass_at))
    if len(arms) > 1:
        for arm, of in arms.items():
            yield f"  {terminal(one_line(arm, 40))}:"
            yield from _figures(of, indent=4)
    for pair in uneven(arms):
        yield f"  ! {terminal(one_line(str(pair)))}: part of a change is the judge's"
    if found.outdated:
        number = "1 label" if found.outdated == 1 else f"{found.outdated:,} labels"
        whose = f"{number} of an earlier judge, rubric or scale in {terminal(labels)}"
        yield f"  ! left out: {whose}; label those replies again"
    if not each.enough:
        yield f"  ! {len(each.rows)} labels, and a calibration takes {ENOUGH}: evalharness label RUN"
    yield from _thin(figures(each.rows, each.pass_at))
    yield from _disagreements(found)
    yield f"{state.state}: {state.why} → {state.remedy}" if state.why else f"{state.state}: it may gate"


def _thin(found: Figures) -> Iterator[str]:
    """Which rate rests on hardly any label."""
    from evalharness.calibration import FEW

    counts = found.counts
    for number, word, rate in ((counts.passes, "pass", "sensitivity"), (counts.fails, "fail", "specificity")):
        if 0 < number < FEW:
            yield f"  ! only {number} labels {word}, and {rate} rests on them: label more, --number {2 * counts.cases}"


def _figures(found: Figures, indent: int = 2) -> Iterator[str]:
    pad, counts = " " * indent, found.counts
    yield f"{pad}{counts.cases:,} labels: {counts.passes:,} pass, {counts.fails:,} fail"
    yield f"{pad}{'':<14}judge passes  judge fails"
    yield f"{pad}{'people pass':<14}{counts.tp:>12}{counts.fn:>13}"
    yield f"{pad}{'people fail':<14}{counts.fp:>12}{counts.tn:>13}"
    for name, rate in (
        ("agreement", found.agreement),
        ("sensitivity", found.sensitivity),
        ("specificity", found.specificity),
    ):
        told = "unknown: no such label" if rate is None else f"{100 * rate.rate:5.1f} %  "
        spread = "" if rate is None else f"({100 * rate.low:.1f} to {100 * rate.high:.1f})"
        yield f"{pad}{name:<14}{told}{spread}"
    spread = f"  ({found.kappa_range.low:.2f} to {found.kappa_range.high:.2f})" if found.kappa_range else ""
    kappa = "unknown: all of one kind" if found.kappa is None else f"{found.kappa:5.2f}{spread}"
    yield f"{pad}{'kappa':<14}{kappa}"
    if found.weighted is not None:
        yield f"{pad}{'weighted':<14}{found.weighted:5.2f}  (kappa of the grades, squared weights)"
    better = found.better
    if better is not None:
        yield f"{pad}{'sens+spec-1':<14}{better.change:5.2f}  ({better.low:.2f} to {better.high:.2f})"


def _disagreements(found: Calibrated) -> Iterator[str]:
    """Replies that people and the judge see differently, so that the rubric can be mended."""
    from evalharness.escape import one_line, terminal

    listed = found.disagreements
    if listed:
        yield f"  people and the judge disagree on {len(listed):,}:"
    for label in listed[:MOST_LISTED]:
        turn = f", turn {label.turn}" if label.turn else ""
        said = f"label {label.label:.2g}, judge {label.grade:.2g}"
        reply = label.messages[label.replies[-1]].content if label.replies else ""
        yield f"    {terminal(one_line(f'{label.case}{turn} ({label.arm}): {said}: {label.why}', 200))}"
        yield f"      {terminal(one_line(reply, 160))}"
    if len(listed) > MOST_LISTED:
        yield f"    and {len(listed) - MOST_LISTED:,} more: --json lists all"
