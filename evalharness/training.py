"""A suite beside the file its model was tuned on: which of its questions the file had, or nearly had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.escape import terminal
from evalharness.records import Nearness, Run, Trial
from evalharness.suite import Suite
from evalharness.text import Neighbours

if TYPE_CHECKING:
    from evalharness.tuning.lessons import Lessons


def lessons_of(suite: Suite, train: Path | None = None) -> Lessons | None:
    """The training file of a suite, read; None where it names none, or one that is not there, which `lint` tells.

    train: a file that stands for the suite's own. Raises `Faults` where that is not there, and for either where it
    cannot be read.
    """
    path = train or (Path(suite.path).parent / suite.train if suite.train is not None else None)
    if path is None or (train is None and not path.is_file()):
        return None
    from evalharness.tuning.lessons import learn

    return learn(path)


def tagged(suite: Suite, lessons: Lessons, train: Path | None = None) -> Suite:
    """The suite with each case marked as `seen`, `near` or `unseen`.

    A case is as near as the nearest of the questions that the model is to answer.
    train: the file that stands for the suite's own, if one does.
    """
    known = _questions(lessons)
    near = {case.id: _nearness([turn.ask for turn in case.turns if turn.reply is None], known) for case in suite.cases}
    return replace(suite, train=_named(train) if train else suite.train, train_digest=lessons.digest, near=near)


def tagged_run(run: Run, lessons: Lessons, train: Path) -> Run:
    """A stored run with its cases marked in the same way, by the questions it asked."""
    known = _questions(lessons)
    asks: dict[str, list[str]] = {}
    for trial in run.trials:
        asks.setdefault(trial.conversation.case, []).extend(_asked(trial))
    cases = tuple(replace(case, near=_nearness(asks.get(case.case) or [case.question], known)) for case in run.cases)
    return replace(run, suite=replace(run.suite, train=_named(train), train_digest=lessons.digest), cases=cases)


def _asked(trial: Trial) -> Iterator[str]:
    """The questions that the model answered, or failed to."""
    talk = trial.conversation
    ends = {*(place - 1 for place in talk.replies), len(talk.messages) - 1}
    return (talk.messages[at].content for at in sorted(ends) if at >= 0 and talk.messages[at].role == "user")


def _questions(lessons: Lessons) -> Neighbours:
    return Neighbours(list(dict.fromkeys(ask for lesson in lessons.lessons for ask in lesson.asks)))


def _named(train: Path) -> str:
    """A file as a run may name it: no folder of this machine."""
    return train.name if train.is_absolute() else str(train)


def _nearness(asks: Sequence[str], known: Neighbours) -> Nearness:
    found: set[Nearness] = set()
    for ask in dict.fromkeys(asks):
        nearest = known.nearest(ask)
        if nearest is not None:
            if nearest.near == "seen":
                return "seen"
            found.add(nearest.near)
    return "near" if found else "unseen"


def told(suite: Suite) -> Iterator[str]:
    """How many cases are seen, near and unseen; nothing where that was not looked at."""
    if suite.near:
        counts = Counter(suite.near[case.id] for case in suite.cases)
        parts = ", ".join(f"{counts[near]:,} {near}" for near in ("seen", "near", "unseen"))
        yield terminal(f"{suite.name}, cases beside {suite.train}: {parts}")
