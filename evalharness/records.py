"""The values that travel from suite to verdict. Frozen, slotted, stdlib only."""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

KEY_SCHEMA = 1
RUN_SCHEMA = 1

Payload: TypeAlias = dict[str, object]
"""A JSON object whose shape is not ours: request parameters, a server's extra fields."""

Role: TypeAlias = Literal["system", "user", "assistant"]
Outcome: TypeAlias = Literal["answered", "truncated", "refused", "filtered", "empty", "tool_call"]
FailureKind: TypeAlias = Literal[  # noqa: RUF041 - flat, it would stand on twelve lines
    Literal["rejected", "denied", "quota", "limit", "timeout", "server"],
    Literal["unreachable", "invalid", "gone", "budget", "missing", "stopped"],
]
Word: TypeAlias = Literal["HELD", "IMPROVED", "REGRESSED", "INCONCLUSIVE"]
Scope: TypeAlias = Literal["population", "suite"]
Nearness: TypeAlias = Literal["seen", "near", "unseen"]


def _encoder() -> Callable[[object], str]:
    """`JSONEncoder.encode` builds its C encoder anew for each call, which costs more than most of our values."""
    whole = json.JSONEncoder(separators=(",", ":"))
    make: Callable[..., Callable[[object, int], tuple[str, ...]]] | None = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return whole.encode
    pieces = make(None, whole.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    return lambda value: "".join(pieces(value, 0))


encode = _encoder()
"""JSON text in ASCII, so that a lone surrogate in a reply can be hashed, sent and stored."""


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A named arm of a comparison: which model answers, and all that is put around a question on its way there.

    use: `KIND:TARGET`, as in the config. server: stands for `base_url` in keys (ports and hosts move). system, context:
    the arm's own system text, and the template that puts a case's passages before the question. drop: parameters this
    server refuses. digest: names the content behind a target that is a file, so an edited program is another model.
    """

    name: str
    use: str
    base_url: str = ""
    server: str = ""
    params: Payload = field(default_factory=dict)
    extra_body: Payload = field(default_factory=dict)
    system: str | None = None
    context: str | None = None
    drop: tuple[str, ...] = ()
    digest: str = ""

    @property
    def kind(self) -> str:
        """The model kind that answers: `openai`, `replay`, `command`, `tiny`."""
        return self.use.partition(":")[0]

    @property
    def target(self) -> str:
        """What the kind is asked for: a model name, a file, a program."""
        return self.use.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which case and turn of which suite a question came from; turn counts the asked turns from 1.

    arm: the model under test, also where a judge is asked about its reply; whom the answer is charged to.
    """

    case: str
    turn: int
    suite: str = ""
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model."""

    model: ModelRef
    messages: tuple[Message, ...]
    params: Payload = field(default_factory=dict)
    sample: int = 0
    kind: Literal["chat", "embed", "likelihood"] = "chat"
    origin: Origin | None = None

    def parts(self) -> Payload:
        """All that can change the answer, and nothing else: no time, no timeouts, no user, no key."""
        model = self.model
        parts: Payload = {
            "schema": KEY_SCHEMA,
            "kind": self.kind,
            "use": model.use,
            "server": model.server or model.base_url,
            "digest": model.digest,
            "params": dict(sorted(self.params.items())) if len(self.params) > 1 else self.params,
            "extra_body": dict(sorted(model.extra_body.items())) if model.extra_body else {},
            "sample": self.sample,
            "messages": [[message.role, message.content] for message in self.messages],
        }
        if model.kind == "replay" and self.origin is not None:
            parts["origin"] = [self.origin.case, self.origin.turn]
        return parts

    def key(self) -> str:
        """Names the answer: sha256 of `parts` as canonical JSON, in hexadecimal."""
        return hashlib.sha256(encode(self.parts()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; 0 where it did not say."""

    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a reply with its natural log-probability, and those of other pieces that could have stood there."""

    text: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """A usable answer. served: the model name the server says it used; fingerprint: its build, where it says so.

    logprobs: the reply piece by piece, where the server gives it. vector: what an embedding came to.
    """

    text: str
    outcome: Outcome = "answered"
    usage: Usage = Usage()
    served: str = ""
    fingerprint: str | None = None
    logprobs: tuple[Token, ...] = ()
    vector: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, after how many tries."""

    kind: FailureKind
    message: str
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said for one sample of one case.

    replies: places in `messages` of what the model under test said, in order (scripted replies are not among them);
    outcomes: one for each of them. served, fingerprints: each distinct value, in the order met.
    """

    case: str
    sample: int
    messages: tuple[Message, ...]
    replies: tuple[int, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    usage: Usage = Usage()
    served: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()

    @property
    def reply(self) -> str:
        """The last reply the model gave; empty text where it gave none."""
        return self.messages[self.replies[-1]].content if self.replies else ""

    @property
    def outcome(self) -> Outcome:
        """How the last reply ended."""
        return self.outcomes[-1] if self.outcomes else "empty"

    def until(self, turn: int) -> Conversation:
        """The conversation as it stood after the asked turn `turn` (from 1)."""
        if turn == len(self.replies):
            return self
        end = self.replies[turn - 1] + 1
        return replace(self, messages=self.messages[:end], replies=self.replies[:turn], outcomes=self.outcomes[:turn])

    def with_reply(self, text: str) -> Conversation:
        """The same conversation with another last reply: how a part of a reply is graded as if it were the whole."""
        place = self.replies[-1] if self.replies else len(self.messages)
        messages = (*self.messages[:place], Message("assistant", text), *self.messages[place + 1 :])
        return replace(self, messages=messages, replies=(*self.replies[:-1], place))


@dataclass(frozen=True, slots=True)
class Grade:
    """A scorer's word: value in [0, 1], or None where it could not be scored, which is never a zero; and why.

    by: where several judges were asked, what each said by itself.
    """

    value: float | None
    why: str = ""
    by: tuple[tuple[str, float | None], ...] = ()


CUT_OFF = "cut off at max_tokens"
"""Why a check on a reply that was cut off is 0, unless it says `truncated: allow`."""


@dataclass(frozen=True, slots=True)
class Score:
    """One check's grade. turn: the asked turn from 1, None for the whole conversation. judges: models asked for it."""

    check: str
    aspect: str
    turn: int | None
    grade: Grade
    weight: float = 1.0
    pass_at: float = 0.5
    judges: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the grade reaches `pass_at`; an unknown grade does not."""
        return self.grade.value is not None and self.grade.value >= self.pass_at


@dataclass(frozen=True, slots=True)
class Trial:
    """One sample of one case: what was said, what failed, how it was scored.

    With a failure the conversation holds what was said before it, and each check has a grade of None.
    """

    conversation: Conversation
    failure: Failure | None = None
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A case as the run file remembers it."""

    case: str
    question: str
    aspects: tuple[str, ...]
    tags: tuple[str, ...] = ()
    group: str | None = None
    must_pass: bool = False
    near: Nearness | None = None
    persona: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """What the gate asks of one aspect; scores are in [0, 1], so 0.05 is five points.

    drop_at_most: the margin of non-inferiority. gain_at_least: the gain the whole interval must reach. at_least: the
    tuned model against a threshold. both_within: neither lower nor higher by more. drift_at_most: what the tuned model
    may lose from the first turn of a conversation to the last.
    """

    aspect: str
    drop_at_most: float | None = None
    gain_at_least: float | None = None
    at_least: float | None = None
    both_within: float | None = None
    win_at_least: float | None = None
    drift_at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Instrument:
    """A check that asks models what a reply is worth: what can be calibrated, and is another one once it changes.

    judges: the models asked, each as `NAME (USE)`. scale: what a verdict can be, `yes-no`, `1-5`, `checklist`,
    `grade` for a check that holds a judge within, or `pair` for judges of duels. rubric: what is asked of a reply, the
    first of several where rows of data fill it. digest: sha256 over models, rubrics, scale and the way of asking, in
    hexadecimal.
    """

    check: str
    aspect: str
    judges: tuple[str, ...]
    scale: str
    rubric: str
    digest: str


@dataclass(frozen=True, slots=True)
class Early:
    """That a run was looked at on its way, so that it could have stopped at any look.

    units: cases, or groups of them, of the whole plan. batch: how many of them between two looks. seed: of their order.
    """

    units: int
    batch: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SuiteRef:
    """Which suite was asked, and how its numbers are to be read. hash covers cases, checks and gate; cases counts them
    all; `selected` names the options that took only some of them, and is empty where all were asked. judges: the checks
    that asked models, and uncalibrated: what becomes of one that nobody has calibrated. train: the training file that
    the cases' `near` was told by; train_digest: sha256 of its content, empty where not read. early: where cases were
    asked in batches, with looks between. looks: how often samples were looked at, at the most, before one more was
    added; where more than once, alpha is that of one look, and samples the fewest of a case."""

    name: str
    path: str
    hash: str
    cases: int = 0
    samples: int = 1
    scope: Scope = "population"
    test: Literal["exact", "midp"] = "exact"
    interval: Literal["score", "exact"] = "score"
    alpha: float = 0.05
    judges: tuple[Instrument, ...] = ()
    uncalibrated: Literal["mark", "refuse"] = "mark"
    selected: tuple[str, ...] = ()
    train: str | None = None
    train_digest: str = ""
    early: Early | None = None
    looks: int = 1

    @property
    def judge_names(self) -> tuple[str, ...]:
        """Every model that was asked for a grade, each once, as `NAME (USE)`."""
        return tuple(dict.fromkeys(name for instrument in self.judges for name in instrument.judges))


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run took. sent: requests that went out (tries counted); cached: answers that were known before."""

    sent: int = 0
    answered: int = 0
    cached: int = 0
    failed: int = 0
    usage: Usage = Usage()
    usd: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What makes a run a baseline: under which name it was accepted, after which other, when and why.

    place: 1 for the first of a suite, else one more than its parent's. parent: digest of the parent's file, empty for
    the first. accepted: UTC with offset. pinned: later snapshots are read against this one. version: of evalharness.
    """

    name: str
    place: int
    parent: str
    accepted: str
    why: str
    pinned: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One suite asked of one model. `trials` may be read from disk as it is walked; `tally` is None while the run is
    not whole. began: UTC with offset. snapshot: where the run was accepted as a baseline. judging: what each judge
    took, which is not in `tally`."""

    suite: SuiteRef
    model: ModelRef
    gate: tuple[Criterion, ...]
    began: str
    cases: tuple[Asked, ...]
    trials: Sequence[Trial]
    tally: Tally | None = None
    path: str = ""
    snapshot: Snapshot | None = None
    judging: tuple[tuple[str, Tally], ...] = ()
