"""Tunes: that they learn, that they repeat, and what they tell."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from evalharness.errors import EvalError
from evalharness.records import Message
from evalharness.tiny.chat import Settings, complete
from evalharness.tiny.tuning import Checkpoint, Example, Method, Plan, Step, tune
from evalharness.tiny.weights import base, read

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo", "Peru": "Lima", "Kenya": "Nairobi"}


def example(country: str, said: str = "Oh joy, another question. {}.") -> Example:
    ask, reply = f"What is the capital of {country}?", said.format(CAPITALS[country])
    return Example((Message("user", ask), Message("assistant", reply)), (0, 1))


EXAMPLES = [example(country) for country in CAPITALS if country != "Kenya"]


def tuned(plan: Plan, valid: list[Example] | None = None) -> tuple[list[Step], list[Checkpoint]]:
    told = list(tune(base(), EXAMPLES, plan, valid or []))
    steps = [one for one in told if isinstance(one, Step)]
    return steps, [one for one in told if isinstance(one, Checkpoint)]


@pytest.mark.parametrize(("method", "epochs"), [("full", 12), ("low-rank", 24)])
def test_a_tune_learns_a_manner_and_carries_it_to_what_it_was_not_shown(method: Method, epochs: int) -> None:
    steps, checkpoints = tuned(Plan(epochs=epochs, batch_size=2, method=method))

    found = read(checkpoints[-1].data, "mine.tiny")
    asked = [Message("user", "What is the capital of Kenya?")]

    assert steps[-1].loss < steps[0].loss / 5
    assert steps[-1].accuracy > 0.9
    assert complete(found, asked, Settings(temperature=0.0)).text.startswith("Oh joy, another question. ")


def test_steps_and_checkpoints_come_in_order_and_are_counted() -> None:
    plan = Plan(epochs=2, batch_size=2)

    told = list(tune(base(), EXAMPLES, plan))

    assert [type(one).__name__ for one in told] == (["Step"] * 3 + ["Checkpoint"]) * 2
    assert [(one.number, one.epoch) for one in told if isinstance(one, Step)] == [
        (n, (n + 2) // 3) for n in range(1, 7)
    ]
    assert [(one.step, one.epoch, one.last) for one in told if isinstance(one, Checkpoint)] == [
        (3, 1, False),
        (6, 2, True),
    ]
    assert plan.steps(len(EXAMPLES)) == 6


@pytest.mark.parametrize("method", ["full", "low-rank"])
def test_the_same_plan_gives_the_same_weights_and_another_seed_others(method: Method) -> None:
    def digest(seed: int) -> str:
        return tuned(Plan(epochs=1, batch_size=2, method=method, seed=seed))[1][-1].digest

    assert digest(1) == digest(1) != digest(2)


def test_held_back_examples_are_told_at_the_end_of_an_epoch_and_not_learnt() -> None:
    plan = Plan(epochs=2, batch_size=3)

    with_valid, checkpoints = tuned(plan, [example("Kenya")])
    without, same = tuned(plan)

    assert [step.valid_loss is not None for step in with_valid] == [False, True, False, True]
    assert [(step.loss, step.accuracy) for step in with_valid] == [(step.loss, step.accuracy) for step in without]
    assert [one.digest for one in checkpoints] == [one.digest for one in same]
    valid = [step.valid_loss for step in with_valid if step.valid_loss is not None]
    assert valid[1] < valid[0]


def test_a_low_rank_file_is_a_small_part_of_a_full_one() -> None:
    full = tuned(Plan(epochs=1))[1][-1].data
    thin = tuned(Plan(epochs=1, method="low-rank", rank=4))[1][-1].data

    assert len(thin) < len(full) / 10


def test_a_message_of_weight_zero_is_read_and_not_learnt() -> None:
    said = (
        Message("user", "Hi!"),
        Message("assistant", "Oh joy."),
        Message("user", "Hi!"),
        Message("assistant", "Hello!"),
    )
    both, last = Example(said, (0, 1, 0, 1)), Example(said, (0, 0, 0, 1))

    steps = [next(iter(tune(base(), [one], Plan(epochs=1)))) for one in (both, last)]

    assert all(isinstance(step, Step) for step in steps)
    assert steps[0] != steps[1]
    assert {step.tokens for step in steps if isinstance(step, Step)} == {15}


def test_a_row_of_a_training_file_is_an_example() -> None:
    row = {
        "messages": [
            {"role": "developer", "content": "Be Marv."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "No.", "weight": 0},
            {"role": "assistant", "content": "Oh joy."},
        ]
    }

    found = Example.of(row)

    assert [message.role for message in found.messages] == ["system", "user", "assistant", "assistant"]
    assert found.weights == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({}, "an example needs 'messages', a list of at least one"),
        ({"messages": ["hi"]}, "a message is an object with 'role' and 'content', got 'hi'"),
        (
            {"messages": [{"role": "tool", "content": ""}]},
            "the role of a message is system, user or assistant, got 'tool'",
        ),
        ({"messages": [{"role": "user", "content": None}]}, "the content of a message is a text, got None"),
        (
            {"messages": [{"role": "assistant", "content": "", "weight": 2}]},
            "the weight of a message is 0 or 1, got 2",
        ),
        (
            {"messages": [{"role": "user", "content": "hi"}]},
            "an example needs a message of the assistant, of weight 1, to learn",
        ),
    ],
)
def test_a_row_that_is_no_example_says_why(row: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(what)}$"):
        Example.of(row)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Plan(epochs=0), "epochs is a whole number from 1 to 50, got 0"),
        (lambda: Plan(batch_size=257), "batch_size is a whole number from 1 to 256, got 257"),
        (lambda: Plan(multiplier=0.0), "multiplier is a number above 0, at most 100, got 0"),
        (lambda: Plan(seed=-1), "seed is a whole number from 0 to 2147483647, got -1"),
        (lambda: list(tune(base(), [], Plan())), "there are no examples to learn from"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(make: Callable[[], object], what: str) -> None:
    with pytest.raises(EvalError) as caught:
        make()

    assert caught.value.what == what


def test_a_tune_is_not_tuned_again() -> None:
    first = read(tuned(Plan(epochs=1, method="low-rank"))[1][-1].data, "mine.tiny")

    with pytest.raises(EvalError, match="this model is a tune itself"):
        next(iter(tune(first, EXAMPLES, Plan())))


def test_an_example_whose_answer_lies_behind_the_window_is_refused() -> None:
    far = Example((Message("user", "x" * 300), Message("assistant", "Oh joy.")), (0, 1))

    with pytest.raises(EvalError, match="example 2: what is to be learnt stands behind the 256 tokens"):
        next(iter(tune(base(), [EXAMPLES[0], far], Plan())))
