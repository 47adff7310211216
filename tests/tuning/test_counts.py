from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.tuning.counts import Meter, Spread, context_of, estimate, tokens, usual_epochs
from evalharness.tuning.dialects import Example
from tests.tuning.lines import said


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Eat a banana!", 4),
        ("You're great!", 4),
        ("It's easy to learn.", 6),
        ("12345", 2),
        ("internationalisation", 2),
        ("a\n\nb", 3),
        ("港口", 2),
        ("гавань", 2),
        ("\ud800", 1),
    ],
)
def test_a_word_a_number_and_a_run_of_signs_are_about_a_token_each(text: str, count: int) -> None:
    assert tokens(text) == count


@given(st.text(), st.text())
def test_two_texts_are_as_long_as_both(one: str, other: str) -> None:
    assert tokens(f"{one} {other}") == tokens(one) + tokens(other)


def test_names_marks_and_tools_cost_tokens_and_weightless_answers_are_not_learnt() -> None:
    meter = Meter()
    turns = (said("user", "One two", name="Anna"), said("assistant", "three", weight=0), said("assistant", "four five"))

    size = meter.add(Example(turns))

    # 3 a message and 1 for its role, 1 for the name, 3 for the example; words 2, 1 and 2
    assert size == 3 * 4 + 1 + 3 + 5
    assert list(meter.replies) == [2]


@given(st.lists(st.integers(0, 10_000), min_size=2))
def test_quantiles_are_those_of_the_standard_library(numbers: list[int]) -> None:
    spread = Spread.of(numbers)

    tenths = statistics.quantiles(numbers, n=10, method="inclusive")
    assert (spread.low, spread.median, spread.high) == pytest.approx((tenths[0], tenths[4], tenths[8]))
    assert (spread.least, spread.most, spread.total) == (min(numbers), max(numbers), sum(numbers))


@pytest.mark.parametrize(
    ("examples", "epochs"),
    # By hand: 100 // n up to 25 below 34 examples, three, 25,000 // n above 8,333, and never none.
    [(0, 0), (1, 25), (5, 20), (10, 10), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (25_000, 1), (100_000, 1)],
)
def test_few_examples_are_gone_over_more_often(examples: int, epochs: int) -> None:
    assert usual_epochs(examples) == epochs


def test_what_is_billed_is_cut_at_the_context() -> None:
    found = estimate([10, 200], 100, None, 8.0)

    # 25 epochs at most for two examples, of 10 and 100 tokens; 2,750 tokens at 8 USD a million
    assert (found.epochs, found.billed) == (25, 25 * 110)
    assert found.usd == pytest.approx(0.022)
    assert estimate([10, 200], 100, 2, None).billed == 220


@pytest.mark.parametrize(
    ("model", "context"),
    [
        ("gpt-3.5-turbo-0613", 4_096),
        ("gpt-3.5-turbo-0125", 16_385),
        ("openai:gpt-4o-mini-2024-07-18", 65_536),
        ("ft:gpt-4o-mini:acme::abc123", 65_536),
        ("gpt-4o", None),
        ("llama-3", None),
    ],
)
def test_the_context_goes_by_the_name_of_the_model(model: str, context: int | None) -> None:
    assert context_of(model) == context
