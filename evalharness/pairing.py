"""Duels for people to label: which of two replies is better, shown without their arms and the judges' verdict.

What was said lies in the runs, so a file of duels is read together with the two it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalharness import duelfile, snapshots, store
from evalharness.calibration import PAIR, Beside, Label
from evalharness.duel import DuelRun, pairings, said_digest
from evalharness.errors import EvalError, StoreError
from evalharness.escape import slug
from evalharness.files import shown_path
from evalharness.labelling import meant
from evalharness.records import Conversation, Instrument, Run


def is_duels(path: Path) -> bool:
    """Whether a file is one of duels, by its first line; what it else is, its own reader says."""
    try:
        duelfile.read_head(path)
    except StoreError:
        return path.name.endswith(duelfile.SUFFIX)
    return True


def instrument_of(duels: Sequence[DuelRun], check: str | None = None) -> Instrument:
    """The judges and criterion of these duels that are to be labelled; `EvalError` where none, several, or different
    ones are meant."""
    suites = sorted({run.suite for run in duels})
    if len(suites) > 1:
        raise EvalError(f"these are duels of several suites: {', '.join(suites)}", "label one suite at a time")
    return meant([each for run in duels for each in run.instruments], suites[0], check)


def arms(run: DuelRun, given: Sequence[Path], baselines: Path) -> tuple[Run, Run]:
    """The two runs that duels are about: of those given, else beside the file, else accepted; told by what they say.

    `EvalError` where one is not there.
    """
    path, head = Path(run.path), run.suite
    stems = path.name.removesuffix(".part").removesuffix(duelfile.SUFFIX).split("-vs-")
    names = {"-vs-".join(part) for cut in range(1, len(stems)) for part in (stems[:cut], stems[cut:])}
    beside = sorted(path.parent.glob("*.jsonl"), key=lambda each: (each.name.removesuffix(".jsonl") not in names, each))
    accepted = sorted((baselines / slug(head)).glob("*.jsonl"))
    wanted = {run.base.digest: run.base.name, run.tuned.digest: run.tuned.name}
    found: dict[str, Run] = {}
    for each in given or [each for each in (*beside, *accepted) if not each.name.endswith(duelfile.SUFFIX)]:
        if len(found) == len(wanted):
            break
        for one in _read(each, head, asked_for=bool(given)):
            digest = said_digest(one)
            if digest in wanted:
                found.setdefault(digest, one)
    lost = [name for digest, name in wanted.items() if digest not in found]
    if lost:
        what = f"{shown_path(run.path)}: the replies of '{lost[0]}' that these duels are about are not there"
        raise EvalError(what, "name the runs too, label DUELS RUN RUN, or compare the suite again")
    return found[run.base.digest], found[run.tuned.digest]


def _read(path: Path, suite: str, *, asked_for: bool) -> Iterator[Run]:
    """The run in a file, if it is one of the suite; what nobody named may be damaged."""
    try:
        run = snapshots.named(store.read(path))
    except StoreError:
        if asked_for:
            raise
        return
    if run.suite.name == suite:
        yield run


def candidates(run: DuelRun, base: Run, tuned: Run, instrument: Instrument) -> tuple[list[Label], int]:
    """Every pair of different replies with a verdict, without a label; and how many have none."""
    talks = _talks(base), _talks(tuned)
    found: list[Label] = []
    unknown = 0
    for each in pairings(run, instrument):
        key = each.case, each.sample
        orders = tuple(duel.orders for duel in each.duels if duel.orders is not None)
        if not each.asked or key not in talks[0] or key not in talks[1]:
            continue
        if each.score is None:
            unknown += 1
            continue
        one, other = talks[0][key], talks[1][key]
        found.append(
            Label(
                suite=run.suite,
                check=instrument.check,
                aspect=instrument.aspect,
                instrument=instrument.digest,
                judges=instrument.judges,
                scale=PAIR,
                rubric=instrument.rubric,
                arm=run.arms,
                case=each.case,
                sample=each.sample,
                turn=None,
                label=None,
                grade=each.score,
                pass_at=0.5,
                why=each.why,
                messages=one.messages,
                replies=one.replies,
                beside=Beside(other.messages, other.replies, orders),
            )
        )
    return found, unknown


def _talks(run: Run) -> dict[tuple[str, int], Conversation]:
    return {(trial.conversation.case, trial.conversation.sample): trial.conversation for trial in run.trials}
