"""Replies, token by token: what was read before is kept as keys and values, so that each token is read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalharness.tiny.network import NOWHERE, Shape, normed, softmax, through, turned, turns
from evalharness.tiny.tokenizer import ASSISTANT, END, PAD, SYSTEM, USER

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

    from evalharness.tiny.network import Floats, Ids

Finish: TypeAlias = Literal["stop", "length"]

ENDINGS = (END, PAD, SYSTEM, USER, ASSISTANT)
"""Tokens behind which a reply does not go on."""

MOST_TOP = 20
"""Of how many tokens a place the likelihood can be told."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How tokens are chosen. temperature: 0 takes the likeliest. top_p: the share of likelihood drawn from.

    most: tokens of a reply at most, None up to the end of the window. top: how many of the likeliest tokens are told.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    most: int | None = None
    top: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """One token of a reply, its log-likelihood, and the likeliest tokens of its place with theirs, best first.

    Likelihoods are the network's own, whatever the temperature.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What followed a prompt, less the token that ended it; `length` where it was cut off."""

    spoken: tuple[Spoken, ...]
    finish: Finish

    @property
    def tokens(self) -> tuple[int, ...]:
        """Its tokens alone."""
        return tuple(spoken.token for spoken in self.spoken)


class Reader:
    """A network that reads rows of tokens, each row on from where it was."""

    def __init__(self, shape: Shape, weights: Mapping[str, Floats], rows: int) -> None:
        import numpy as np

        self._shape, self._weights = shape, weights
        size = (shape.layers, 2, rows, shape.heads, shape.context, shape.width // shape.heads)
        self._kept = np.empty(size, np.float32)
        self._shut = np.zeros((rows, 1, 1, shape.context), np.float32)
        self._padded = False
        self.place = 0
        """How many tokens of each row have been read."""

    def read(self, tokens: Ids) -> Floats:
        """Scores of every token to come next, a row each. Padding may stand before a row's first token, and only
        there."""
        import numpy as np

        shape, weights, start = self._shape, self._weights, self.place
        rows, length = tokens.shape
        end = start + length
        self.place = end
        if start == 0 and (tokens == PAD).any():
            self._padded = True
            self._shut[:, 0, 0, :end] = np.where(tokens == PAD, NOWHERE, 0)
        state = weights["embed"][tokens]
        turn = turns(shape, start, end)
        later = np.triu(np.full((length, end), NOWHERE, np.float32), start + 1) if length > 1 else None
        for layer in range(shape.layers):
            looked = normed(state, weights[f"{layer}.norm1"])
            three = through(looked, weights[f"{layer}.look"]).reshape(rows, length, 3, shape.heads, -1)
            query, key, value = three.transpose(2, 0, 3, 1, 4)
            keys, values = self._kept[layer]
            keys[:, :, start:end] = turned(key, turn)
            values[:, :, start:end] = value
            heed = turned(query, turn) @ keys[:, :, :end].transpose(0, 1, 3, 2)
            heed *= (shape.width // shape.heads) ** -0.5
            if later is not None:
                heed += later
            if self._padded:
                heed += self._shut[..., :end]
            softmax(heed)
            mixed = (heed @ values[:, :, :end]).transpose(0, 2, 1, 3).reshape(rows, length, -1)
            state = state + through(mixed, weights[f"{layer}.gather"])
            ramp = through(normed(state, weights[f"{layer}.norm2"]), weights[f"{layer}.up"])
            np.maximum(ramp, 0, out=ramp)
            ramp *= ramp
            state = state + through(ramp, weights[f"{layer}.down"])
        return through(normed(state[:, -1], weights["norm"]), weights["embed"])


def generate(
    shape: Shape,
    weights: Mapping[str, Floats],
    prompts: Sequence[Sequence[int]],
    manner: Manner,
    seeds: Sequence[Sequence[int]] = (),
) -> list[Said]:
    """What follows each prompt. seeds: numbers by which a prompt's tokens are drawn; needed where temperature is not 0.

    Prompts that are shorter than the longest are read behind padding, whose rounding can tip a near tie: a prompt asked
    alone is answered the same wherever and whenever it is asked.
    """
    import numpy as np

    longest = max(map(len, prompts))
    room = shape.context - longest
    most = room if manner.most is None else min(manner.most, room)
    draws: list[Generator | None] = [np.random.default_rng(list(seed)) for seed in seeds]
    draws = draws or [None] * len(prompts)
    reader = Reader(shape, weights, len(prompts))
    rows = np.array([[*[PAD] * (longest - len(prompt)), *prompt] for prompt in prompts], np.int64)
    spoken: list[list[Spoken]] = [[] for _ in prompts]
    finish: list[Finish | None] = [None] * len(prompts)
    for left in range(most, -1, -1):
        scores = reader.read(rows)
        for row, draw in enumerate(draws):
            if finish[row] is None:
                found = _choose(scores[row], manner, draw)
                finish[row] = "stop" if found.token in ENDINGS else "length" if left == 0 else None
                if finish[row] is None:
                    spoken[row].append(found)
        if None not in finish or reader.place == shape.context:
            break
        rows = np.array([[said[-1].token if said else END] for said in spoken], np.int64)
    return [Said(tuple(said), ended or "length") for said, ended in zip(spoken, finish, strict=True)]


def _choose(scores: Floats, manner: Manner, draw: Generator | None) -> Spoken:
    import numpy as np

    even = scores.astype(np.float64) - float(scores.max())
    logprobs = even - np.log(np.exp(even).sum())
    token = int(scores.argmax()) if manner.temperature == 0 or draw is None else _drawn(even, manner, draw)
    best = np.argsort(-logprobs, kind="stable")[: manner.top] if manner.top else ()
    return Spoken(token, float(logprobs[token]), tuple((int(other), float(logprobs[other])) for other in best))


def _drawn(even: NDArray[np.float64], manner: Manner, draw: Generator) -> int:
    """A token by its likelihood at a temperature, among the likeliest that together reach `top_p`."""
    import numpy as np

    likely = np.exp(even / manner.temperature)
    likely /= likely.sum()
    order = np.argsort(-likely, kind="stable")
    sums = np.cumsum(likely[order])
    among = int(np.searchsorted(sums, manner.top_p)) + 1 if manner.top_p < 1 else len(order)
    place = int(np.searchsorted(sums[:among], draw.random() * sums[min(among, len(sums)) - 1], side="right"))
    return int(order[min(place, len(order) - 1)])
