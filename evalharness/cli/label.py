"""`label`: show replies of runs without their arm and grade, and keep what a person says of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from evalharness.cli.options import config, shown
from evalharness.errors import EvalError, Faults
from evalharness.phrases import counted

if TYPE_CHECKING:
    from evalharness.calibration import Label
    from evalharness.config import Config
    from evalharness.records import Instrument, Run

Screen: TypeAlias = Callable[[str], None]
"""Takes text to show, foreign text already made harmless."""
Keep: TypeAlias = "Callable[[Label], None]"
"""Makes a label durable; one whose label is None takes the last one of that reply back."""

HELP = """\
{answers}: your answer    u: undo the last one    s: skip, it is shown again another time    q: stop, all is kept
Judge the reply by the rubric alone, as you would have the judge do it. You are not told which model wrote it, nor what
the judge said of it.
"""


PAIR_HELP = """\
1 or 2: this reply is better    t: neither is    u: undo the last one    s: skip    q: stop, all is kept
Judge by the criterion alone, as you would have the judge do it, not by length nor by which stands first. You are not
told which model wrote which, nor what the judge said; the order is drawn anew for each pair.
"""


@dataclass(frozen=True, slots=True)
class How:
    """What the options of `label` say."""

    check: str | None = None
    number: int = 50
    seed: int = 0
    export_to: Path | None = None
    import_from: Path | None = None


@click.command("label")
@click.argument("files", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", metavar="NAME", help="The check to label, where several ask a judge.")
@click.option("--number", type=click.IntRange(1), default=50, show_default=True, help="So many labels in all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw.")
@click.option("--export", "export_to", metavar="FILE.csv", type=click.Path(path_type=Path), help="For a spreadsheet.")
@click.option(
    "--import", "import_from", metavar="FILE.csv", type=click.Path(path_type=Path), help="From one, filled in."
)
def label_verb(
    files: tuple[Path, ...], check: str | None, number: int, seed: int, export_to: Path | None, import_from: Path | None
) -> None:
    """Label replies of RUNs that a judge graded, one key each, without seeing who wrote them or what the judge said. Or
    which of two replies is better, where RUN is a file of duels.

    \b
    evalharness label .evalharness/runs/marv/base.jsonl .evalharness/runs/marv/tuned.jsonl
    evalharness judge calibrate baselines/.judges/marv-sarcastic.labels.jsonl
    evalharness label .evalharness/runs/marv/base-vs-tuned.duels.jsonl

    Every answer is kept at once, in a file to commit below baselines/.judges/; the same command goes on where you
    stopped. Replies are drawn at random, as many of each run's model.
    """
    how = How(check, number, seed, export_to, import_from)
    work = _prepared(files, how)
    if how.export_to is not None:
        _export(work, how.export_to)
    elif how.import_from is not None:
        _import(work, how.import_from)
    else:
        _label(work)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be labelled. found: every graded reply, or pair of replies, as noun says; due: those drawn without a
    label; done: labels there are."""

    path: Path
    root: Path
    found: tuple[Label, ...]
    due: tuple[Label, ...]
    done: int
    unknown: int
    noun: str = "replies"

    @property
    def keep(self) -> Keep:
        """Adds a label to the file."""
        from evalharness.labelling import add_label

        return lambda label: add_label(self.path, label, self.root)


def _prepared(files: Sequence[Path], how: How) -> Work:
    from evalharness.labelling import drawn, label_path, read_labels
    from evalharness.pairing import is_duels

    settings = config()
    duels = [path for path in files if is_duels(path)]
    runs = [path for path in files if path not in duels]
    found, unknown = _pairs(duels, runs, how, settings) if duels else _replies(runs, how, settings)
    path = label_path(settings.baselines, found[0].suite, found[0].check)
    labelled = {label.key for label in read_labels(path)} if path.is_file() else set()
    chosen = drawn(found, how.number, how.seed)
    due = tuple(label for label in chosen if label.key not in labelled)
    done = len(labelled & {label.key for label in found})
    return Work(path, settings.folder, tuple(found), due, done, unknown, "pairs" if duels else "replies")


def _replies(runs: Sequence[Path], how: How, settings: Config) -> tuple[list[Label], int]:
    """The replies of runs that a check's judge graded, and how many it could not grade."""
    from evalharness import snapshots, store
    from evalharness.labelling import candidates, instrument_of

    read = [snapshots.named(store.read(path)) for path in runs]
    instrument = instrument_of(read, how.check)
    found, unknown = candidates(read, instrument, _rubrics(read[0], instrument, settings))
    if not found:
        hint = "a run is graded when it is asked: `evalharness run`, or `rescore` for stored replies"
        raise EvalError(f"the judge of '{instrument.check}' graded no reply of these runs", hint)
    return found, unknown


def _pairs(duels: Sequence[Path], runs: Sequence[Path], how: How, settings: Config) -> tuple[list[Label], int]:
    """The same of the pairs of replies in files of duels. runs: where what was said lies, looked for where none."""
    from evalharness import duelfile
    from evalharness.pairing import arms, candidates, instrument_of

    read = [duelfile.read(path) for path in duels]
    instrument = instrument_of(read, how.check)
    parts = [candidates(run, *arms(run, runs, settings.baselines), instrument) for run in read]
    found = {label.key: label for labels, _ in parts for label in labels}
    if not found:
        hint = "pairs of one text are ties that nobody judges, and those without a verdict cannot be labelled"
        raise EvalError(f"these duels hold no pair with a verdict of '{instrument.check}'", hint)
    return list(found.values()), sum(unknown for _, unknown in parts)


def _rubrics(run: Run, instrument: Instrument, settings: Config) -> dict[str, str]:
    """What the suite asks of each case, where it has not changed since; rows of data may fill a rubric."""
    from evalharness.registry import load_files
    from evalharness.scorers.base import judging
    from evalharness.suite import load

    load_files(tuple(settings.folder / path for path in settings.scorers))
    for path in (Path(run.suite.path), settings.folder / run.suite.path):
        try:
            suite = load(path)
        except Faults:
            continue
        if suite.hash == run.suite.hash:
            return {
                case.id: "\n".join(rubric for _, rubric in (each.measures() for each in judging(check.scorer)))
                for case in suite.cases
                for check in case.checks
                if (check.name, check.aspect) == (instrument.check, instrument.aspect)
            }
    return {}


def _export(work: Work, path: Path) -> None:
    from evalharness.labelling import export_csv

    if path.exists():
        raise EvalError(f"{path}: there is such a file, and it may hold labels", "give another name")
    export_csv(path, work.due)
    click.echo(f"{shown(path)}: {len(work.due):,} {work.noun}; write your answers into the column `label`, then")
    files = "DUELS" if work.noun == "pairs" else "RUN..."
    click.echo(f"next: evalharness label {files} --import {shown(path)}")


def _import(work: Work, path: Path) -> None:
    from evalharness.labelling import import_csv

    filled = import_csv(path, work.found)
    for label in filled:
        work.keep(label)
    click.echo(f"{len(filled):,} labels added to {shown(work.path)}   (commit it)")
    click.echo(f"next: evalharness judge calibrate {shown(work.path)}")


def _label(work: Work) -> None:
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        hint = "label in a spreadsheet: --export FILE.csv, then --import FILE.csv"
        raise EvalError("labels are asked for on a terminal, and this is none", hint)
    if not work.due:
        click.echo(f"{work.done:,} labels, nothing left to label; a larger --number draws more, where there are more")
        return
    with _keyboard() as keys:
        given = labelled(work.due, keys, work.keep, screen=lambda text: click.echo(text, nl=False))
    now, drawn = work.done + given, work.done + len(work.due)
    click.echo(f"\n{counted(given, 'label')} given, {now:,} of {drawn:,} drawn: {shown(work.path)}   (commit it)")
    if work.unknown:
        click.echo(f"      {work.unknown:,} {work.noun} that the judge could not grade were left out")
    click.echo(f"next: evalharness judge calibrate {shown(work.path)}")


@contextmanager
def _keyboard() -> Iterator[Iterator[str]]:
    """The keys as they are pressed; none that comes early is lost, as where a terminal is set up anew for each."""
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSANOW)
    try:
        yield _keys(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _keys(terminal: int) -> Iterator[str]:
    """Ctrl-C and Ctrl-D end them, and so does a terminal that is gone. An arrow or another special key is one key."""
    while True:
        try:
            read = os.read(terminal, 1024).decode("utf-8", "replace")
        except (KeyboardInterrupt, OSError):
            return
        if not read or "\x04" in read:
            return
        yield from [read[0]] if read[0] == "\x1b" else read


def labelled(due: Sequence[Label], keys: Iterator[str], keep: Keep, *, screen: Screen) -> int:
    """Shows each reply, takes keys, keeps labels; how many were given. Ends with `q`, the last reply, or the last key.

    `u` takes the last label of this sitting back and shows that reply again; with a checklist half answered, its last
    point.
    """
    from evalharness.labelling import answers, points

    given: list[int] = []
    said: list[float] = []
    place, showing = 0, -1
    screen(f"{len(due):,} {'pairs' if due[0].beside else 'replies'} to label. {_help(due[0])}")
    while place < len(due):
        asked, worth = points(due[place]), answers(due[place])
        if showing != place:
            screen(page(due[place], place, len(due)))
            showing = place
        screen(_question(asked, len(said), due[place]))
        key = next(keys, "q").casefold()
        screen(f"{key if key.isprintable() else ''}\n")
        if key in worth:
            said.append(worth[key])
            if len(said) == len(asked):
                keep(replace(due[place], label=sum(said) / len(said)))
                given.append(place)
                place, said = place + 1, []
        elif key == "u" and said:
            said.pop()
        elif key == "u" and given:
            place = given.pop()
            keep(replace(due[place], label=None))
        elif key == "s":
            place, said = place + 1, []
        elif key == "q":
            break
        else:
            screen(_help(due[place]))
    return len(given)


def page(label: Label, place: int, total: int) -> str:
    """One reply, what led to it, and the rubric, harmless on a terminal. Arm and grade are not in it.

    Nor is a system prompt: an arm may have its own, which would tell it.
    """
    from evalharness.labelling import pair
    from evalharness.labelling import shown as safe

    if label.beside is not None:
        before, first, second = map(safe, pair(label))
        pieces = [f"\n--- {place + 1} of {total} ---\n", *([f"{before}\n"] if before else [])]
        pieces += [f"REPLY 1: {first}\n", f"REPLY 2: {second}\n", f"which is better by this: {safe(label.rubric)}\n"]
        return "\n".join(pieces)
    last = label.replies[-1] if label.replies else -1
    parts = [f"\n--- {place + 1} of {total} ---\n"]
    for number, message in enumerate(label.messages):
        if message.role != "system":
            parts.append(f"{'REPLY' if number == last else message.role}: {safe(message.content)}\n")
    return "\n".join([*parts, f"rubric: {safe(label.rubric)}\n"])


def _help(label: Label) -> str:
    if label.beside is not None:
        return PAIR_HELP
    return HELP.format(answers="1 to 5" if label.scale == "1-5" else "y or n")


def _question(asked: Sequence[str], place: int, label: Label) -> str:
    from evalharness.labelling import shown as safe

    point = f"{safe(asked[place])} " if len(asked) > 1 else ""
    if label.beside is not None:
        return "[1/2/t] "
    return f"{point}[{'1 to 5' if label.scale == '1-5' else 'y/n'}] "
