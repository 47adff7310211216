from __future__ import annotations

from evalharness.books import Books, by_model
from evalharness.records import Tally, Usage
from tests.fakes import question


def test_an_account_adds_up_what_was_paid() -> None:
    books = Books()
    book = books["m"]
    book.sent, book.answered, book.cached, book.failed = 3, 4, 2, 1
    book.pay(0.5, Usage(10, 5))
    book.pay(0.25)

    assert books.tallies(1.5)["m"] == Tally(3, 4, 2, 1, Usage(10, 5), 0.75, 1.5)


def test_accounts_are_kept_apart() -> None:
    books = Books()
    books["a"].pay(1.0, Usage(1, 1))
    books["b"].pay(2.0, Usage(2, 2))

    assert {name: (tally.usd, tally.usage) for name, tally in books.tallies(0.0).items()} == {
        "a": (1.0, Usage(1, 1)),
        "b": (2.0, Usage(2, 2)),
    }


def test_a_price_that_is_unknown_once_stays_unknown() -> None:
    books = Books()
    books["m"].usd = None
    books["m"].pay(1.0, Usage(1, 0))

    assert books.tallies(0.0)["m"] == Tally(usage=Usage(1, 0), usd=None)


def test_an_account_that_was_never_charged_cost_nothing_and_is_not_made_by_looking() -> None:
    tallies = Books().tallies(2.0)

    assert tallies["nobody"] == Tally(usd=0.0, seconds=2.0)
    assert len(tallies) == 0


def test_tallies_do_not_change_with_the_books_they_were_taken_from() -> None:
    books = Books()
    books["m"].sent = 1
    tallies = books.tallies(0.0)
    books["m"].sent = 2

    assert tallies["m"].sent == 1


def test_questions_are_charged_to_their_model_unless_told_otherwise() -> None:
    assert by_model(question("q")) == "tuned"
