"""What a model is to the engine: something that fetches text for a request, and reads that text."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from evalharness.config import Arm
from evalharness.errors import Fault, ModelFailed
from evalharness.protocol import Allowance
from evalharness.records import ModelRef, Request, Response
from evalharness.registry import Registry


class Model:
    """One arm that can be asked. A kind overrides `fetch` and `read`, and what else it needs.

    `fetch` and `read` raise `ModelFailed` and nothing else; they know no retries, no cache and no limits. What `fetch`
    returns is what the cache stores, so an answer is parsed in one place, fresh or cached, and an answer that `read`
    rejects is never stored.
    """

    keeps = True
    """Whether answers are worth caching: not where they are already on this disk."""

    retries_timeouts = True
    """Whether a call that took longer than the arm's `seconds` is worth trying again: a server may have been busy, a
    program was not."""

    allowance: Allowance | None = None
    """The account's limits as the last answer or error stated them; looked at right after each `fetch`."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm

    @property
    def ref(self) -> ModelRef:
        """The arm as requests and run files name it; a kind adds what only it knows: the digest of the files it reads,
        the address it takes from the environment. Requests are made with this one."""
        return self.arm.ref

    @property
    def at_once(self) -> int:
        """Questions under way at a time: what the arm says, else what suits the kind."""
        return self.arm.at_once or 32

    def faults(self, requests: Iterable[Request]) -> tuple[Fault, ...]:
        """What would keep these questions from being answered, found before anything is asked: a missing key, a
        recording that lacks a case. Only the first question of a flow is known here; no question, no need of a key."""
        return ()

    def known(self, request: Request) -> str | None:
        """The answer's text where it takes no waiting (a recording), so that no event loop is started for it."""
        return None

    def keep(self, response: Response) -> bool:
        """Whether this answer may be cached. A filtered one says nothing of the model: it is asked again next time."""
        return response.outcome != "filtered"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def fetch(self, request: Request) -> str:
        """The answer as it came."""
        raise NotImplementedError

    def read(self, text: str) -> Response:
        """What that answer says."""
        raise NotImplementedError


MODELS: Registry[type[Model]] = Registry("evalharness.models", "kind of model")
model = MODELS.register

LARGEST = 16 * 2**20
"""Bytes of the largest answer taken."""


def only_chats(request: Request) -> None:
    """For a kind that has no vectors and no likelihoods: `ModelFailed` for a question that asks for them."""
    if request.kind != "chat":
        kind = request.model.kind
        raise ModelFailed("rejected", f"the kind '{kind}' answers chats, not questions of the kind '{request.kind}'")


def open_model(arm: Arm) -> Model:
    """The model behind an arm; `UnknownName` where nothing bears its kind, `Faults` where its settings are wrong."""
    return MODELS.get(arm.ref.kind)(arm)
