"""The network: a small transformer in NumPy, its loss, and the gradients of the loss written out by hand.

A block reads what stands before each token (attention, with rotary positions, so that only distances count) and then
works on each token by itself (two layers with a squared ramp between them); both add to what was there. The table that
turns tokens into vectors turns vectors into tokens again at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.floating]"
Ids: TypeAlias = "NDArray[np.int64]"
Weights: TypeAlias = dict[str, Floats]
"""Every table of a network by its name."""

TINIEST = 1e-5
"""Added under a root, so that a vector of zeros can be scaled."""

NOWHERE = -1e9
"""A weight of attention that counts for nothing."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that make one network another's match. context: tokens that fit in its window."""

    tokens: int
    width: int = 128
    layers: int = 4
    heads: int = 4
    context: int = 256

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """The size of every table of weights, in the order in which they are stored."""
        width = self.width
        found: dict[str, tuple[int, ...]] = {"embed": (self.tokens, width)}
        for layer in range(self.layers):
            found |= {
                f"{layer}.norm1": (width,),
                f"{layer}.look": (3 * width, width),
                f"{layer}.gather": (width, width),
                f"{layer}.norm2": (width,),
                f"{layer}.up": (4 * width, width),
                f"{layer}.down": (width, 4 * width),
            }
        return found | {"norm": (width,)}


def initial(shape: Shape, seed: int) -> Weights:
    """Weights before any training: small random numbers, scales of one."""
    import numpy as np

    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for name, size in shape.sizes().items():
        if len(size) == 1:
            weights[name] = np.ones(size, np.float32)
        else:
            spread = 0.02 / (2 * shape.layers) ** 0.5 if name.endswith(("gather", "down")) else 0.02
            weights[name] = rng.normal(0.0, spread, size).astype(np.float32)
    return weights


@dataclass(frozen=True, slots=True)
class Loss:
    """How wrong the network was on the tokens asked for. loss: nats a token. hits: how many it would have said itself.

    tokens: how many were asked for. gradients: how each weight moves the loss.
    """

    loss: float
    hits: int
    tokens: int
    gradients: Weights


def loss(shape: Shape, weights: Mapping[str, Floats], tokens: Ids, targets: Ids, *, learn: bool = True) -> Loss:
    """The loss of rows of tokens against what should follow each of them, and its gradients.

    targets: at each place the token that should come next, -1 where nothing is asked. Without `learn` there are no
    gradients.
    """
    import numpy as np

    state, tape = _forward(shape, weights, tokens)
    final, scale = _normed(state, weights["norm"])
    rows, places = np.nonzero(targets >= 0)
    wanted = targets[rows, places]
    asked = final[rows, places]
    scores = asked @ weights["embed"].T
    scores -= scores.max(-1, keepdims=True)
    first = scores.argmax(-1)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    count = len(rows)
    each = np.arange(count)
    wrong = -float(np.log(scores[each, wanted] + 1e-12).mean())
    hits = int((first == wanted).sum())
    if not learn:
        return Loss(wrong, hits, count, {})
    scores[each, wanted] -= 1.0
    scores /= count
    gradients: Weights = {"embed": scores.T @ asked}
    back = np.zeros_like(final)
    back[rows, places] = scores @ weights["embed"]
    back, gradients["norm"] = _normed_back(back, state, scale, weights["norm"])
    for layer in reversed(range(shape.layers)):
        back = _block_back(shape, weights, layer, tape[layer], back, gradients)
    np.add.at(gradients["embed"], tokens.ravel(), back.reshape(-1, shape.width))
    return Loss(wrong, hits, count, gradients)


def states(shape: Shape, weights: Mapping[str, Floats], tokens: Ids) -> Floats:
    """What the network makes of each place of rows of tokens; times the table, the scores of what comes next."""
    state, _ = _forward(shape, weights, tokens)
    return normed(state, weights["norm"])


# --- forward ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tape:
    """What a block keeps of its way forward for the way back."""

    before: Floats
    scale1: Floats
    looked: Floats
    query: Floats
    key: Floats
    value: Floats
    heed: Floats
    mixed: Floats
    between: Floats
    scale2: Floats
    worked: Floats
    ramp: Floats


def _forward(shape: Shape, weights: Mapping[str, Floats], tokens: Ids) -> tuple[Floats, list[_Tape]]:
    import numpy as np

    length = tokens.shape[1]
    state = weights["embed"][tokens]
    turn = turns(shape, 0, length, str(state.dtype))
    shut = np.triu(np.full((length, length), NOWHERE, state.dtype), 1)
    tape = []
    for layer in range(shape.layers):
        state, kept = _block(shape, weights, layer, state, turn, shut)
        tape.append(kept)
    return state, tape


def _block(
    shape: Shape, weights: Mapping[str, Floats], layer: int, state: Floats, turn: Turn, shut: Floats
) -> tuple[Floats, _Tape]:
    import numpy as np

    rows, length, width = state.shape
    looked, scale1 = _normed(state, weights[f"{layer}.norm1"])
    all_three = through(looked, weights[f"{layer}.look"])
    query, key, value = all_three.reshape(rows, length, 3, shape.heads, -1).transpose(2, 0, 3, 1, 4)
    query, key = turned(query, turn), turned(key, turn)
    heed = query @ key.transpose(0, 1, 3, 2)
    heed *= _root(shape)
    heed += shut
    softmax(heed)
    mixed = (heed @ value).transpose(0, 2, 1, 3).reshape(rows, length, width)
    between = state + through(mixed, weights[f"{layer}.gather"])
    worked, scale2 = _normed(between, weights[f"{layer}.norm2"])
    ramp = through(worked, weights[f"{layer}.up"])
    np.maximum(ramp, 0, out=ramp)
    after = between + through(ramp * ramp, weights[f"{layer}.down"])
    kept = _Tape(state, scale1, looked, query, key, value, heed, mixed, between, scale2, worked, ramp)
    return after, kept


def through(vectors: Floats, table: Floats) -> Floats:
    """Vectors times a table with a row for each number that comes out."""
    # One product of two tables: of a stack of tables NumPy would make many small ones, three times as slow.
    return (vectors.reshape(-1, table.shape[1]) @ table.T).reshape(*vectors.shape[:-1], -1)


def normed(state: Floats, gain: Floats) -> Floats:
    """Vectors brought to length one a number, times a gain for each of their numbers."""
    return _normed(state, gain)[0]


def _normed(state: Floats, gain: Floats) -> tuple[Floats, Floats]:
    import numpy as np

    squares = np.einsum("...i,...i->...", state, state)[..., None] / state.shape[-1]
    scale = 1.0 / np.sqrt(squares + TINIEST)
    return state * scale * gain, scale


def softmax(scores: Floats) -> None:
    """Turns scores into shares of one, in place, along the last axis."""
    import numpy as np

    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)


def _root(shape: Shape) -> float:
    return float((shape.width // shape.heads) ** -0.5)


Turn: TypeAlias = "tuple[Floats, Floats]"


def turns(shape: Shape, start: int, end: int, kind: str = "float32") -> Turn:
    """How far the vectors of places are turned: cosines and sines, a row a place."""
    cosines, sines = _all_turns(shape.width // shape.heads, shape.context, kind)
    return cosines[start:end], sines[start:end]


@lru_cache(maxsize=8)
def _all_turns(size: int, context: int, kind: str) -> Turn:
    import numpy as np

    speeds = 1000.0 ** -(np.arange(size // 2) / (size // 2))
    angles = np.arange(context)[:, None] * speeds
    return np.cos(angles).astype(kind), np.sin(angles).astype(kind)


def turned(vectors: Floats, turn: Turn, *, back: bool = False) -> Floats:
    """Queries or keys turned by their places, or turned back."""
    import numpy as np

    cosines, sines = turn
    sines = -sines if back else sines
    half = vectors.shape[-1] // 2
    left, right = vectors[..., :half], vectors[..., half:]
    return np.concatenate((left * cosines - right * sines, left * sines + right * cosines), -1)


# --- and back ---------------------------------------------------------------------------------------------------------


def _block_back(
    shape: Shape, weights: Mapping[str, Floats], layer: int, tape: _Tape, back: Floats, gradients: Weights
) -> Floats:
    """The gradient before a block from the one behind it; the block's own are put among `gradients`."""
    import numpy as np

    rows, length, width = back.shape
    flat = back.reshape(-1, width)
    ramp = tape.ramp.reshape(-1, tape.ramp.shape[-1])
    gradients[f"{layer}.down"] = flat.T @ (ramp * ramp)
    ramp_back = flat @ weights[f"{layer}.down"]
    ramp_back *= ramp
    ramp_back *= 2.0
    gradients[f"{layer}.up"] = ramp_back.T @ tape.worked.reshape(-1, width)
    worked_back = (ramp_back @ weights[f"{layer}.up"]).reshape(back.shape)
    own, gradients[f"{layer}.norm2"] = _normed_back(worked_back, tape.between, tape.scale2, weights[f"{layer}.norm2"])
    back = back + own
    flat = back.reshape(-1, width)
    gradients[f"{layer}.gather"] = flat.T @ tape.mixed.reshape(-1, width)
    mixed_back = (flat @ weights[f"{layer}.gather"]).reshape(rows, length, shape.heads, -1).transpose(0, 2, 1, 3)
    heed_back = mixed_back @ tape.value.transpose(0, 1, 3, 2)
    value_back = tape.heed.transpose(0, 1, 3, 2) @ mixed_back
    heed_back -= (heed_back * tape.heed).sum(-1, keepdims=True)
    heed_back *= tape.heed
    heed_back *= _root(shape)
    turn = turns(shape, 0, length, str(back.dtype))
    query_back = turned(heed_back @ tape.key, turn, back=True)
    key_back = turned(heed_back.transpose(0, 1, 3, 2) @ tape.query, turn, back=True)
    three = np.stack((query_back, key_back, value_back)).transpose(1, 3, 0, 2, 4).reshape(-1, 3 * width)
    gradients[f"{layer}.look"] = three.T @ tape.looked.reshape(-1, width)
    looked_back = (three @ weights[f"{layer}.look"]).reshape(back.shape)
    own, gradients[f"{layer}.norm1"] = _normed_back(looked_back, tape.before, tape.scale1, weights[f"{layer}.norm1"])
    return back + own


def _normed_back(back: Floats, state: Floats, scale: Floats, gain: Floats) -> tuple[Floats, Floats]:
    import numpy as np

    even = state * scale
    gained = back * gain
    own = np.einsum("...i,...i->...", gained, even)[..., None] / state.shape[-1]
    return scale * (gained - even * own), (back * even).reshape(-1, gain.shape[0]).sum(0)
