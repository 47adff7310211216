"""The check `likelihood`: how likely the model under test holds an answer that the suite gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from evalharness.flow import Answer, Flow, ask_all
from evalharness.records import Conversation, Failure, Grade, Message, ModelRef, Request
from evalharness.scorers.base import ARM, Unfit, scorer
from evalharness.text import shown

MOST_ANSWERS = 50


@scorer("likelihood")
@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely the model holds a right answer, token by token, whatever it said itself.

    ```yaml
    suite: knows
    cases:
      - ask: What is the capital of France?
        expect:
          facts:
            likelihood: The capital of France is Paris.
            pass_at: 0.5
    ```

    The reply is not read: the model is asked how likely it would have begun it with this answer, after the same
    messages. What was cut off or filtered therefore counts as any other. The grade is the geometric mean of the
    probabilities of the answer's tokens, exp(log-probability / tokens), which is one over the perplexity, from 0 to 1:
    0.5 says that the model gave each token even odds. It is a mean over tokens, as the probability of the whole falls
    with every word and says more of the length than of the model. Of a list of answers the likeliest counts. `why`
    holds the log-probability and the tokens.

    It is the check that sees forgetting first: a fact's probability sinks long before another word is the likeliest and
    a reply is wrong, so that few cases tell what `mentions` needs many for. Give the answer as the base itself would
    write it, and set `pass_at` by what the base reaches; the statistics use the grade itself.

    The model must be able to say it: `tiny:` does, and servers that tell of their prompts, as vLLM does (see Models).
    Elsewhere the grade is unknown, and the report says why. A snapshot's model is not asked again: its grade is kept
    while the suite stays as it was, and is unknown when it has changed; so it is for a run that `rescore` reads.

    **Does not catch**: that the model would say it in other words, or with a flourish before it: a tune with a new
    voice finds a plain answer unlikely, though it knows the fact. Compare what is meant to stay, or give answers in
    both voices. Tokens differ between families of models: a mean over tokens compares tunes of one base.
    """

    reads: ClassVar[str] = "question"

    answers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.answers or not all(answer.strip() for answer in self.answers):
            raise Unfit("answers", "an answer has at least one word")
        if len(self.answers) > MOST_ANSWERS:
            raise Unfit("answers", f"at most {MOST_ANSWERS} answers can be asked for")

    def asks(self) -> tuple[str, ...]:
        """The model under test itself."""
        return (ARM,)

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The likeliest answer's mean probability a token; unknown where one of them is not told."""
        if not conversation.replies:
            return Grade(None, "nothing was asked")
        return self._asked(conversation.messages[: conversation.replies[-1]])

    def _asked(self, before: tuple[Message, ...]) -> Flow[Grade]:
        told = yield from ask_all(
            *(
                Request(ModelRef(ARM, ""), (*before, Message("assistant", answer)), kind="likelihood")
                for answer in self.answers
            )
        )
        grades = [_grade(answer, said) for answer, said in zip(self.answers, told, strict=True)]
        return max(grades, key=_known_last)


def _known_last(grade: Grade) -> float:
    """Unknown grades before all others: one of them might have been the best."""
    return math.inf if grade.value is None else grade.value


def _grade(answer: str, said: Answer) -> Grade:
    if isinstance(said, Failure):
        return Grade(None, f"no likelihood: {said.message}")
    tokens = [token.logprob for token in said.logprobs]
    if not tokens:
        return Grade(None, "no likelihood: the answer came without its tokens")
    whole = math.fsum(tokens)
    value = math.exp(whole / len(tokens))
    count = "1 token" if len(tokens) == 1 else f"{len(tokens)} tokens"
    return Grade(value, f"{value:.3f} a token (log-probability {whole:.3g} over {count}) for {shown(answer, 50)}")
