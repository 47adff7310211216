"""A text as the network takes it in: how likely each of its tokens was, and one vector for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalharness.tiny.network import states
from evalharness.tiny.tokenizer import Tokenizer
from evalharness.tiny.weights import Model


@dataclass(frozen=True, slots=True)
class Read:
    """One token that was read: its log-likelihood after those before it, its rank by that, from 1, the likeliest token
    of its place, and that one's. The first of all follows nothing: its likelihoods are None, and it is the likeliest.
    """

    token: int
    logprob: float | None
    rank: int
    likeliest: int
    top: float | None


def weigh(model: Model, tokens: Sequence[int]) -> tuple[Read, ...]:
    """How likely the network holds each token after those before it, in natural logarithms.

    These are the exact likelihoods of the network, by which it would draw at a temperature of 1. tokens: at least one,
    at most as many as fit in the window.
    """
    import numpy as np

    first = Read(tokens[0], None, 1, tokens[0], None)
    if len(tokens) == 1:
        return (first,)
    state = states(model.shape, model.weights, np.array([tokens[:-1]], np.int64))[0]
    scores = (state @ model.weights["embed"].T).astype(np.float64)
    scores -= scores.max(-1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(-1, keepdims=True))
    best = scores.argmax(-1)
    each = np.arange(len(scores))
    own, top = scores[each, list(tokens[1:])], scores[each, best]
    ranks = (scores > own[:, None]).sum(-1) + 1
    rest = zip(tokens[1:], own.tolist(), ranks.tolist(), best.tolist(), top.tolist(), strict=True)
    return (first, *(Read(*told) for told in rest))


def spelt(tokenizer: Tokenizer, tokens: Sequence[int], text: str) -> tuple[str, ...]:
    """What each token adds to the text they say, which may be cut short. A character that several tokens make comes
    with the last of them."""
    told = 0
    added = []
    for end in range(1, len(tokens) + 1):
        so_far = text if end == len(tokens) else _common(tokenizer.decode(tokens[:end]), text)
        added.append(so_far[told:])
        told = max(told, len(so_far))
    return tuple(added)


def _common(said: str, text: str) -> str:
    """How much of a text is certain: it stands at the beginning of both."""
    end = 0
    while end < min(len(said), len(text)) and said[end] == text[end]:
        end += 1
    return text[:end]


DIGITS = 6
"""Decimals of a vector's numbers: as many as single precision holds, so that machines agree on them."""


def vector(model: Model, tokens: Sequence[int]) -> tuple[float, ...]:
    """The direction of a text: the mean of its tokens' vectors in the network's own table, brought to length one.

    What words mean counts, as far as the network has learnt it from the company they keep; their order does not.
    tokens: at least one; a mean of nothing but zeros stays as it is.
    """
    import numpy as np

    mean = model.weights["embed"][list(tokens)].astype(np.float64).mean(0)
    length = float(np.sqrt(mean @ mean))
    return tuple(round(number, DIGITS) for number in (mean / (length or 1.0)).tolist())
