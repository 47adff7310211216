"""The network: its gradients against finite differences, and what it may look at."""

from __future__ import annotations

import numpy as np
import pytest

from evalharness.tiny.network import Ids, Shape, Weights, loss
from tests.tiny.small import lively

SHAPE = Shape(tokens=11, width=8, layers=2, heads=2, context=12)
TOKENS: Ids = np.array([[1, 4, 9, 4, 2], [3, 10, 0, 7, 7]])
TARGETS: Ids = np.array([[-1, 9, 4, 2, 5], [10, -1, 7, 7, -1]])


def precise(seed: int = 1) -> Weights:
    """Weights of twice the digits, which finite differences need."""
    rng = np.random.default_rng(seed)
    return {
        name: table.astype(np.float64) + rng.normal(0, 0.1, table.shape) for name, table in lively(SHAPE, seed).items()
    }


def test_every_table_has_the_gradient_that_finite_differences_give() -> None:
    weights = precise()
    found = loss(SHAPE, weights, TOKENS, TARGETS).gradients

    assert found.keys() == weights.keys() == SHAPE.sizes().keys()
    rng = np.random.default_rng(0)
    for name, table in weights.items():
        for _ in range(6):
            place = tuple(int(rng.integers(size)) for size in table.shape)
            assert found[name][place] == pytest.approx(slope(weights, name, place), rel=1e-5, abs=1e-8), name


def slope(weights: Weights, name: str, place: tuple[int, ...], by: float = 1e-5) -> float:
    """How the loss moves with one weight: the central difference."""
    sides = []
    for move in (by, -by):
        moved = dict(weights) | {name: weights[name].copy()}
        moved[name][place] += move
        sides.append(loss(SHAPE, moved, TOKENS, TARGETS, learn=False).loss)
    return (sides[0] - sides[1]) / (2 * by)


def test_the_loss_of_a_network_that_knows_nothing_is_that_of_guessing() -> None:
    weights = {name: np.zeros(size) for name, size in SHAPE.sizes().items()}

    found = loss(SHAPE, weights, TOKENS, TARGETS)

    assert found.loss == pytest.approx(np.log(11))
    assert found.tokens == 7


def test_what_follows_a_place_does_not_change_what_is_said_there() -> None:
    weights = precise()
    later = TOKENS.copy()
    later[:, 3:] = 6
    early = np.where(np.arange(5) < 3, TARGETS, -1)

    assert loss(SHAPE, weights, later, early).loss == pytest.approx(loss(SHAPE, weights, TOKENS, early).loss, abs=1e-12)


def test_hits_count_the_targets_that_were_the_likeliest() -> None:
    weights = precise()
    one = np.array([[1, 4]])
    scores = [loss(SHAPE, weights, one, np.array([[-1, token]])) for token in range(11)]

    best = min(range(11), key=lambda token: scores[token].loss)

    assert [found.hits for found in scores] == [int(token == best) for token in range(11)]
    assert sum(np.exp(-found.loss) for found in scores) == pytest.approx(1.0)
