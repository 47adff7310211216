"""A tune of the model in the box: real training on examples, told step by step, with a checkpoint an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from evalharness.errors import EvalError
from evalharness.records import Message, Payload, Role
from evalharness.tiny import weights as files
from evalharness.tiny.chat import lesson
from evalharness.tiny.learning import Adam, Lesson, batch
from evalharness.tiny.network import Shape, loss
from evalharness.tiny.weights import LEFT, RIGHT, Model

if TYPE_CHECKING:
    from evalharness.tiny.network import Floats, Weights

Method: TypeAlias = Literal["full", "low-rank"]

RATES: Mapping[Method, float] = {"full": 4.5e-3, "low-rank": 6e-3}
"""The learning rate that a multiplier of 1 stands for: the one that held best on a hundred examples."""

WARM = 0.1
"""The share of the steps over which the rate rises; after it, it falls to nothing."""

LEAST: Mapping[Method, float] = {"full": 1e-2, "low-rank": 1e-4}
"""See `Adam`: of a table of two thousand words a tune should move those it is about, and of thin tables all."""

BATCH = 4
EPOCHS = 10
RANK = 8
MOST_EPOCHS, MOST_BATCH, MOST_RANK = 50, 256, 64
MOST_MULTIPLIER = 100.0
MOVED = ("look", "gather", "up", "down")
"""The tables of a block that a low-rank tune moves."""


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation to learn from. weights: one a message, 1 for what is to be learnt; only the assistant's count."""

    messages: tuple[Message, ...]
    weights: tuple[int, ...]

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Example:
        """The example in a row of a training file; `ValueError` says what keeps it from being one."""
        messages = row.get("messages")
        if not isinstance(messages, list) or not messages:
            raise ValueError("an example needs 'messages', a list of at least one")
        said = tuple(_message(message) for message in messages)
        found = cls(tuple(message for message, _ in said), tuple(weight for _, weight in said))
        if not any(found.weights):
            raise ValueError("an example needs a message of the assistant, of weight 1, to learn")
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """How a tune is done. multiplier: of the learning rate that suits the method. rank: of a low-rank tune's tables.
    seed: sets the order of the examples, and the start of a low-rank tune; the same plan gives the same weights."""

    epochs: int = EPOCHS
    batch_size: int = BATCH
    multiplier: float = 1.0
    method: Method = "full"
    rank: int = RANK
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, most in (
            ("epochs", self.epochs, MOST_EPOCHS),
            ("batch_size", self.batch_size, MOST_BATCH),
            ("rank", self.rank, MOST_RANK),
        ):
            if not 1 <= value <= most:
                raise EvalError(f"{name} is a whole number from 1 to {most}, got {value}")
        if not (math.isfinite(self.multiplier) and 0 < self.multiplier <= MOST_MULTIPLIER):
            raise EvalError(f"multiplier is a number above 0, at most {MOST_MULTIPLIER:g}, got {self.multiplier:g}")
        if self.method not in get_args(Method):
            raise EvalError(f"there is no method '{self.method:.40}'", f"known: {', '.join(get_args(Method))}")
        if not 0 <= self.seed < 2**31:
            raise EvalError(f"seed is a whole number from 0 to {2**31 - 1}, got {self.seed}")

    def steps(self, examples: int) -> int:
        """How many steps it takes."""
        return self.epochs * math.ceil(examples / self.batch_size)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. number, epoch: from 1. loss: nats a token of its batch before the step. accuracy: the share of those
    tokens that were the likeliest. tokens: read in it. valid_loss, valid_accuracy: of all held-back examples after it,
    told at the end of each epoch where there are any."""

    number: int
    epoch: int
    loss: float
    accuracy: float
    tokens: int
    valid_loss: float | None = None
    valid_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights at the end of an epoch, as the bytes of a file that `weights.load` reads, and their digest."""

    step: int
    epoch: int
    data: bytes
    digest: str
    last: bool


def tune(
    start: Model, examples: Sequence[Example], plan: Plan, valid: Sequence[Example] = (), about: Payload | None = None
) -> Iterator[Step | Checkpoint]:
    """Trains from a base, and tells each step when it is done; behind an epoch's last step comes its checkpoint.

    about: what the files shall say of themselves beside the plan. `EvalError` where there is nothing to learn from, or
    the start is itself a tune: what is stored is how far a tune is from the base in the package.
    """
    import numpy as np

    if not examples:
        raise EvalError("there are no examples to learn from")
    if start.base:
        raise EvalError("this model is a tune itself, and a tune starts from the base", "add its examples to yours")
    lessons, held = _lessons(start, examples), _lessons(start, valid)
    learner = _LowRank(start, plan) if plan.method == "low-rank" else _Full(start, plan)
    rng = np.random.default_rng(plan.seed)
    total, number = plan.steps(len(lessons)), 0
    for epoch in range(1, plan.epochs + 1):
        order = [lessons[place] for place in rng.permutation(len(lessons))]
        for first in range(0, len(order), plan.batch_size):
            number += 1
            share = min(1.0, number / (WARM * total)) * (1 - (number - 1) / total)
            step = learner.step(order[first : first + plan.batch_size], share, number, epoch)
            ended = first + plan.batch_size >= len(order)
            yield _validated(step, start.shape, learner.weights(), held) if ended and held else step
        data = learner.file({"plan": asdict(plan), "epoch": epoch, "step": number} | (about or {}))
        yield Checkpoint(number, epoch, data, files.digest(data), epoch == plan.epochs)


def _message(found: object) -> tuple[Message, int]:
    if not isinstance(found, dict):
        raise ValueError(f"a message is an object with 'role' and 'content', got {found!r:.40}")
    role, content, weight = found.get("role"), found.get("content"), found.get("weight", 1)
    role = "system" if role == "developer" else role
    known: Role | None = next((name for name in get_args(Role) if name == role), None)
    if known is None:
        raise ValueError(f"the role of a message is system, user or assistant, got {role!r:.40}")
    if not isinstance(content, str):
        raise ValueError(f"the content of a message is a text, got {content!r:.40}")
    if weight not in (0, 1):
        raise ValueError(f"the weight of a message is 0 or 1, got {weight!r:.40}")
    return Message(known, content), int(weight) if known == "assistant" else 0


def _lessons(start: Model, examples: Sequence[Example]) -> list[Lesson]:
    most = start.shape.context
    found = [lesson(start.tokenizer, example.messages, example.weights, most) for example in examples]
    for place, one in enumerate(found, 1):
        if not any(one.said):
            raise EvalError(
                f"example {place}: what is to be learnt stands behind the {most} tokens of this model's window",
                "shorten it or leave it out",
            )
    return found


def _validated(step: Step, shape: Shape, weights: Weights, held: Sequence[Lesson]) -> Step:
    """The step with the loss on the examples that were held back."""
    total, hits, asked = 0.0, 0, 0
    for first in range(0, len(held), MOST_VALID):
        tokens, targets = batch(held[first : first + MOST_VALID])
        found = loss(shape, weights, tokens, targets, learn=False)
        total, hits, asked = total + found.loss * found.tokens, hits + found.hits, asked + found.tokens
    return Step(step.number, step.epoch, step.loss, step.accuracy, step.tokens, total / asked, hits / asked)


MOST_VALID = 32
"""Examples that are read at a time where nothing is learnt."""


class _Full:
    """Every weight learns."""

    def __init__(self, start: Model, plan: Plan) -> None:
        self._start = start
        self._weights: Weights = {name: table.copy() for name, table in start.weights.items()}
        self._rate = RATES["full"] * plan.multiplier
        self._adam = Adam(least=LEAST["full"])

    def weights(self) -> Weights:
        """As they are after the steps so far."""
        return self._weights

    def step(self, lessons: Sequence[Lesson], share: float, number: int, epoch: int) -> Step:
        """Learns from a batch at a share of the rate."""
        tokens, targets = batch(lessons)
        found = loss(self._start.shape, self._weights, tokens, targets)
        self._adam.step(self._weights, found.gradients, self._rate * share)
        read = sum(len(one.tokens) for one in lessons)
        return Step(number, epoch, found.loss, found.hits / found.tokens, read)

    def file(self, about: Payload) -> bytes:
        """What was learnt."""
        return files.moved(self._start, self._weights, about)


class _LowRank:
    """Beside each table of a block two thin ones learn, whose product is added to it."""

    def __init__(self, start: Model, plan: Plan) -> None:
        import numpy as np

        rng = np.random.default_rng([plan.seed, plan.rank])
        self._start = start
        self._rate = RATES["low-rank"] * plan.multiplier
        self._adam = Adam(least=LEAST["low-rank"])
        self._thin: Weights = {}
        for name, table in start.weights.items():
            if name.endswith(MOVED):
                out, into = table.shape
                spread = 2.0 * into**-0.5
                self._thin[f"{name}{LEFT}"] = np.zeros((out, plan.rank), np.float32)
                self._thin[f"{name}{RIGHT}"] = rng.normal(0, spread, (plan.rank, into)).astype(np.float32)

    def weights(self) -> Weights:
        """The base's, moved."""
        moved: Weights = dict(self._start.weights)
        for name, left in self._pairs():
            moved[name] = moved[name] + left @ self._thin[f"{name}{RIGHT}"]
        return moved

    def step(self, lessons: Sequence[Lesson], share: float, number: int, epoch: int) -> Step:
        """Learns from a batch at a share of the rate."""
        tokens, targets = batch(lessons)
        found = loss(self._start.shape, self.weights(), tokens, targets)
        gradients: Weights = {}
        for name, left in self._pairs():
            gradients[f"{name}{LEFT}"] = found.gradients[name] @ self._thin[f"{name}{RIGHT}"].T
            gradients[f"{name}{RIGHT}"] = left.T @ found.gradients[name]
        self._adam.step(self._thin, gradients, self._rate * share)
        read = sum(len(one.tokens) for one in lessons)
        return Step(number, epoch, found.loss, found.hits / found.tokens, read)

    def file(self, about: Payload) -> bytes:
        """What was learnt."""
        return files.low_rank(self._start, self._thin, about)

    def _pairs(self) -> list[tuple[str, Floats]]:
        """Each table that is moved, with the left one of its two thin ones."""
        return [(name.removesuffix(LEFT), table) for name, table in self._thin.items() if name.endswith(LEFT)]
