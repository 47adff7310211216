"""A judge in the box: `classifier:FILE` answers one question about a reply by the words of labelled examples."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from evalharness.config import Arm
from evalharness.errors import Fault, Faults
from evalharness.files import unreadable
from evalharness.judging import put
from evalharness.models.base import Model, model
from evalharness.records import ModelRef, Request, Response
from evalharness.rows import MOST_FAULTS, read
from evalharness.text import words

FEWEST = 10
"""Examples of each label."""


@model("classifier")
class Classifier(Model):
    """Answers one yes-or-no question about replies, learnt from examples: no network, no key, and no understanding.

    `classifier:FILE`: the first row is `{"question": TEXT}`, the rubric it stands for; every other row is an example,
    `{"text": TEXT, "label": "yes"}` or `"no"`, ten of each at least. It is a naive Bayes classifier of words and pairs
    of words, which is to say that it knows what such replies are made of and not what they mean. Asked anything but
    its question, it gives no verdict. Measure it like any judge (`docs/judges.md`) before it gates.
    """

    keeps = False

    def __init__(self, arm: Arm) -> None:
        super().__init__(arm)
        name = arm.ref.target
        path = arm.folder / name
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise Faults([unreadable(path, name, error)]) from None
        self._ref = replace(arm.ref, digest=digest)
        self._question, examples = _examples(path, name)
        self._learnt = Learnt.of(examples)

    @property
    def ref(self) -> ModelRef:
        """The arm with the digest of its examples: other examples make another judge."""
        return self._ref

    def known(self, request: Request) -> str | None:
        """The verdict, worked out on the spot."""
        asked = put(request.messages)
        if asked is None:
            return "This classifier judges replies, and this is no question of a judge."
        if asked.question.partition(" meet this? ")[2].strip() != self._question or set(asked.labels) != {"yes", "no"}:
            return f"This classifier knows one question only: {self._question}"
        reply = next((text for name, text in asked.material if name == "The reply"), None)
        if reply is None:
            return "This classifier reads one reply, and there is none."
        odds, telling = self._learnt.weigh(reply)
        told = ", ".join(f"'{each}'" for each in telling) or "none of them"
        reason = f"odds of {_odds(odds)} by its words, most by {told}"
        return json.dumps({"mark": asked.mark, "reason": reason, "verdict": "yes" if odds > 0 else "no"})

    async def fetch(self, request: Request) -> str:
        """The same."""
        return self.known(request) or ""

    def read(self, text: str) -> Response:
        """The text as it is."""
        return Response(text)


@dataclass(frozen=True, slots=True)
class Learnt:
    """How much more often each piece, a word or two, stands in replies of `yes` than of `no`: natural log of the ratio
    of its shares of replies, each with one reply more that has it and one that has not (Laplace's rule)."""

    weights: Mapping[str, float]
    prior: float

    @classmethod
    def of(cls, examples: Sequence[tuple[str, bool]]) -> Learnt:
        """Counts in how many replies of each label a piece stands."""
        counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        sizes = Counter(label for _, label in examples)
        for text, label in examples:
            counts[label].update(set(_pieces(text)))
        weights = {
            piece: math.log((counts[True][piece] + 1) / (sizes[True] + 2))
            - math.log((counts[False][piece] + 1) / (sizes[False] + 2))
            for piece in sorted(counts[True].keys() | counts[False].keys())
        }
        return cls(weights, math.log(sizes[True] / sizes[False]))

    def weigh(self, text: str) -> tuple[float, tuple[str, ...]]:
        """The natural log of the odds that the label is `yes`, and the three pieces that say most for the verdict."""
        found = {piece: self.weights[piece] for piece in sorted(set(_pieces(text))) if piece in self.weights}
        odds = self.prior + math.fsum(found.values())
        side = 1 if odds > 0 else -1
        telling = sorted(found, key=lambda piece: (-side * found[piece], piece))
        return odds, tuple(piece for piece in telling[:3] if side * found[piece] > 0)


def _pieces(text: str) -> Iterator[str]:
    said = words(text)
    yield from said
    yield from map(" ".join, pairwise(said))


def _odds(value: float) -> str:
    ratio = math.exp(min(abs(value), 50.0))
    shown = "more than 1,000" if ratio > 1000 else f"{ratio:,.3g}"
    return f"{shown} to 1" if value > 0 else f"1 to {shown}"


def _examples(path: Path, name: str) -> tuple[str, list[tuple[str, bool]]]:
    """The question, and the examples; `Faults` with every row that is neither."""
    question = ""
    examples: list[tuple[str, bool]] = []
    faults: list[Fault] = []
    for row in read(path, called=name):
        text, label = row.fields.get("text"), row.fields.get("label")
        if not question and not examples:
            given = row.fields.get("question")
            if not isinstance(given, str) or not given.strip():
                hint = 'the first row is {"question": "The reply is ..."}, the rubric of the check that asks'
                raise Faults([Fault(name, row.line, 0, "the first row has no 'question'", hint)])
            question = given.strip()
        elif isinstance(text, str) and label in ("yes", "no"):
            examples.append((text, label == "yes"))
        elif len(faults) < MOST_FAULTS:
            hint = 'write {"text": "...", "label": "yes"}, or "no"'
            faults.append(Fault(name, row.line, 0, "this row is no example", hint))
    counts = Counter(label for _, label in examples)
    faults += _few(name, counts) if not faults else []
    if faults:
        raise Faults(faults)
    return question, examples


def _few(name: str, counts: Counter[bool]) -> Iterable[Fault]:
    for label, word in ((True, "yes"), (False, "no")):
        if counts[label] < FEWEST:
            what = f"{counts[label]} examples of '{word}', {FEWEST} are the fewest to learn from"
            yield Fault(name, 0, 0, what, "add replies that people, or a rule you trust, labelled")
