"""What the server asks of whatever thinks and learns behind it: a few values, and a protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from evalharness.records import Message


@dataclass(frozen=True, slots=True)
class Weights:
    """What a model has learnt, as bytes that its brain wrote. name: stands for them, equal for equal bytes."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. choice: which of several replies to one question. most: tokens at most, None for as many as
    the model likes. stops: texts before which a reply ends. top: how many likely tokens are told beside each one.
    goes_on: the last message is the beginning of the reply. weighs: whether the prompt's own likelihood is told."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    choice: int = 0
    most: int | None = None
    stops: tuple[str, ...] = ()
    top: int = 0
    goes_on: bool = False
    weighs: bool = False


@dataclass(frozen=True, slots=True)
class Likely:
    """A token that a place may have: its spelling, its log-probability, and the bytes it is of."""

    text: str
    logprob: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply, and the likeliest ones at its place. added: what it adds to the words: nothing for one that
    is a part of a character, the whole of which comes with its last part."""

    said: Likely
    added: str
    top: tuple[Likely, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """One token of a prompt: its number, what it adds to the words, its log-probability, None for the first, and its
    rank by it, from 1. likeliest: the number of the token of rank 1 at its place, which is told in `best`."""

    id: int
    added: str
    logprob: float | None
    rank: int
    likeliest: int
    best: Likely


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text's vector, and how many tokens it took."""

    vector: tuple[float, ...]
    read: int


@dataclass(frozen=True, slots=True)
class Said:
    """A reply. tokens: what is added by all of them is its text. finish: whether it ended by itself or was cut at
    `Sampling.most`. read, written: how many tokens the question and the reply took. prompt: the question's own tokens,
    where `Sampling.weighs`."""

    tokens: tuple[Token, ...]
    finish: Literal["stop", "length"]
    read: int
    written: int
    prompt: tuple[Read, ...] = ()

    @property
    def text(self) -> str:
        """The reply's words."""
        return "".join(token.added for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Example:
    """One training conversation; learnt: for each message, whether its words are learnt (replies, unless their weight
    is 0)."""

    messages: tuple[Message, ...]
    learnt: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How hard a model learns. None: the brain's own choice, which `Brain.settled` makes."""

    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Nats a token, and the share of tokens that were the likeliest."""

    nats: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of learning. number: counts from 1 to `of`. train: over the step's batch; valid: over a batch of the
    validation file; whole: over all of it, told with a checkpoint. trained: tokens learnt so far. weights: what there
    is to keep of a checkpoint, None between them; the last step has them."""

    number: int
    of: int
    train: Loss
    trained: int
    valid: Loss | None = None
    whole: Loss | None = None
    weights: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """All that a tune is made from; the same lesson gives the same steps."""

    base: str
    examples: tuple[Example, ...]
    validation: tuple[Example, ...]
    hyperparameters: Hyperparameters
    seed: int


class Brain(Protocol):
    """A model that can be asked and taught. Its methods may be called from several threads at once."""

    @property
    def names(self) -> tuple[str, ...]:
        """The base models there are, the usual one first."""
        ...

    def complete(self, base: str, weights: Weights | None, messages: Sequence[Message], sampling: Sampling) -> Said:
        """A reply; equal arguments give equal replies. Raises `Unanswerable` where the question cannot be taken."""
        ...

    def embed(self, base: str, weights: Weights | None, text: str) -> Embedded:
        """A text's vector; equal arguments give equal ones. Raises `Unanswerable` for a text that has none."""
        ...

    def settled(self, wished: Hyperparameters, examples: int) -> Hyperparameters:
        """The wish with every None filled in, for a training file of so many examples."""
        ...

    def tune(self, lesson: Lesson) -> Iterator[Step]:
        """Learns, a step at a time; leaving the iterator ends it."""
        ...


class Unanswerable(Exception):
    """A question that a model cannot take. code: what clients know it by."""

    def __init__(self, message: str, param: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
