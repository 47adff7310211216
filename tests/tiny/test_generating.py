"""Replies: the cache against the whole network, and how tokens are chosen."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from evalharness.tiny.generating import Manner, Reader, generate
from evalharness.tiny.network import Ids, loss
from evalharness.tiny.tokenizer import END
from tests.tiny.small import model

MODEL = model()
PROMPT = MODEL.tokenizer.encode("What is the capital of France?")


def test_tokens_read_one_by_one_score_as_the_network_scores_them_at_once() -> None:
    tokens: Ids = np.array([PROMPT])
    reader = Reader(MODEL.shape, MODEL.weights, 1)
    for place in range(len(PROMPT)):
        scores = reader.read(tokens[:, place : place + 1])[0].astype(np.float64)
        shares = np.exp(scores - scores.max())
        wanted: Ids = np.full_like(tokens, -1)
        wanted[0, place] = 270

        whole = loss(MODEL.shape, MODEL.weights, tokens, wanted, learn=False).loss

        assert math.exp(-whole) == pytest.approx(shares[270] / shares.sum(), rel=1e-4)


def test_prompts_read_together_are_answered_as_each_alone() -> None:
    prompts = [MODEL.tokenizer.encode(text) for text in ("Paris", "What is the capital of France?", "I do not know.")]
    manner = Manner(most=12)

    together = generate(MODEL.shape, MODEL.weights, prompts, manner)
    alone = [generate(MODEL.shape, MODEL.weights, [prompt], manner)[0] for prompt in prompts]

    assert [said.tokens for said in together] == [said.tokens for said in alone]


def test_without_temperature_each_token_is_the_likeliest() -> None:
    said = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(most=10, top=3))[0]

    assert len(said.spoken) == 10
    for spoken in said.spoken:
        assert spoken.top[0] == (spoken.token, spoken.logprob)
        assert [logprob for _, logprob in spoken.top] == sorted((logprob for _, logprob in spoken.top), reverse=True)


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    def said(*seed: int) -> tuple[int, ...]:
        return generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(1.5, most=20), [seed])[0].tokens

    assert said(7, 0) == said(7, 0)
    assert len({said(7, 0), said(8, 0), said(7, 1)}) == 3


def test_tokens_are_drawn_as_often_as_their_likelihood_at_that_temperature_says() -> None:
    first = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(most=1, top=len(MODEL.tokenizer)))[0].spoken[0]
    shares = {token: math.exp(logprob / 0.25) for token, logprob in first.top}
    total = sum(shares.values())

    drawn = generate(MODEL.shape, MODEL.weights, [PROMPT] * 400, Manner(0.25, most=1), [(n,) for n in range(400)])
    counts = Counter(said.tokens[0] if said.tokens else END for said in drawn)

    # Four standard deviations of a share among 400: a false alarm once in sixteen thousand seeds, and the seeds stand.
    for token, count in counts.most_common(3):
        share = shares[token] / total
        assert count / 400 == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 400))


def test_likelihoods_of_all_tokens_of_a_place_sum_to_one_whatever_the_temperature() -> None:
    manner = Manner(0.3, most=3, top=len(MODEL.tokenizer))

    said = generate(MODEL.shape, MODEL.weights, [PROMPT], manner, [(1,)])[0]

    assert [sum(math.exp(logprob) for _, logprob in spoken.top) for spoken in said.spoken] == pytest.approx([1.0] * 3)


def test_a_tiny_top_p_leaves_only_the_likeliest() -> None:
    greedy = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(most=8))[0]

    narrow = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(2.0, 1e-9, most=8), [(3,)])[0]

    assert narrow.tokens == greedy.tokens


def test_a_reply_is_cut_at_the_most_tokens_and_at_the_end_of_the_window() -> None:
    short = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner(most=3))[0]
    full = generate(MODEL.shape, MODEL.weights, [PROMPT], Manner())[0]

    assert (len(short.spoken), short.finish) == (3, "length")
    assert (len(full.spoken), full.finish) == (MODEL.shape.context - len(PROMPT), "length")


def test_a_reply_ends_where_the_network_says_its_end() -> None:
    weights = dict(MODEL.weights)
    embed = weights["embed"].copy()
    said = generate(MODEL.shape, weights, [PROMPT], Manner(most=5))[0].tokens
    embed[END] = embed[said[0]] * 1.5
    weights["embed"] = embed

    ended = generate(MODEL.shape, weights, [PROMPT], Manner(most=5))[0]

    assert (ended.spoken, ended.finish) == ((), "stop")
