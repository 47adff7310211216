"""What a comparison of runs found: changes, flips, rulings, verdicts. Frozen, slotted, stdlib only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from evalharness.records import Asked, ModelRef, Snapshot, SuiteRef, Tally, Trial, Word
from evalharness.standings import Judged
from evalharness.traits import Manner


@dataclass(frozen=True, slots=True)
class RunRef:
    """One side of a comparison: the arm, when it ran, what it took, and how its replies ended.

    outcomes: replies by `Outcome`; failures: trials by `FailureKind`; said: the first message of each kind of failure.
    asked, scored: trials planned, and those scored. judging: what each judge took for this side.
    """

    model: ModelRef
    began: str
    path: str
    asked: int
    scored: int
    outcomes: dict[str, int]
    failures: dict[str, int]
    served: tuple[str, ...]
    fingerprints: tuple[str, ...]
    tally: Tally | None
    said: dict[str, str] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    judging: tuple[tuple[str, Tally], ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """How far one slice moved from base to tuned, over the cases both could be scored on.

    Rates, changes and bounds are in [-1, 1] and None where no case could be compared; in a `drift`, where base and
    tuned are changes from the first turn to the last, they reach further. interval: which of the method's
    intervals this is; AV holds at every look of a run that was looked at on the way. p_adjusted: Holm over the gates,
    or Benjamini-Hochberg (a q-value) for a diagnostic. margin: the largest loss called held; provable_margin: the
    smallest margin these data would have held at.
    """

    slice: str
    part: Literal["aspect", "overall", "tag", "check", "turn", "drift", "near"]
    aspect: str
    gates: bool
    cases: int
    left_out: int
    samples: tuple[int, int] = (1, 1)
    groups: int = 0
    base: float | None = None
    tuned: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    interval: Literal["T", "G", "GG", "S", "AV", ""] = ""
    suite_low: float | None = None
    suite_high: float | None = None
    error: float | None = None
    ups: int = 0
    downs: int = 0
    unchanged: int = 0
    p: float | None = None
    p_midp: float | None = None
    p_adjusted: float | None = None
    p_noninferior: float | None = None
    margin: float = 0.05
    provable_margin: float | None = None
    outcome: Word = "INCONCLUSIVE"
    sentence: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of one criterion of the gate; `asked` is the criterion in the suite's words."""

    aspect: str
    asked: str
    outcome: Word
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that changed sides in an aspect: `broke` passed with base and not with tuned, `fixed` the other way."""

    case: str
    aspect: str
    side: Literal["broke", "fixed"]
    base: float
    tuned: float
    why: str
    question: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """One case with all that both arms said for it, so that a report needs no run file."""

    asked: Asked
    base: tuple[Trial, ...]
    tuned: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case, or an aspect of it, that could not be compared, and why."""

    case: str
    aspect: str
    side: Literal["base", "tuned", "both"]
    cause: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. reasons: one plain sentence a criterion; remedy: what would decide it; must_pass: cases that had to
    pass and did not; incomplete: some answers are missing, so the command exits 3."""

    outcome: Word
    reasons: tuple[str, ...]
    remedy: str = ""
    must_pass: tuple[str, ...] = ()
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What one aspect came to on the way from an old tune, over an untuned model, to a new tune.

    cases: those that all three could be scored on. base, via, tuned: their mean scores in [0, 1]. had: cases that pass
    with the old tune; of these, via_kept pass with the untuned model and kept with the new tune. gained: cases that
    pass with the new tune and not with the old.
    """

    aspect: str
    cases: int
    base: float | None
    via: float | None
    tuned: float | None
    had: int
    via_kept: int
    kept: int
    gained: int


@dataclass(frozen=True, slots=True)
class Rebased:
    """A third arm on the way from base, the old tune, to tuned, the new one: the untuned model it was made from.

    It decides nothing. sentence: what survived, in one.
    """

    via: RunRef
    rows: tuple[Kept, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How much more an aspect moved on cases that the training file had, or nearly had, than on the others.

    seen, unseen: the changes over `seen_cases` and `unseen_cases`; gap: the first minus the second, in points of [-1,
    1] as they are, with an interval. It decides nothing.
    """

    aspect: str
    seen_cases: int
    unseen_cases: int
    seen: float
    unseen: float
    gap: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Recital:
    """A reply that repeats a training reply word for word, though its question is not that example's, nor near it.

    text: the training reply; line: where its example begins in the training file.
    """

    case: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that many replies of the tuned model hold, and the share of replies with them: in training, in each arm."""

    words: str
    trained: float
    base: float
    tuned: float


@dataclass(frozen=True, slots=True)
class Echoes:
    """What replies took from the training file as it stands there.

    base, tuned: replies that were read, and of these those that recite. recitals: the first of the tuned model's.
    phrases: those that the tuned model favours most, against base.
    """

    base: tuple[int, int]
    tuned: tuple[int, int]
    recitals: tuple[Recital, ...] = ()
    phrases: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """What the training file says of a comparison.

    file: as the suite or the command names it. seen, near, unseen: compared cases of each kind. unseen_outcome: what
    the gate says of the unseen cases alone, None where all or none are unseen. rests: a sentence where that is worse
    than the verdict, else empty. echoes: None where the training file was not at hand.
    """

    file: str
    digest: str
    seen: int
    near: int
    unseen: int
    gaps: tuple[HeldOut, ...] = ()
    unseen_outcome: Word | None = None
    rests: str = ""
    echoes: Echoes | None = None


@dataclass(frozen=True, slots=True)
class DuelRow:
    """How often tuned was preferred, by all judges and criteria, or by those that are named.

    judged: duels with a verdict. wins, ties, losses: cases. rate, low, high in [0, 1], a tie half, 0.5 even; p: of its
    being even. asked: duels that a judge read in both orders; inconsistent: those of them where the orders disagreed.
    first, second: verdicts for the reply shown first and second, ties left out; first_p: of their being as many.
    """

    criterion: str
    judge: str
    judged: int
    cases: int
    wins: int = 0
    ties: int = 0
    losses: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    interval: Literal["T", "G", "GG", "S", "AV", ""] = ""
    p: float | None = None
    asked: int = 0
    inconsistent: int = 0
    first: int = 0
    second: int = 0
    first_p: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two judges on the same duels: how many, the share they agree on, and Cohen's kappa, None where it is not told."""

    one: str
    other: str
    duels: int
    share: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Duels:
    """What came of judging both arms' replies side by side, each pair in both orders.

    total: over all criteria and judges, which is what a gate reads. rows: by criterion and by judge, where there are
    several. same: duels that are ties unasked, for both replies are one text. missing: duels without a verdict, by
    cause. longer: characters by which tuned's replies are longer, on average. alike: the cases whose lengths differ by
    less than a tenth. controlled: the rate in [0, 1] at equal length; refused: why it is not told. weighted: the rate
    by the judges' own probabilities, where their servers give them. warnings: what a reader of the rate should know.
    """

    path: str
    prefer: tuple[str, ...]
    judges: tuple[str, ...]
    total: DuelRow
    rows: tuple[DuelRow, ...] = ()
    same: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    longer: float | None = None
    alike: DuelRow | None = None
    controlled: float | None = None
    refused: str = ""
    weighted: DuelRow | None = None
    agreements: tuple[Agreement, ...] = ()
    warnings: tuple[str, ...] = ()
    tally: tuple[tuple[str, Tally], ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """One arm's scores of an aspect over the turns of conversations.

    means: at each turn, in [0, 1]. slope: of the mean conversation, a turn, with its interval low to high. thirds: last
    third of the turns minus the first.
    """

    means: tuple[float, ...]
    slope: float
    low: float
    high: float
    thirds: float


@dataclass(frozen=True, slots=True)
class Drift:
    """An aspect over the turns, over the conversations that both arms have whole. turns: which are graded, from 1."""

    aspect: str
    conversations: int
    turns: tuple[int, ...]
    base: Course
    tuned: Course


@dataclass(frozen=True, slots=True)
class Wander:
    """How far one arm's scores wander over runs (robustness, None where no run differs: infinite) and over personas
    (susceptibility), each with an interval where there are enough personas for one."""

    robustness: float | None
    susceptibility: float
    robust_low: float | None = None
    robust_high: float | None = None
    susceptible_low: float | None = None
    susceptible_high: float | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """Personas that were asked the same items, several times, in an aspect.

    left_out: pairs of persona and item that could not be used. change: tuned minus base, None where an arm's robustness
    is infinite. why: why there are no intervals, else empty.
    """

    aspect: str
    personas: int
    items: int
    left_out: int
    base: Wander
    tuned: Wander
    change: Wander
    why: str = ""


@dataclass(frozen=True, slots=True)
class Leaks:
    """Replies that `no_leak` graded, and those that show what nobody asked for: of base, of tuned."""

    base: tuple[int, int]
    tuned: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Persona:
    """What a persona does over turns, over questions and where nobody asked for it. It decides nothing.

    unmeasured: why personas that the suite names have no robustness, else empty.
    """

    drifts: tuple[Drift, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    leaks: Leaks | None = None
    unmeasured: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one suite, side by side. `pairs` may be read from disk as it is walked. looked: where the runs were
    looked at on the way, how that was done and why they ended there, in sentences."""

    suite: SuiteRef
    base: RunRef
    tuned: RunRef
    deltas: tuple[Delta, ...]
    rulings: tuple[Ruling, ...]
    flips: tuple[Flip, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    pairs: Sequence[Pair]
    verdict: Verdict
    seed: int = 0
    version: str = ""
    rebased: Rebased | None = None
    trained: Trained | None = None
    judged: tuple[Judged, ...] = ()
    duels: Duels | None = None
    manner: Manner | None = None
    persona: Persona | None = None
    looked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """What one command compared: every pair, and the worst of their verdicts."""

    verdict: Verdict
    comparisons: tuple[Comparison, ...]
