"""Doubts about a comparison: each at its threshold, and silence on the near side of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from evalharness.calibration import Known
from evalharness.compare import compare
from evalharness.measure import Arm
from evalharness.records import Conversation, Failure, Grade, Message, ModelRef, Outcome, Run, Score, SuiteRef, Trial
from evalharness.sanity import warnings
from evalharness.sheet import Sheet
from evalharness.vitals import loops
from tests import runs
from tests.judged import calibration

LOOP = "I am here. " * 12


def said(
    replies: Sequence[str],
    *,
    name: str = "base",
    use: str = "openai:one",
    outcome: Outcome = "answered",
    served: str = "",
    build: str = "",
    system: bool = False,
) -> Run:
    opening = (Message("system", "Be Marv."),) if system else ()
    trials = [
        Trial(
            Conversation(
                str(place),
                0,
                (*opening, Message("user", f"ask {place}"), Message("assistant", reply)),
                (len(opening) + 1,),
                (outcome if reply.startswith("!") else "answered",),
                served=(served,) if served else (),
                fingerprints=(build,) if build else (),
            ),
            None,
            (Score("x", "facts", 1, Grade(1.0)),),
        )
        for place, reply in enumerate(replies)
    ]
    return replace(runs.of(trials, name=name), model=ModelRef(name, use))


def told(base: Run, tuned: Run) -> list[str]:
    return list(warnings(Arm.of(base), Arm.of(tuned)))


def some(count: int, *, words: int = 5, tag: str = "a") -> list[str]:
    """Replies that differ from each other and from those of another tag."""
    return [" ".join(f"{tag}{place}w{word}" for word in range(words)) for place in range(count)]


def test_two_runs_that_differ_as_runs_do_raise_no_doubt() -> None:
    assert told(said(some(40)), said(some(40, tag="b"), name="tuned")) == []


def test_byte_equal_replies_are_doubted_from_19_in_20_on() -> None:
    base, other = some(20), some(20, tag="b")

    assert told(said(base), said([*base[:19], other[19]], name="tuned")) == [
        "both gave byte-equal replies to 19 of 20 cases: is the tuned model (adapter) loaded?"
    ]
    assert told(said(base), said([*base[:18], *other[18:]], name="tuned")) == []


def test_more_degenerate_replies_than_base_gave() -> None:
    base, tuned = some(50), some(50, tag="b")

    assert told(said(base), said([LOOP, "", " \n", *tuned[3:]], name="tuned")) == [
        "3 of 50 replies of tuned are empty or say one passage over and over, of base 0 of 50: read some; a tune with "
        "too many epochs or too high a rate ends so"
    ]
    assert told(said(base), said([LOOP, "", *tuned[2:]], name="tuned")) == []
    assert told(said(["", LOOP, "", *base[3:]]), said([LOOP, "", " ", *tuned[3:]], name="tuned")) == []


def test_more_replies_cut_off_than_base_had() -> None:
    base, tuned = some(50), some(50, tag="b")
    cut = [f"!{text}" if place < 4 else text for place, text in enumerate(tuned)]

    assert told(said(base), said(cut, name="tuned", outcome="truncated")) == [
        "4 of 50 replies of tuned are cut off at the limit of tokens, of base 0 of 50: raise max_tokens for both arms, "
        "or see whether the tuned model still ends its replies"
    ]


@pytest.mark.parametrize(
    ("before", "after", "times"), [(5, 16, "longer"), (16, 5, "shorter"), (5, 10, ""), (10, 5, "")]
)
def test_lengths_that_explode_or_collapse(before: int, after: int, times: str) -> None:
    found = told(said(some(10, words=before)), said(some(10, words=after, tag="b"), name="tuned"))

    # Words of four characters, from the eleventh on of five, and blanks: 5 have 24, 16 have 10 * 4 + 6 * 5 + 15.
    told_so = {
        "longer": "half of tuned's replies have 85 characters or more, of base's 24: 3.5 times longer",
        "shorter": "half of tuned's replies have 24 characters or more, of base's 85: 3.5 times shorter",
    }
    assert [line.partition(";")[0] for line in found] == ([told_so[times]] if times else [])


def test_one_model_behind_two_names() -> None:
    base = said(some(9), served="one")
    tuned = said(some(9, tag="b"), name="tuned", use="openai:ft:one:marv", served="one")

    assert told(base, tuned) == [
        "'tuned' asked for ft:one:marv and was served one",
        "'base' asks for one, 'tuned' for ft:one:marv, and both were served one: is the tuned model (adapter) loaded?",
    ]


def test_another_build_of_one_model() -> None:
    base = said(some(9), served="one", build="fp_a")

    assert told(base, said(some(9, tag="b"), name="tuned", served="one", build="fp_a")) == []
    assert told(base, said(some(9, tag="b"), name="tuned", served="one", build="fp_b")) == [
        "one was another build for 'base' (fp_a) than for 'tuned' (fp_b): ask both again, or part of the change may be "
        "the server's"
    ]


def test_a_system_text_that_one_arm_alone_was_sent() -> None:
    with_text, without = said(some(9), system=True), said(some(9, tag="b"), name="tuned")

    assert told(with_text, without) == [
        "in 9 cases only 'base' was sent a system text: unless that is what you compare, give both arms the same"
    ]
    assert told(with_text, said(some(9, tag="b"), name="tuned", system=True)) == []


def test_drop_rates_that_differ_by_more_than_two_points() -> None:
    whole = [runs.trial(str(n), 0, {"facts": 1.0}) for n in range(60)]
    gone = Failure("timeout", "too slow", 5)
    lost = [runs.failed(str(n), 0, ["facts"], gone) if n < 3 else whole[n] for n in range(60)]

    found = told(runs.of(whole), runs.of([replace(t, conversation=_other(t)) for t in lost], name="tuned"))

    assert found == [
        "trials without a whole score: 0 of base's 60, 3 of tuned's 60; what is left may be the easier part: run "
        "again for the missing"
    ]


def _other(trial: Trial) -> Conversation:
    """The same conversation with another reply, where there is one."""
    talk = trial.conversation
    return talk.with_reply(f"{talk.reply}!") if talk.replies else talk


def test_doubts_stand_among_the_warnings_of_a_comparison() -> None:
    base = said(some(20))

    assert "both gave byte-equal replies to 20 of 20 cases: is the tuned model (adapter) loaded?" in (
        compare(base, replace(base, model=ModelRef("tuned", "openai:one"))).warnings
    )


@pytest.mark.parametrize(
    "reply",
    [
        LOOP,
        "Well, first of all: " + "no " * 30,
        "ha" * 60,
        "東京" * 40,
        "!" * 50,
        ("a passage of quite some words that comes again and again until the limit of tokens is there " * 5),
        "Fine so far. " + "The sea is deep. " * 20,
    ],
)
def test_a_loop_is_told(reply: str) -> None:
    assert loops(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "No, no, no.",
        "The sea is very, very deep.",
        "Paris.",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "東京は日本の首都であり、人口は約千四百万人です。江戸時代から栄えてきました。",
        " ".join(f"word{place}" for place in range(500)),
    ],
)
def test_what_is_no_loop_is_not(reply: str) -> None:
    assert not loops(reply)


@pytest.mark.nightly  # timed
def test_ten_thousand_cases_cost_well_under_a_second() -> None:
    text = " ".join(f"word{place % 70}" for place in range(120))
    trials = [runs.trial(str(n), 0, {"facts": 1.0}, text=f"{text} {n}") for n in range(10_000)]
    talks = [trial.conversation for trial in trials]
    sheet = Sheet(())

    began = time.process_time()
    for talk in talks:
        sheet.vitals.add(talk)
    spent = time.process_time() - began

    assert sheet.vitals.replies == 10_000
    assert spent < 1


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ("openai:gpt-4o", ["judge 'judge' (openai:gpt-4o) is of the same family as 'base' and 'tuned': judges favour"]),
        ("openai:claude-sonnet", []),
    ],
)
def test_a_judge_of_the_family_of_an_arm_is_told_until_labels_tell_how_it_errs(judge: str, told: list[str]) -> None:
    instrument = replace(runs.judged("judge"), judges=(f"judge ({judge})",))
    suite = SuiteRef("marv", "suites/marv.yaml", "a" * 64, judges=(instrument,))
    base, tuned = (
        Arm.of(replace(runs.run([1.0] * 20, suite=suite), model=ModelRef(name, use)))
        for name, use in (("base", "openai:gpt-4o-mini"), ("tuned", "openai:ft:gpt-4o-mini:acme::x"))
    )
    known = Known(replace(calibration(()), digest=instrument.digest))

    def about(base: Arm, tuned: Arm) -> list[str]:
        return [line for line in warnings(base, tuned) if "family" in line]

    assert [line[: len(told[0])] for line in about(base, tuned)] == told if told else about(base, tuned) == []
    assert about(base, replace(tuned, known=(known,))) == []
