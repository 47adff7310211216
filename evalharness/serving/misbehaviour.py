"""What a server is told to do wrong, so that clients can be tried against it: `429:0.1,reset:0.01,slow:0.5`."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalharness.errors import EvalError

Trick: TypeAlias = Literal["429", "500", "502", "503", "reset", "lost", "slow"]
TRICKS: tuple[Trick, ...] = ("429", "500", "502", "503", "reset", "lost", "slow")
PART = re.compile(r"([a-z0-9]+):([0-9.]+)(?::([0-9.]+))?")
EXAMPLE = '"429:0.1,reset:0.01,slow:0.5:2" is a tenth, a hundredth, and half of all requests by 2 seconds'


@dataclass(frozen=True, slots=True)
class Habit:
    """One thing that goes wrong. share: of all requests, 0 to 1. seconds: how late `slow` answers are, and what `429`
    asks a client to wait."""

    trick: Trick
    share: float
    seconds: float = 1.0


class Temper:
    """Which request meets which trick: drawn by a fixed seed, so that equal servers treat the n-th request alike."""

    def __init__(self, habits: tuple[Habit, ...], seed: int = 0) -> None:
        self.habits = habits
        self._draw = random.Random(seed)  # noqa: S311 - decides on tricks, guards nothing
        self._guard = threading.Lock()

    def next(self) -> Habit | None:
        """What happens to the next request; None for nothing."""
        if not self.habits:
            return None
        with self._guard:
            drawn = self._draw.random()
        for habit in self.habits:
            if drawn < habit.share:
                return habit
            drawn -= habit.share
        return None


def habits(text: str) -> tuple[Habit, ...]:
    """The habits that `--misbehave` names, as `KIND:SHARE` or `KIND:SHARE:SECONDS`; else `EvalError`."""
    found = tuple(_habit(part.strip()) for part in text.split(",") if part.strip())
    if sum(habit.share for habit in found) > 1:
        raise EvalError(f"--misbehave {text}: shares of more than 1 together", EXAMPLE)
    return found


def _habit(part: str) -> Habit:
    match = PART.fullmatch(part)
    trick = next((trick for trick in TRICKS if match and match[1] == trick), None)
    if match is None or trick is None:
        raise EvalError(f"--misbehave: '{part}' is no trick", f"KIND:SHARE, kinds are {', '.join(TRICKS)}; {EXAMPLE}")
    try:
        habit = Habit(trick, float(match[2]), float(match[3] or 1))
    except ValueError:
        raise EvalError(f"--misbehave: '{part}' has no number where one belongs", EXAMPLE) from None
    if not 0 <= habit.share <= 1 or habit.seconds > 3600:
        raise EvalError(f"--misbehave: '{part}' is not a share of requests, 0 to 1", EXAMPLE)
    return habit
