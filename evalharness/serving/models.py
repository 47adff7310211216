"""The models a server has: the brain's own, and what was tuned from them. Their names lead to a base and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from evalharness.records import Payload
from evalharness.serving import shapes
from evalharness.serving.brain import Brain, Weights
from evalharness.serving.refusals import no_model
from evalharness.serving.shelf import Record, Shelf, digest

OWNER = "evalharness"
TUNER = "org-local"


@dataclass(frozen=True, slots=True)
class Known:
    """A model that can be asked and tuned. base: the brain's name of what it was tuned from."""

    name: str
    base: str
    weights: Weights | None

    @property
    def fingerprint(self) -> str:
        """Stands for what answers: equal for equal weights."""
        return f"fp_{digest(self.base, self.weights.name if self.weights else '')[:10]}"


class Models:
    """Every model of a server by name. shutdown: the date they are said to be gone from, to try what warns of it."""

    def __init__(self, brain: Brain, shelf: Shelf, now: Callable[[], float], shutdown: str | None = None) -> None:
        self._brain = brain
        self._shelf = shelf
        self._began = int(now())
        self._shutdown = shutdown

    def named(self, name: str) -> Known:
        """The model of that name; `Refused` with 404 where there is none."""
        if name in self._brain.names:
            return Known(name, name, None)
        record = self._shelf.get("models", name)
        raw = self._shelf.content("models", name) if record else None
        if record is None or raw is None:
            raise no_model(name)
        return Known(name, str(record.own["base"]), Weights(str(record.own["weights"]), raw))

    def learn(self, name: str, base: str, raw: bytes, created: int) -> None:
        """Adds a tuned model; weights that were kept before are not kept twice under a name."""
        if self._shelf.get("models", name) is None:
            self._shelf.put("models", name, raw)
            own: Payload = {"base": base, "weights": hashlib.sha256(raw).hexdigest()}
            self._shelf.add("models", name, shapes.model(name, created, TUNER, self._shutdown), own)

    def all(self) -> list[Payload]:
        """Every model as clients see it, the bases first."""
        tuned = [record.shown for record in reversed(self._shelf.all("models"))]
        return [*(self._base(name) for name in self._brain.names), *tuned]

    def one(self, name: str) -> Payload:
        """A model as clients see it."""
        if name in self._brain.names:
            return self._base(name)
        return self._tuned(name).shown

    def forget(self, name: str) -> Payload:
        """Deletes a tuned model."""
        self._tuned(name)
        self._shelf.drop("models", name)
        return shapes.deleted(name, "model")

    def _base(self, name: str) -> Payload:
        return shapes.model(name, self._began, OWNER, self._shutdown)

    def _tuned(self, name: str) -> Record:
        record = self._shelf.get("models", name)
        if record is None:
            raise no_model(name)
        return record
