from __future__ import annotations

from evalharness.records import Conversation, Grade, Message, Score, Trial
from evalharness.sheet import Sheet, Slice, weighted
from tests import runs

FACTS = Slice("aspect", "facts")


def score(value: float | None, *, check: str = "n", aspect: str = "facts", turn: int = 1, weight: float = 1.0) -> Score:
    return Score(check, aspect, turn, Grade(value, "why"), weight)


def trial(*scores: Score, case: str = "a", sample: int = 0) -> Trial:
    return Trial(
        Conversation(case, sample, (Message("user", "q"), Message("assistant", "r")), (1,), ("answered",)), None, scores
    )


def sheet(*trials: Trial) -> Sheet:
    return Sheet.of(runs.of(trials))


def test_a_mean_is_weighted_and_unknown_where_a_part_is() -> None:
    assert weighted([score(1.0, weight=3.0), score(0.0)]) == 0.75
    assert weighted([score(1.0), score(None)]) is None
    assert weighted([]) is None


def test_scores_stand_by_slice_case_and_sample() -> None:
    made = sheet(
        trial(score(1.0), score(0.0, check="m"), score(0.5, aspect="style", check="s")),
        trial(score(0.0), score(0.0, check="m"), score(None, aspect="style", check="s"), sample=1),
    )

    assert made.scores[FACTS] == {"a": [0.5, 0.0]}
    assert made.scores[Slice("aspect", "style")] == {"a": [0.5, None]}
    assert made.scores[Slice("overall", "overall")] == {"a": [0.5, None]}
    assert made.scores[Slice("check", "facts", "m")] == {"a": [0.0, 0.0]}
    assert made.valid(Slice("aspect", "style"), "a") == (0.5,)
    assert (made.trials, made.scored, made.samples()) == (2, 1, 2)


def test_turns_are_slices_only_where_there_are_several() -> None:
    assert not [cut for cut in sheet(trial(score(1.0), score(1.0))).scores if cut.part == "turn"]
    assert sheet(trial(score(1.0), score(0.0, turn=2))).scores[Slice("turn", "facts", "2")] == {"a": [0.0]}


def test_a_case_passes_with_more_than_half_of_its_samples() -> None:
    half = sheet(trial(score(1.0)), trial(score(0.0), sample=1))
    more = sheet(trial(score(1.0)), trial(score(0.0), sample=1), trial(score(1.0), sample=2))

    assert (half.passes("facts", "a"), more.passes("facts", "a")) == (False, True)


def test_a_sample_passes_when_every_grade_does() -> None:
    assert not sheet(trial(score(1.0), score(0.4, check="m"))).passes("facts", "a")


def test_the_cause_of_a_missing_case_is_kept() -> None:
    made = sheet(trial(score(None)))

    assert made.cause("facts", "a") == "why"
    assert made.cause("facts", "never asked") == "not asked yet"


def test_equal_replies_are_told_from_different_ones() -> None:
    same = runs.of([runs.trial("a", k, {"facts": 1.0}, text="same") for k in range(2)])
    other = runs.of([runs.trial("a", k, {"facts": 1.0}, text=f"text {k}") for k in range(2)])

    assert (Sheet.of(same).repeats(), Sheet.of(other).repeats()) == (True, False)
