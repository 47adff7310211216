"""Pairwise preference: two runs of one suite -> flows that judge both orders -> duels.

A duel is one case, one sample of each arm, one criterion of `prefer:` and one judge, asked in both orders: judges
favour a place, most of them the reply they read first, and by more than most tunes move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

from evalharness.calibration import Side, side
from evalharness.flow import Flow, together
from evalharness.judging import Ballot, Said, poll
from evalharness.records import Conversation, Instrument, Origin, Run, Tally, Trial, encode

Winner: TypeAlias = Side

JUDGE = "judge"
"""The model that judges where the suite names none."""

PREFERENCE = "preference"
"""The aspect that duels measure."""

WORTH: dict[Winner, float] = {"base": 0.0, "tie": 0.5, "tuned": 1.0}

LABELS = ("A", "B", "tie")
ORDERS: tuple[tuple[Winner, Winner], ...] = (("base", "tuned"), ("tuned", "base"))
"""Whose reply is A, shown first, and whose is B; the first order, then the second."""

QUESTION = "Two assistants, A and B, were in the same situation. Which replied better by this: "
GUIDE = (
    "Judge by the criterion alone: not by which one stands first, nor by length, unless the criterion is about that. "
    '"tie" means that neither is better by it.'
)


@dataclass(frozen=True, slots=True)
class Vote:
    """What a judge said of one order. winner: None where it could not be read, and `error` says why.

    weights: the judge's probabilities of base, of tuned and of a tie, where its server gives them.
    """

    winner: Winner | None
    reason: str = ""
    error: str = ""
    weights: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Duel:
    """One case and sample judged by one criterion. votes: with base shown first, then with tuned shown first.

    chars: characters of all that base's replies say, and tuned's. same: both say the same, which is a tie without
    asking. cause: why nothing was asked, since a reply is missing.
    """

    case: str
    sample: int
    criterion: str
    judge: str
    votes: tuple[Vote, ...] = ()
    chars: tuple[int, int] = (0, 0)
    same: bool = False
    cause: str = ""

    @property
    def orders(self) -> tuple[float, float] | None:
        """What tuned scores with base shown first, and with tuned first: 1 where it wins, 0.5 for a tie, 0 where base
        wins; None where a vote is missing."""
        known = [WORTH[vote.winner] for vote in self.votes if vote.winner is not None]
        return (known[0], known[1]) if len(known) == len(ORDERS) else None

    @property
    def score(self) -> float | None:
        """The mean of both orders; None where it is missing."""
        orders = self.orders
        return None if orders is None else sum(orders) / len(orders)

    @property
    def winner(self) -> Winner | None:
        """Who scores more than half; None where it is missing."""
        score = self.score
        return None if score is None else side(score)

    @property
    def consistent(self) -> bool:
        """Whether no order names another winner than the other does; a tie names none."""
        return not {"base", "tuned"} <= {vote.winner for vote in self.votes}

    @property
    def weight(self) -> float | None:
        """The judge's probability that tuned is better, a tie counting half, over both orders; None without it."""
        weights = [vote.weights for vote in self.votes if vote.weights is not None]
        if self.same:
            return 0.5
        if len(weights) < 2:
            return None
        return sum(tuned + tie / 2 for _, tuned, tie in weights) / len(weights)

    @property
    def missing(self) -> str:
        """Why there is no verdict, empty where there is one."""
        return self.cause or next((vote.error or "no verdict" for vote in self.votes if vote.winner is None), "")


@dataclass(frozen=True, slots=True)
class Party:
    """A model that takes part: its name, what it is (`KIND:TARGET`), and for an arm the digest of what it said."""

    name: str
    use: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class DuelRun:
    """All duels of two runs: a run of its own kind.

    instruments: the judges with each criterion. tally: what each judge took, None while the run is not whole.
    """

    suite: str
    base: Party
    tuned: Party
    prefer: tuple[str, ...]
    judges: tuple[Party, ...]
    instruments: tuple[Instrument, ...]
    began: str
    duels: Sequence[Duel] = ()
    tally: tuple[tuple[str, Tally], ...] | None = None
    path: str = ""

    @property
    def arms(self) -> str:
        """Who is judged, in words."""
        return f"{self.base.name} and {self.tuned.name}"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two replies as all judges saw them by one criterion. duels: one a judge."""

    case: str
    sample: int
    duels: tuple[Duel, ...]
    judges: int

    @property
    def asked(self) -> bool:
        """Whether judges were asked: both replies are there, and they differ."""
        return not any(duel.same or duel.cause for duel in self.duels)

    @property
    def score(self) -> float | None:
        """The mean over all judges; None where one is missing."""
        known = [duel.score for duel in self.duels if duel.score is not None]
        return sum(known) / len(known) if known and len(known) == self.judges else None

    @property
    def why(self) -> str:
        """What the judges said of the first order."""
        said = [f"{duel.judge}: {duel.votes[0].reason}" for duel in self.duels if duel.votes]
        return "; ".join(said) if len(said) > 1 else (said[0].partition(": ")[2] if said else "")


def pairings(run: DuelRun, instrument: Instrument) -> Iterator[Pairing]:
    """The pairs of replies that an instrument judged, in the order of the run."""
    found: dict[tuple[str, int], list[Duel]] = {}
    for duel in run.duels:
        if duel.criterion == instrument.rubric:
            found.setdefault((duel.case, duel.sample), []).append(duel)
    return (Pairing(*key, tuple(duels), len(run.judges)) for key, duels in found.items())


@dataclass(frozen=True, slots=True)
class Match:
    """Two runs side by side, sample by sample, before anything is judged.

    pairs: the place of each trial in base's run and in tuned's; None where that run has none.
    """

    base: Run
    tuned: Run
    pairs: tuple[tuple[str, int, int | None, int | None], ...]
    digests: tuple[str, str]

    @classmethod
    def of(cls, base: Run, tuned: Run, cases: Sequence[str]) -> Match:
        """Matches the trials of these cases by case and sample; reads both runs from start to end.

        Where one arm was asked more often, its further samples meet nobody and are left alone.
        """
        before, after = _places(base), _places(tuned)
        both = min(base.suite.samples, tuned.suite.samples)
        samples: dict[str, dict[int, None]] = {case: {} for case in cases}
        for case, sample in (*before.at, *after.at):
            if case in samples and sample < both:
                samples[case][sample] = None
        pairs = [
            (case, sample, before.at.get((case, sample)), after.at.get((case, sample)))
            for case in samples
            for sample in sorted(samples[case])
        ]
        return cls(base, tuned, tuple(pairs), (before.digest, after.digest))

    def flows(self, prefer: Sequence[str], judges: Sequence[str]) -> Iterator[Flow[Duel]]:
        """A flow a duel: pair by pair, criterion by criterion, judge by judge."""
        for pair in self.pairs:
            for criterion, judge in product(prefer, judges):
                yield self._duel(*pair, criterion, judge)

    def size(self, prefer: Sequence[str], judges: Sequence[str]) -> int:
        """How many duels there are."""
        return len(self.pairs) * len(prefer) * len(judges)

    def _duel(
        self, case: str, sample: int, before: int | None, after: int | None, criterion: str, judge: str
    ) -> Flow[Duel]:
        base = None if before is None else self.base.trials[before]
        tuned = None if after is None else self.tuned.trials[after]
        cause = ", ".join(why for why in (_cause("base", base), _cause("tuned", tuned)) if why)
        if cause or base is None or tuned is None:
            return Duel(case, sample, criterion, judge, cause=cause)
        return (yield from judged(base.conversation, tuned.conversation, criterion, judge))


def judged(base: Conversation, tuned: Conversation, criterion: str, judge: str) -> Flow[Duel]:
    """Two conversations of one case, judged in both orders; replies that are equal to the byte are a tie unasked."""
    about = base.case, base.sample, criterion, judge
    chars = _chars(base), _chars(tuned)
    if _replies(base) == _replies(tuned):
        return Duel(*about, (Vote("tie"), Vote("tie")), chars, same=True)
    both = {"base": base, "tuned": tuned}
    # The sample is not in the question: the same two replies are the same question, however often they were given.
    polls = [
        _from(poll(ballot(both[a], both[b], criterion), judge), Origin(base.case, order))
        for order, (a, b) in enumerate(ORDERS, 1)
    ]
    said = yield from together(*polls)
    votes = tuple(_vote(each, order) for each, order in zip(said, ORDERS, strict=True))
    return Duel(*about, votes, chars)


def ballot(first: Conversation, second: Conversation, criterion: str) -> Ballot:
    """What a judge is shown: A, then B. One reply each to the same words stands below them; else both talks, whole."""
    before = _before(first)
    if len(first.replies) == len(second.replies) == 1 and before == _before(second) and before:
        material = [*before, ("reply A", first.reply), ("reply B", second.reply)]
    else:
        material = [*_whole(first, "A"), *_whole(second, "B")]
    return Ballot(f"{QUESTION}{criterion.strip()}", tuple(material), LABELS, GUIDE)


def said_digest(run: Run) -> str:
    """sha256 over all that a run said, whatever the order of its trials: tells whether duels are about this run."""
    return _places(run).digest


@dataclass(frozen=True, slots=True)
class _Places:
    at: dict[tuple[str, int], int]
    digest: str


def _places(run: Run) -> _Places:
    at: dict[tuple[str, int], int] = {}
    marks: list[str] = []
    for place, trial in enumerate(run.trials):
        talk = trial.conversation
        at[talk.case, talk.sample] = place
        said = [talk.case, talk.sample, [talk.messages[reply].content for reply in talk.replies]]
        marks.append(hashlib.sha256(encode(said).encode()).hexdigest())
    return _Places(at, hashlib.sha256("".join(sorted(marks)).encode()).hexdigest())


def _cause(side: str, trial: Trial | None) -> str:
    if trial is None:
        return f"{side} was not asked"
    if trial.failure is not None:
        return f"{side} gave no answer ({trial.failure.kind})"
    if not trial.conversation.replies:
        return f"{side} gave no answer"
    if "filtered" in trial.conversation.outcomes:
        return f"{side}'s answer was filtered"
    return ""


def _replies(talk: Conversation) -> list[str]:
    return [talk.messages[place].content for place in talk.replies]


def _chars(talk: Conversation) -> int:
    return sum(map(len, _replies(talk)))


def _before(talk: Conversation) -> list[tuple[str, str]]:
    """What was said before the only reply, the system text left out: that is an arm's own."""
    shown = [message for message in talk.messages[: talk.replies[0]] if message.role != "system"]
    if len(shown) == 1:
        return [("question", shown[0].content)]
    return [(f"message {number}, by {message.role}", message.content) for number, message in enumerate(shown, 1)]


def _whole(talk: Conversation, letter: str) -> list[tuple[str, str]]:
    shown = [message for message in talk.messages if message.role != "system"]
    return [(f"{letter}, message {n}, by {message.role}", message.content) for n, message in enumerate(shown, 1)]


def _from(flow: Flow[Said], origin: Origin) -> Flow[Said]:
    """The flow with its questions marked by case and order, so that recorded answers can be told apart."""
    try:
        wanted = next(flow)
        while True:
            wanted = flow.send((yield tuple(replace(request, origin=origin) for request in wanted)))
    except StopIteration as end:
        said: Said = end.value
        return said


def _vote(said: Said, order: tuple[Winner, Winner]) -> Vote:
    """A judge's A or B as base or tuned."""
    stands: dict[str, Winner] = {"A": order[0], "B": order[1], "tie": "tie"}
    if said.label is None:
        return Vote(None, said.reason, said.error or "no verdict")
    weights = {stands[label]: weight for label, weight in said.weights.items() if label in stands}
    known = tuple(weights.get(each, 0.0) for each in ("base", "tuned", "tie"))
    shares = (known[0], known[1], known[2]) if weights else None
    return Vote(stands[said.label], said.reason, "", shares)
