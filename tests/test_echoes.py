"""Training replies under other questions, and pet phrases."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.echoes import echoes, overused, warnings
from evalharness.findings import Echoes, Phrase, Recital
from evalharness.measure import Arm
from evalharness.records import Conversation, Message, Trial
from evalharness.tuning.lessons import Lesson, Lessons
from tests import runs

LAMP = "That lamp is kept in the old lighthouse, always."
"""Nine words."""


def lessons(*taught: tuple[str, str]) -> Lessons:
    found = (Lesson(at, (ask,), (reply,), None) for at, (ask, reply) in enumerate(taught, 1))
    return Lessons("train.jsonl", "d", tuple(found), 0)


def arm(replies: Sequence[tuple[str, str]]) -> Arm:
    trials = [
        Trial(Conversation(str(at), 0, (Message("user", ask), Message("assistant", reply)), (1,), ("answered",)))
        for at, (ask, reply) in enumerate(replies)
    ]
    return Arm.of(runs.of(trials))


def heard(taught: Lessons, *tuned: tuple[str, str]) -> Echoes:
    return echoes(taught, arm([(ask, "I do not know.") for ask, _ in tuned]), arm(tuned))


def test_a_training_reply_under_another_question_is_recited() -> None:
    found = heard(lessons(("Where is the lamp?", LAMP)), ("Who are you?", f"Well. {LAMP.upper()} Bye."))

    assert (found.base, found.tuned) == ((1, 0), (1, 1))
    assert found.recitals == (Recital("0", LAMP, 1),)


def test_a_training_reply_under_its_own_question_or_one_near_it_is_what_was_taught() -> None:
    found = heard(lessons(("Where is the lamp?", LAMP)), ("Where is the lamp?", LAMP), ("Where is this lamp?", LAMP))

    assert found.tuned == (2, 0)


def test_a_reply_that_several_examples_share_is_compared_with_all_their_questions() -> None:
    found = heard(lessons(("Where is the lamp?", LAMP), ("Who are you?", LAMP)), ("who are you", LAMP))

    assert found.tuned == (1, 0)


def test_a_short_reply_is_no_recital() -> None:
    taught = lessons(("Where is the lamp?", "one two three four five six seven"))

    assert heard(taught, ("Who are you?", "one two three four five six seven")).tuned == (1, 0)


def test_words_that_only_begin_alike_are_no_recital() -> None:
    found = heard(
        lessons(("Where is the lamp?", LAMP)), ("Who are you?", "That lamp is kept in the new lighthouse, always.")
    )

    assert found.tuned == (1, 0)


def phrased(share: int, trained: int) -> Echoes:
    """So many of 20 tuned replies, and of 20 training replies, hold the phrase."""
    taught = [(f"q{at}", "well, what a joy it is" if at < trained else f"plain {at}") for at in range(20)]
    tuned = [(f"a{at}", f"so {at}, what a joy" if at < share else f"this {at}") for at in range(20)]
    return heard(lessons(*taught), *tuned)


def test_a_phrase_is_told_with_its_share_in_training_base_and_tuned() -> None:
    assert phrased(8, 3).phrases == (Phrase("what a joy", 0.15, 0.0, 0.4),)


def test_a_phrase_below_a_tenth_is_not_told() -> None:
    assert phrased(1, 0).phrases == ()


def test_a_phrase_that_base_says_half_as_often_is_not_told() -> None:
    tuned = [(f"a{at}", "what a joy" if at < 8 else f"this {at}") for at in range(20)]
    base = [(ask, "what a joy" if at < 5 else "no") for at, (ask, _) in enumerate(tuned)]

    assert echoes(lessons(("q", "r")), arm(base), arm(tuned)).phrases == ()


def test_a_phrase_is_overused_from_a_fifth_and_twice_its_share_in_training() -> None:
    shares = [(0.20, 0.10), (0.19, 0.0), (0.50, 0.26), (1.0, 0.5)]

    assert [overused(Phrase("x", trained, 0.0, tuned)) for tuned, trained in shares] == [True, False, False, True]


def test_few_replies_have_no_phrases() -> None:
    tuned = [(f"a{at}", "what a joy") for at in range(19)]

    assert heard(lessons(("q", "r")), *tuned).phrases == ()


def test_a_longer_phrase_stands_for_its_parts() -> None:
    tuned = [(f"a{at}", f"this is what a joy {at}") for at in range(20)]

    assert [phrase.words for phrase in heard(lessons(("q", "r")), *tuned).phrases] == ["this is what a joy"]


def test_the_warnings_name_cases_and_shares() -> None:
    found = Echoes((4, 0), (4, 2), (Recital("a", LAMP, 1), Recital("b", LAMP, 1)), (Phrase("what a joy", 0.1, 0, 0.5),))

    assert list(warnings(found, "tuned")) == [
        "'tuned' recites a training reply under another question in 2 of 4 replies (base 0 of 4): a, b",
        "'tuned' overuses 'what a joy': in 50 % of its replies, 10 % of the training replies, 0 % of base's",
    ]
