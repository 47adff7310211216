"""How weights learn: rows of tokens from examples, and Adam's steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalharness.tiny.tokenizer import PAD

if TYPE_CHECKING:
    from evalharness.tiny.network import Floats, Ids, Weights


@dataclass(frozen=True, slots=True)
class Lesson:
    """Tokens of a conversation, and for each whether the network is to learn to say it."""

    tokens: tuple[int, ...]
    said: tuple[bool, ...]


def batch(lessons: Sequence[Lesson]) -> tuple[Ids, Ids]:
    """Lessons as rows of one length: the tokens, and at each place the token to say next or -1."""
    import numpy as np

    length = max(len(lesson.tokens) for lesson in lessons) - 1
    tokens = np.full((len(lessons), length), PAD, np.int64)
    targets = np.full((len(lessons), length), -1, np.int64)
    for row, lesson in enumerate(lessons):
        own = np.array(lesson.tokens, np.int64)
        tokens[row, : len(own) - 1] = own[:-1]
        targets[row, : len(own) - 1] = np.where(lesson.said[1:], own[1:], -1)
    return tokens, targets


@dataclass(slots=True)
class Adam:
    """Adam with decoupled decay; its two averages a weight are all the state there is.

    decay: the share by which tables shrink at a rate of one. longest: gradients longer than that are shortened to it.
    least: a gradient far below it hardly moves its weight; without it every weight moves by the whole rate, however
    little it has to do with what is learnt.
    """

    decay: float = 0.0
    longest: float = 1.0
    least: float = 1e-8
    steps: int = 0
    _means: Weights = field(default_factory=dict)
    _squares: Weights = field(default_factory=dict)

    def step(self, weights: Weights, gradients: Weights, rate: float) -> None:
        """Moves the weights, in place, against their gradients."""
        import numpy as np

        self.steps += 1
        shrink = min(1.0, self.longest / (length(gradients.values()) + 1e-6))
        warm1, warm2 = 1 - FIRST**self.steps, 1 - SECOND**self.steps
        for name, gradient in gradients.items():
            if name not in self._means:
                self._means[name], self._squares[name] = np.zeros_like(gradient), np.zeros_like(gradient)
            mean, square = self._means[name], self._squares[name]
            mean *= FIRST
            mean += (1 - FIRST) * shrink * gradient
            square *= SECOND
            square += (1 - SECOND) * shrink * shrink * gradient * gradient
            move = np.sqrt(square * (1 / warm2))
            move += self.least
            np.divide(mean, move, out=move)
            move *= rate / warm1
            if self.decay and gradient.ndim > 1:
                weights[name] *= 1 - rate * self.decay
            weights[name] -= move


FIRST, SECOND = 0.9, 0.98
"""How much of the averages a step keeps."""


def length(gradients: Iterable[Floats]) -> float:
    """The length of all gradients together as one vector."""
    return math.sqrt(sum(float((gradient * gradient).sum()) for gradient in gradients))
