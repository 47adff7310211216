"""Rows of tokens, and Adam's steps."""

from __future__ import annotations

import numpy as np
import pytest

from evalharness.tiny.learning import Adam, Lesson, batch, length
from evalharness.tiny.network import Weights


def test_each_place_is_asked_for_the_token_behind_it_where_that_is_to_be_learnt() -> None:
    tokens, targets = batch([Lesson((5, 6, 7, 8), (False, False, True, True)), Lesson((5, 9), (False, True))])

    assert tokens.tolist() == [[5, 6, 7], [5, 0, 0]]
    assert targets.tolist() == [[-1, 7, 8], [9, -1, -1]]


def test_adams_first_step_moves_every_weight_by_the_rate_against_its_gradient() -> None:
    weights: Weights = {"a": np.array([1.0, 1.0, 1.0])}

    Adam(longest=100.0).step(weights, {"a": np.array([0.3, -2.0, 0.0])}, 0.1)

    assert weights["a"] == pytest.approx([0.9, 1.1, 1.0])


def test_adams_second_step_follows_the_two_averages() -> None:
    weights: Weights = {"a": np.array([0.0])}
    adam = Adam(longest=100.0)

    adam.step(weights, {"a": np.array([1.0])}, 0.1)
    adam.step(weights, {"a": np.array([-3.0])}, 0.1)

    # By hand: mean (0.9 * 0.1 - 0.1 * 3) / (1 - 0.81) = -1.105263, square (0.98 * 0.02 + 0.02 * 9) / (1 - 0.9604)
    # = 5.040404; the second step is 0.1 * 1.105263 / 2.245084 = 0.0492304 upwards, behind one of 0.1 downwards.
    assert weights["a"] == pytest.approx([-0.1 + 0.0492304], abs=1e-6)


def test_gradients_too_long_are_shortened_to_the_same_direction() -> None:
    long, short = {"a": np.array([0.0, 0.0])}, {"a": np.array([0.0, 0.0])}
    first, second = Adam(longest=1.0), Adam(longest=1.0)

    for scale in (1.0, 50.0):
        first.step(long, {"a": np.array([3.0, 4.0]) * scale}, 0.1)
        second.step(short, {"a": np.array([0.6, 0.8])}, 0.1)

    assert long["a"] == pytest.approx(short["a"], rel=1e-5)
    assert length([np.array([3.0]), np.array([4.0])]) == 5.0


def test_tables_decay_and_scales_do_not() -> None:
    weights: Weights = {"table": np.ones((1, 1)), "scale": np.ones(1)}

    Adam(decay=0.5).step(weights, {"table": np.zeros((1, 1)), "scale": np.zeros(1)}, 0.1)

    assert (weights["table"].item(), weights["scale"].item()) == (0.95, 1.0)


def test_a_gradient_far_below_the_least_hardly_moves_its_weight() -> None:
    weights: Weights = {"a": np.array([0.0, 0.0])}

    Adam(longest=100.0, least=1e-4).step(weights, {"a": np.array([1.0, 1e-6])}, 0.1)

    # By hand: 0.1 * 1 / (1 + 0.0001), and 0.1 * 0.000001 / (0.000001 + 0.0001).
    assert weights["a"] == pytest.approx([-0.09999, -0.00099], rel=1e-3)
