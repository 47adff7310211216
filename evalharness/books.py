"""What questions took, by account: one a model, or one a run file where several runs are asked at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from evalharness.records import Request, Tally, Usage

Account: TypeAlias = Callable[[Request], str]
"""Which account a question is charged to."""


def by_model(request: Request) -> str:
    """An account a model."""
    return request.model.name


class Book:
    """One account, as it grows. usd: None once a model without a price was asked."""

    __slots__ = ("answered", "cached", "failed", "sent", "usage", "usd")

    def __init__(self) -> None:
        self.sent = self.answered = self.cached = self.failed = 0
        self.usage = Usage()
        self.usd: float | None = 0.0

    def pay(self, usd: float, usage: Usage = Usage()) -> None:  # noqa: B008 - a frozen value
        """Adds what an answer took."""
        self.usage += usage
        if self.usd is not None:
            self.usd += usd

    def tally(self, seconds: float) -> Tally:
        """The account as a run file keeps it."""
        return Tally(self.sent, self.answered, self.cached, self.failed, self.usage, self.usd, seconds)


class Books(dict[str, Book]):
    """Accounts by name; one that was never charged is empty."""

    def __missing__(self, name: str) -> Book:
        book = self[name] = Book()
        return book

    def tallies(self, seconds: float) -> Tallies:
        """What each took, in a run of so many seconds."""
        return Tallies(seconds, {name: book.tally(seconds) for name, book in self.items()})


class Tallies(dict[str, Tally]):
    """What each account took; nothing for one that was never charged."""

    def __init__(self, seconds: float, known: dict[str, Tally]) -> None:
        super().__init__(known)
        self.seconds = seconds

    def __missing__(self, name: str) -> Tally:
        return Tally(usd=0.0, seconds=self.seconds)
