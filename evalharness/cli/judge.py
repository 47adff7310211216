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
    from evalharness.calibration import Calibration, Figures, Label, PairFigures
    from evalharness.stats.agreement import Rate
    from evalharness.stats.intervals import Interval

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
    from evalharness.calibration import PAIR, Known, by_arm, figures, pair_figures, standing, uneven

    each = found.calibration
    arms = by_arm(each)
    pairs = each.scale == PAIR
    return {
        **_about(each),
        "outdated": found.outdated,
        "standing": asdict(standing(Known(each))),
        "figures": _named(pair_figures(each.rows) if pairs else figures(each.rows, each.pass_at)),
        "arms": {arm: _named(of) for arm, of in arms.items()},
        "uneven": [str(one) for one in uneven(arms)],
        "disagreements": [
            {"arm": one.arm, "case": one.case, "sample": one.sample, "turn": one.turn}
            | {"label": one.label, "grade": one.grade, "why": one.why}
            for one in found.disagreements
        ],
    }


def _named(found: Figures | PairFigures) -> dict[str, object]:
    """Figures with names for all their parts."""
    parts = {name: getattr(found, name) for name in found.__slots__}
    return {name: _plain(value) for name, value in parts.items()}


def _plain(value: object) -> object:
    from evalharness.calibration import Figures
    from evalharness.standings import Estimated

    if isinstance(value, Figures):
        return _named(value)
    if isinstance(value, Estimated):
        return asdict(value)
    return value._asdict() if hasattr(value, "_asdict") else value


def _lines(found: Calibrated, labels: str) -> Iterator[str]:
    from evalharness.calibration import ENOUGH, PAIR, Known, by_arm, figures, standing, uneven
    from evalharness.escape import one_line, terminal

    each = found.calibration
    state, arms = standing(Known(each)), by_arm(each)
    yield terminal(one_line(f"{each.suite}: '{each.check}' ({each.aspect}) judged by {', '.join(each.judges)}"))
    pairs = each.scale == PAIR
    yield from _of_pairs(each) if pairs else _figures(figures(each.rows, each.pass_at))
    if len(arms) > 1 and not pairs:
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
        what = "DUELS" if pairs else "RUN"
        yield f"  ! {len(each.rows)} labels, and a calibration takes {ENOUGH}: evalharness label {what}"
    yield from () if pairs else _thin(figures(each.rows, each.pass_at))
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
        yield f"{pad}{name:<14}{_share(rate)}"
    yield f"{pad}{'kappa':<14}{_kappa(found.kappa, found.kappa_range)}"
    if found.weighted is not None:
        yield f"{pad}{'weighted':<14}{found.weighted:5.2f}  (kappa of the grades, squared weights)"
    better = found.better
    if better is not None:
        yield f"{pad}{'sens+spec-1':<14}{better.change:5.2f}  ({better.low:.2f} to {better.high:.2f})"


def _of_pairs(each: Calibration) -> Iterator[str]:
    """The same of a judge of pairs."""
    from evalharness.calibration import SIDES, pair_figures

    found = pair_figures(each.rows)
    people = (f"{sum(row):,} {side}" for side, row in zip(SIDES, found.counts, strict=True))
    yield f"  {len(each.rows):,} labels: {', '.join(people)}"
    yield f"  {'':<14}{''.join(f'judge {side}'.rjust(13) for side in SIDES)}"
    for side, row in zip(SIDES, found.counts, strict=True):
        yield f"  {f'people {side}':<14}{''.join(f'{number:>13}' for number in row)}"
    yield f"  {'agreement':<14}{_share(found.agreement)}"
    if found.accuracy is not None:
        right = found.accuracy
        spread = f"({100 * right.low:.1f} to {100 * right.high:.1f})"
        yield f"  {'accuracy':<14}{100 * right.value:5.1f} %  {spread}  (where people prefer one; a tie is half)"
    yield f"  {'kappa':<14}{_kappa(found.kappa, found.kappa_range)}"
    yield f"  {'consistent':<14}{_share(found.consistent)}  (no winner that the other order contradicts)"
    both = found.decided
    yield f"  where neither says tie, {both.counts.cases:,} labels:"
    for name, rate in (("tuned is seen", both.sensitivity), ("base is seen", both.specificity)):
        yield f"    {name:<14}{_share(rate)}"
    yield f"    {'kappa':<14}{_kappa(both.kappa, both.kappa_range)}"
    if both.better is not None:
        yield f"    {'sum minus 1':<14}{both.better.change:5.2f}  ({both.better.low:.2f} to {both.better.high:.2f})"


def _share(rate: Rate | None) -> str:
    if rate is None:
        return "unknown: no such label"
    return f"{100 * rate.rate:5.1f} %  ({100 * rate.low:.1f} to {100 * rate.high:.1f})"


def _kappa(value: float | None, spread: Interval | None) -> str:
    if value is None:
        return "unknown: all of one kind"
    return f"{value:5.2f}" + (f"  ({spread.low:.2f} to {spread.high:.2f})" if spread else "")


def _disagreements(found: Calibrated) -> Iterator[str]:
    """Replies that people and the judge see differently, so that the rubric can be mended."""
    from evalharness.escape import one_line, terminal

    listed = found.disagreements
    if listed:
        yield f"  people and the judge disagree on {len(listed):,}:"
    for label in listed[:MOST_LISTED]:
        turn = f", turn {label.turn}" if label.turn else ""
        said = f"label {_word(label, label.label)}, judge {_word(label, label.grade)}"
        yield f"    {terminal(one_line(f'{label.case}{turn} ({label.arm}): {said}: {label.why}', 200))}"
        for reply in _replies(label):
            yield f"      {terminal(one_line(reply, 160))}"
    if len(listed) > MOST_LISTED:
        yield f"    and {len(listed) - MOST_LISTED:,} more: --json lists all"


def _word(label: Label, value: float | None) -> str:
    from evalharness.calibration import side

    return side(value or 0.0) if label.beside is not None else f"{value or 0.0:.2g}"


def _replies(label: Label) -> Iterator[str]:
    """The last reply, or the last of both arms."""
    sides = [(label.messages, label.replies)]
    if label.beside is not None:
        sides.append((label.beside.messages, label.beside.replies))
    for name, (messages, replies) in zip(("base: ", "tuned: ") if label.beside else ("",), sides, strict=True):
        yield f"{name}{messages[replies[-1]].content if replies else ''}"
