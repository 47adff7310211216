"""The model in the box as a server's brain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from evalharness.records import Message
from evalharness.serving.brain import (
    Embedded,
    Hyperparameters,
    Lesson,
    Likely,
    Loss,
    Read,
    Said,
    Sampling,
    Step,
    Token,
    Unanswerable,
)
from evalharness.serving.brain import Weights as Learnt
from evalharness.tiny import chat, reading, tuning, weights
from evalharness.tiny.generating import ENDINGS, Spoken
from evalharness.tiny.reading import spelt
from evalharness.tiny.tokenizer import Tokenizer

NAME = "tiny"
KEPT = 16
"""Tuned models that are kept in memory between questions."""


class Tiny:
    """The base network in the package, and whatever was tuned from it."""

    def __init__(self) -> None:
        self._loaded = lru_cache(KEPT)(weights.read)

    @classmethod
    def loaded(cls) -> Tiny:
        """One whose base is read now; `Faults` where the package lacks it, or it is damaged."""
        weights.base()
        return cls()

    @property
    def names(self) -> tuple[str, ...]:
        """There is one."""
        return (NAME,)

    def complete(self, base: str, learnt: Learnt | None, messages: Sequence[Message], sampling: Sampling) -> Said:
        """A reply, token by token."""
        model = self._model(learnt)
        settings = chat.Settings(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            max_tokens=sampling.most,
            stop=sampling.stops,
            logprobs=True,
            top=sampling.top,
        )
        try:
            reply = chat.complete(model, messages, settings, sampling.choice, goes_on=sampling.goes_on)
            prompt = _prompt(model, messages, goes_on=sampling.goes_on) if sampling.weighs else ()
        except chat.Unusable as error:
            code = "context_length_exceeded" if error.param == "messages" else None
            raise Unanswerable(error.what, error.param, code) from None
        tokens = tuple(_tokens(model.tokenizer, reply.spoken, reply.text))
        return Said(tokens, reply.finish, reply.tokens_in, reply.tokens_out, prompt)

    def embed(self, base: str, learnt: Learnt | None, text: str) -> Embedded:
        """The mean of its tokens' vectors in the network's own table, of length one."""
        try:
            return Embedded(*chat.embed(self._model(learnt), text))
        except chat.Unusable as error:
            raise Unanswerable(error.what, error.param) from None

    def _model(self, learnt: Learnt | None) -> weights.Model:
        return weights.base() if learnt is None else self._loaded(learnt.raw, learnt.name)

    def settled(self, wished: Hyperparameters, examples: int) -> Hyperparameters:
        """What suits some dozens of examples."""
        return Hyperparameters(
            wished.epochs or tuning.EPOCHS, wished.batch or tuning.BATCH, 1.0 if wished.rate is None else wished.rate
        )

    def tune(self, lesson: Lesson) -> Iterator[Step]:
        """Learns with every weight; at the end of each epoch there is a checkpoint."""
        wished = lesson.hyperparameters
        plan = tuning.Plan(
            epochs=wished.epochs or tuning.EPOCHS,
            batch_size=wished.batch or tuning.BATCH,
            multiplier=wished.rate or 1.0,
            seed=lesson.seed,
        )
        examples, validation = (
            [tuning.Example(one.messages, tuple(map(int, one.learnt))) for one in side]
            for side in (lesson.examples, lesson.validation)
        )
        of = plan.steps(len(examples))
        last: tuning.Step | None = None
        trained = 0
        for told in tuning.tune(weights.base(), examples, plan, validation):
            if isinstance(told, tuning.Step):
                if last is not None:
                    yield _step(last, of, trained, None)
                last, trained = told, trained + told.tokens
            elif last is not None:
                yield _step(last, of, trained, told.data)
                last = None


def _step(step: tuning.Step, of: int, trained: int, data: bytes | None) -> Step:
    whole = None
    if step.valid_loss is not None and step.valid_accuracy is not None:
        whole = Loss(step.valid_loss, step.valid_accuracy)
    return Step(step.number, of, Loss(step.loss, step.accuracy), trained, whole, whole, data)


def _tokens(tokenizer: Tokenizer, spoken: Sequence[Spoken], text: str) -> Iterator[Token]:
    """Each token with what it adds."""
    added = spelt(tokenizer, [one.token for one in spoken], text)
    for one, words in zip(spoken, added, strict=True):
        top = tuple(_likely(tokenizer, *likely) for likely in one.top)
        yield Token(_likely(tokenizer, one.token, one.logprob), words, top)


def _prompt(model: weights.Model, messages: Sequence[Message], *, goes_on: bool) -> tuple[Read, ...]:
    """Each token of what is read of a conversation; a mark by its name."""
    tokenizer = model.tokenizer
    ids = (chat.opened if goes_on else chat.window)(model, messages)[0]
    told = zip(reading.weigh(model, ids), spelt(tokenizer, ids, tokenizer.decode(ids)), strict=True)
    return tuple(
        Read(
            one.token,
            tokenizer.mark(one.token) if one.token in ENDINGS else added,
            one.logprob,
            one.rank,
            one.likeliest,
            _likely(tokenizer, one.likeliest, one.top or 0.0),
        )
        for one, added in told
    )


def _likely(tokenizer: Tokenizer, token: int, logprob: float) -> Likely:
    raw = bytes(tokenizer.token_bytes(token))
    return Likely(raw.decode("utf-8", "replace") or tokenizer.mark(token), logprob, raw)
