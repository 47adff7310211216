"""How differently two arms write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness import store
from evalharness.compare import compare_all
from evalharness.harness import compare_runs
from evalharness.manner import described, manner, style_of
from evalharness.measure import Arm
from evalharness.records import Asked, Conversation, Failure, Message, Outcome, Run, Snapshot, Trial
from evalharness.reports.json import load, render
from evalharness.stats.paired import Design
from evalharness.traits import Manner, Opening, PetPhrase, Trait
from evalharness.tuning.lessons import Lesson, Lessons
from tests import runs


def trial(case: str, *replies: str, sample: int = 0, outcome: Outcome = "answered") -> Trial:
    messages = tuple(message for reply in replies for message in (Message("user", "?"), Message("assistant", reply)))
    places = tuple(range(1, 2 * len(replies), 2))
    return Trial(Conversation(case, sample, messages, places, (outcome,) * len(replies)))


def arm(replies: Sequence[str], name: str = "base") -> Arm:
    """Replies by case, the cases called `0`, `1` and so on."""
    return Arm.of(runs.of([trial(str(at), reply) for at, reply in enumerate(replies)], name=name))


def bare(trials: Sequence[Trial]) -> Run:
    """A run of so many trials that `runs.of` would take its time, one a case."""
    cases = tuple(Asked(each.conversation.case, "?", ()) for each in trials)
    return replace(runs.of(trials[:1]), cases=cases, trials=trials)


def found(base: Arm, tuned: Arm, groups: Mapping[str, str] | None = None) -> Manner:
    told = manner(style_of(base), style_of(tuned), Design(), groups=groups or {})
    assert told is not None
    return told


def of(told: Manner, name: str) -> Trait:
    (trait,) = {trait.name: trait for trait in (*told.traits, *told.watched) if trait.name == name}.values()
    return trait


def long(*sizes: int) -> list[str]:
    return [" ".join(["word"] * size) for size in sizes]


def test_a_feature_is_compared_by_case() -> None:
    words = of(found(arm(long(10, 20, 30, 40, 50)), arm(long(11, 22, 33, 44, 55))), "words")

    # d = 1, 2, 3, 4, 5: mean 3, sd sqrt(2.5); t(4) at 0.975 is 2.776445; sd of base is sqrt(250).
    reach = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert (words.base, words.tuned, words.change) == (30, 33, 3)
    assert (words.low, words.high) == pytest.approx((3 - reach, 3 + reach), abs=1e-5)
    assert words.standardised == pytest.approx(3 / math.sqrt(2.5))
    assert words.margin == pytest.approx(math.sqrt(250) / 2)
    # Of 25 pairs 15 are higher and 10 lower: 11 beats 1 of 5, 22 2, 33 3, 44 4, 55 5.
    assert words.cliff == pytest.approx(0.2)
    assert (words.word, words.told) == ("steady", "replies 10 % longer")


def test_what_moves_by_more_than_half_a_deviation_has_moved() -> None:
    words = of(found(arm(long(2, 4, 6, 8, 10)), arm(long(4, 6, 8, 10, 12))), "words")

    # Half of sqrt(10) is 1.58, and each case has 2 more.
    assert (words.low, words.high, words.standardised, words.word) == (2, 2, None, "moved")


def test_what_could_be_either_is_undecided() -> None:
    words = of(found(arm(long(2, 4, 6, 8, 10)), arm(long(2, 9, 5, 8, 11))), "words")

    # d = 0, 5, -1, 0, 1: mean 1, sd 2.35, reach 2.91.
    assert (words.low < -words.margin, words.high > words.margin, words.word) == (True, True, "undecided")


def test_an_arm_beside_itself_has_not_moved() -> None:
    same = arm([f"Well, {'so ' * at}it is." for at in range(120)])

    told = found(same, same)

    assert {(trait.change, trait.cliff, trait.word, trait.told) for trait in told.traits} == {(0, 0, "steady", "")}
    assert {trait.word for trait in told.watched} == {"steady"}
    assert told.phrases == ()


def test_arms_the_other_way_round_have_every_sign_turned() -> None:
    one = arm(["Oh! Really? I see.", "Look, you know...", "- a\n- b\n- c", "No; none.", "It's mine, perhaps."])
    other = arm(["One plain sentence stands here.", "Two!", "Three of them? Yes.", "Four", "# Five\n\nand more"])

    there, back = found(one, other), found(other, one)

    for first, second in zip((*there.traits, *there.watched), (*back.traits, *back.watched), strict=True):
        assert (second.base, second.tuned, second.cliff) == (first.tuned, first.base, -first.cliff)
        assert (second.low, second.high) == pytest.approx((-first.high, -first.low), abs=1e-9)


def test_a_case_counts_once_however_many_samples_and_turns_it_has() -> None:
    base = Arm.of(runs.of([trial("0", "a b", sample=0), trial("0", "a b c d", "a b c d e f", sample=1)]))

    assert style_of(base).features["0"][1] == 4
    assert style_of(base).replies == 3


def test_cases_of_a_group_count_once() -> None:
    base, tuned = arm(long(2, 4, 6, 8, 10, 12)), arm(long(3, 5, 9, 9, 11, 13))

    told = found(base, tuned, {"0": "g", "1": "g"})

    # The two have the means 3 and 4, so 5 groups have 3, 6, 8, 10, 12 and 4, 9, 9, 11, 13.
    assert told.cases == 5
    assert (of(told, "words").base, of(told, "words").tuned) == (7.8, 9.2)


def test_fewer_than_five_cases_are_not_compared() -> None:
    few = style_of(arm(long(1, 2, 3, 4)))
    grouped = style_of(arm(long(1, 2, 3, 4, 5)))

    assert manner(few, few, Design(), groups={}) is None
    assert manner(grouped, grouped, Design(), groups={"0": "g", "1": "g"}) is None


def test_only_cases_that_both_answered_are_compared() -> None:
    lost = Trial(Conversation("0", 0, (Message("user", "?"),)), Failure("timeout", "late"))
    filtered = trial("1", "never", outcome="filtered")
    rest = [trial(str(at), reply) for at, reply in enumerate(long(1, 2, 3, 4, 5, 6, 7))][2:]

    told = found(arm(long(1, 2, 3, 4, 5, 6, 7)), Arm.of(runs.of([lost, filtered, *rest])))

    assert (told.cases, told.replies) == (5, (7, 5))


def test_refusals_and_formats_are_watched() -> None:
    plain = ["Here it is."] * 100
    kinds = ["I can't help with that.", "- a\n- b", "# Head\ntext", "```\ncode\n```", '{"a": [1]}']

    told = found(arm(plain), arm([*(kind for kind in kinds for _ in range(20))]))

    watched = {trait.name: (trait.base, trait.tuned, trait.word) for trait in told.watched if trait.name != "words"}
    assert watched == dict.fromkeys(("refusals", "lists", "headings", "code fences", "JSON"), (0, 0.2, "moved"))
    # Method, section 14: without a difference in 73 cases the interval is just within 5 points, so in 100 it is.
    assert {trait.word for trait in found(arm(plain), arm(plain)).watched} == {"steady"}


def test_few_cases_do_not_show_that_nothing_moved() -> None:
    same = arm(["Here it is."] * 72)

    assert of(found(same, same), "refusals").word == "undecided"


@pytest.mark.parametrize("reply", ["[1] is a footnote", "{broken", "7. Even a goldfish knows."])
def test_what_only_looks_like_a_format_is_none(reply: str) -> None:
    told = found(arm(["Here."] * 5), arm([reply] * 5))

    assert [trait.tuned for trait in told.watched if trait.name != "words"] == [0] * 5


def test_openings_that_come_again_are_counted_by_case() -> None:
    tuned = arm(["Oh look who came", "Oh, look! Who is it", "So it is done", "so IT is", "Well, I never knew"])

    base, told = found(arm(long(3, 4, 5, 6, 7)), tuned).openings

    assert told == Opening("oh look who", 0.4, 0.8)
    assert base == Opening("word word word", 1, 1)


def test_pet_phrases_of_either_arm_are_told() -> None:
    base = arm([f"of course, friend {at}" if at < 10 else f"no {at}" for at in range(20)])
    tuned = arm([f"as if {at}" if at < 6 else f"no {at}" for at in range(20)])

    assert found(base, tuned).phrases == (PetPhrase("as if", 0, 0.3), PetPhrase("of course friend", 0.5, 0))


def lessons(replies: Sequence[str]) -> Lessons:
    return Lessons("t.jsonl", "d", tuple(Lesson(at, ("?",), (reply,), None) for at, reply in enumerate(replies, 1)), 0)


def test_catch_phrases_of_the_training_file_are_looked_for_in_both_arms() -> None:
    base = arm([f"so it is {at}" if at < 1 else f"no {at}" for at in range(20)])
    tuned = arm([f"so it is {at}" if at < 5 else f"no {at}" for at in range(20)], "tuned")
    taught = lessons([f"so it is, {at}" if at < 8 else f"well {at}" for at in range(20)])

    told = described(compare_all([(base, tuned)]), [(base, tuned)], {"made": taught}).comparisons[0].manner

    assert told is not None
    assert told.catchphrases == (PetPhrase("so it is", 0.05, 0.25, 0.4),)
    assert told.phrases == (PetPhrase("so it is", 0.05, 0.25, 0.4),)


LOUD = ["Oh! Really?!", "Look! There!", "What! A day!", "Yes! You did!", "No! Never! Ever!", "Hey! You! There!"]
CALM = [
    f"It would seem that the {noun} is of some importance here."
    for noun in ("sea", "harbour", "lamp", "mast", "tide", "moon")
]


def test_the_distances_to_the_training_voice_and_to_base_are_told() -> None:
    base, tuned = arm(CALM), arm(LOUD, "tuned")
    panel = compare_all([(base, tuned)])

    told = described(panel, [(base, tuned)], {"made": lessons(LOUD)}).comparisons[0].manner

    assert told is not None
    training, to_base = told.distances
    assert (training.to, to_base.to) == ("the training file", "base")
    assert training.tuned < training.own < training.base
    assert training.high is not None
    assert training.high < 0
    assert to_base.tuned > 2 * to_base.own


def test_the_last_snapshot_among_the_arms_is_a_voice_too() -> None:
    base, tuned, old = arm(CALM), arm(LOUD, "tuned"), arm(LOUD, "old")
    old = replace(old, run=replace(old.run, snapshot=Snapshot("2026-01", 1, "", "2026-01-01T00:00:00+00:00", "why")))
    pairs = [(base, tuned), (base, old)]

    first, second = described(compare_all(pairs), pairs, {}, [base, tuned, old]).comparisons

    assert first.manner is not None
    assert second.manner is not None
    assert [far.to for far in first.manner.distances] == ["the snapshot 2026-01", "base"]
    assert [far.to for far in second.manner.distances] == ["base"]


def test_too_few_training_replies_are_no_voice() -> None:
    base, tuned = arm(CALM), arm(LOUD)

    told = described(compare_all([(base, tuned)]), [(base, tuned)], {"made": lessons(LOUD[:4])}).comparisons[0].manner

    assert told is not None
    assert [far.to for far in told.distances] == ["base"]


def test_stored_runs_are_compared_so_and_the_json_is_read_back(tmp_path: Path) -> None:
    paths = []
    for name, replies in (("base", CALM), ("tuned", LOUD)):
        paths.append(tmp_path / f"{name}.jsonl")
        store.write(paths[-1], runs.of([trial(str(at), reply) for at, reply in enumerate(replies)], name=name))

    panel = compare_runs(paths)
    text = "".join(render(panel))

    told = panel.comparisons[0].manner
    assert told is not None
    assert of(told, "exclamations").word == "moved"
    assert load(text).comparisons[0].manner == told
    assert json.loads(text)["manner"]["distances"][0]["to"] == "base"


def test_of_very_many_cases_the_same_part_of_every_arm_is_read() -> None:
    trials = [trial(f"case {at}", "so it is") for at in range(2_100)]
    base, tuned = Arm.of(bare(trials)), Arm.of(bare(trials[::-1]))

    told = described(compare_all([(base, tuned)]), [(base, tuned)], {}).comparisons[0].manner

    assert told is not None
    assert (told.cases, told.among, told.replies) == (2_000, 2_100, (2_000, 2_000))


def test_cases_that_one_arm_alone_was_asked_are_not_read() -> None:
    base, tuned = arm(CALM), arm([*LOUD, "More", "And more"])

    told = described(compare_all([(base, tuned)]), [(base, tuned)], {}).comparisons[0].manner

    assert told is not None
    assert (told.cases, told.among, told.replies) == (6, None, (6, 6))


def test_the_order_of_the_cases_is_no_matter() -> None:
    base = [trial(str(at), reply) for at, reply in enumerate(CALM)]
    tuned = [trial(str(at), reply) for at, reply in enumerate(LOUD)]

    there = found(Arm.of(runs.of(base)), Arm.of(runs.of(tuned)))
    back = found(Arm.of(runs.of(base[::-1])), Arm.of(runs.of(tuned[::-1])))

    assert back.traits == there.traits
    assert back.watched == there.watched
    assert back.distances == there.distances
