"""A brain that learns by heart: small enough to know what each answer must be, and it can be held between two steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalharness.records import Message
from evalharness.serving.brain import (
    Embedded,
    Hyperparameters,
    Lesson,
    Likely,
    Loss,
    Said,
    Sampling,
    Step,
    Token,
    Unanswerable,
    Weights,
)


@dataclass
class Parrot:
    """Says the last word of a question back, and what it has learnt to say where it was asked just that.

    holds_at: the step that is never learnt, 0 for none. gate: learning waits until it is set.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    holds_at: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def names(self) -> tuple[str, ...]:
        """One small, one large."""
        return ("parrot-1", "parrot-1-large")

    def complete(self, base: str, weights: Weights | None, messages: Sequence[Message], sampling: Sampling) -> Said:
        """`learnt` or the question's words; with a temperature, its seed behind them."""
        asked = messages[-1].content
        if self.broken:
            raise RuntimeError("out of crackers")
        read = sum(len(message.content.split()) for message in messages)
        if read > 100:
            raise Unanswerable(f"{read} words, 100 at most", "messages", "context_length_exceeded")
        learnt = json.loads(weights.raw) if weights else {}
        words = str(learnt.get(asked, asked)).split(" ")
        if sampling.temperature:
            words.append(str(sampling.seed + sampling.choice))
        words = words[: next((at for at, word in enumerate(words) if word in sampling.stops), None)]
        finish: Literal["stop", "length"] = "stop"
        if sampling.most is not None and len(words) > sampling.most:
            words, finish = words[: sampling.most], "length"
        tokens = tuple(self._token(word, first=at == 0, top=sampling.top) for at, word in enumerate(words))
        return Said(tokens, finish, read, len(tokens))

    def embed(self, base: str, weights: Weights | None, text: str) -> Embedded:
        """How many words and how many letters."""
        if text.isspace():
            raise Unanswerable("nothing to say", "input")
        return Embedded((float(len(text.split())), float(len(text))), len(text.split()))

    def _token(self, word: str, *, first: bool, top: int) -> Token:
        said = word if first else f" {word}"
        likely = (Likely(said, -0.5, said.encode()), Likely("crow", -2.0, b"crow"))
        return Token(likely[0], said, likely[:top])

    def settled(self, wished: Hyperparameters, examples: int) -> Hyperparameters:
        """Two epochs in batches of five."""
        return Hyperparameters(wished.epochs or 2, wished.batch or 5, wished.rate or 1.0)

    def tune(self, lesson: Lesson) -> Iterator[Step]:
        """Learns a batch by heart at each step; the loss falls by a half each time."""
        if self.broken:
            raise RuntimeError("out of crackers")
        learnt: dict[str, str] = {}
        size, epochs = lesson.hyperparameters.batch or 1, lesson.hyperparameters.epochs or 1
        each = -(-len(lesson.examples) // size)
        for number in range(1, each * epochs + 1):
            self.gate.wait(30)
            if number == self.holds_at:
                threading.Event().wait()
            start = (number - 1) % each * size
            for example in lesson.examples[start : start + size]:
                learnt[example.messages[-2].content] = example.messages[-1].content
            valid = Loss(4.0 / 2**number, 0.5) if lesson.validation else None
            kept = json.dumps(learnt, sort_keys=True).encode() if number % each == 0 else None
            yield Step(
                number, each * epochs, Loss(2.0 / 2**number, 0.25), number * 10, valid, valid if kept else None, kept
            )


def examples(count: int, start: int = 0) -> bytes:
    """A training file: to `q0` say `a0`, and so on."""
    rows = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
        for n in range(start, start + count)
    ]
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
