from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.findings import Course, Drift, Flip, LeftOut, Pair, Persona, Ruling
from evalharness.records import Asked, Conversation, Grade, Message, Score, Trial, Word
from evalharness.reports import base, character, made
from evalharness.stats.paired import overall_outcome
from tests.reports import examples


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "+1.2"), (-0.0391, "-3.9"), (0.0, "0.0"), (-0.0004, "0.0"), (1.0, "+100.0"), (None, "–")],
)
def test_a_change_is_printed_in_points(value: float | None, text: str) -> None:
    assert base.points(value) == text


def test_a_bound_that_is_not_the_margin_does_not_look_like_it() -> None:
    # 73 cases without a difference: the interval ends at 4.9992 points, which holds at a margin of 5
    assert base.span(-0.049992, 0.049992, 0.05) == "[-4.999, +4.999]"
    assert base.span(-0.05, 0.049, 0.05) == "[-5.0, +4.9]"


@pytest.mark.parametrize(("value", "text"), [(0.00001, "<0.0001"), (0.7266, "0.7266"), (1.0, "1.0000"), (None, "–")])
def test_p_values_have_four_decimals(value: float | None, text: str) -> None:
    assert base.p_value(value) == text


def test_rates_are_percent_and_margins_have_no_needless_digits() -> None:
    assert [base.rate(0.3894), base.rate(None)] == ["38.9 %", "–"]
    assert [base.limit(0.05), base.limit(0.07), base.limit(0.025)] == ["5", "7", "2.5"]


def test_counts_agree_with_their_nouns() -> None:
    assert [base.count(1, "case"), base.count(1234, "case")] == ["1 case", "1,234 cases"]
    assert [base.count(1, "reply"), base.count(2, "reply")] == ["1 reply", "2 replies"]


def drift(aspect: str) -> Drift:
    flat = Course((0.5, 0.5, 0.5), 0.0, -0.1, 0.1, 0.0)
    return Drift(aspect, 10, (1, 2, 3), flat, flat)


def test_turns_that_the_persona_draws_are_not_pointed_to_once_more() -> None:
    turns = [
        replace(examples.DELTAS[0], part="turn", aspect=name, slice=f"{name} · turn 1") for name in ("facts", "style")
    ]
    persona = Persona(drifts=(drift("style"),))
    comparison = replace(examples.COMPARISON, deltas=tuple(turns), persona=persona)

    assert [d.slice for d in base.diagnostics(comparison)] == ["facts · turn 1"]
    assert len(base.slices(comparison)) == 2


def test_the_persona_draws_aspects_in_the_order_of_the_table() -> None:
    drifts = [drift(name) for name in ("facts", "no_leak", "sarcasm", "style")]

    assert [each.aspect for each in character.ordered(drifts)] == ["facts", "style", "no_leak", "sarcasm"]


def test_gates_come_first_each_with_its_parts_below() -> None:
    rows = base.changes(examples.COMPARISON)

    assert [row.slice for row in rows] == ["facts", "facts · near unseen", "style", "format", "overall"]


def test_diagnostics_come_by_their_q_values() -> None:
    found = base.diagnostics(examples.COMPARISON)

    assert [d.slice for d in found] == ["style · check sarcastic", "facts · tag trap", "facts · tag space"]
    assert [d.slice for d in base.notable(found)] == ["style · check sarcastic", "facts · tag trap"]
    assert base.stands_out(found) == "2 of 3 tags, checks and turns stand out"
    assert base.stands_out(found[1:]) == "1 of 2 tags, checks and turns stands out"
    assert base.stands_out(found[2:] * 2) == "none of 2 tags, checks and turns stands out"
    assert base.stands_out(found[2:]) == "the only slice (tag, check or turn) does not stand out"


def test_what_is_missing_has_a_line_a_kind_of_failure_with_its_first_message_and_what_to_do() -> None:
    assert base.gaps(examples.COMPARISON) == (
        ("base: 1 timeout: no answer within 120 s", base.AGAIN),
        ("tuned: 3 invalid: not a completion but an HTML page: <html><title>502</title>", base.MEND),
        ("tuned: 2 limit: 429 after 5 tries", base.AGAIN),
    )
    assert base.gaps(examples.sampled().comparisons[0]) == ()


@pytest.mark.parametrize(
    ("kinds", "remedy"),
    [
        (("timeout", "limit", "server", "unreachable", "stopped", "budget", "missing"), base.AGAIN),
        (("rejected", "gone", "invalid", "denied", "quota"), base.MEND),
    ],
)
def test_every_kind_of_failure_has_a_remedy_that_fits(kinds: tuple[str, ...], remedy: str) -> None:
    tuned = replace(examples.TUNED, failures=dict.fromkeys(kinds, 1), said={})
    comparison = replace(examples.COMPARISON, base=replace(examples.BASE, failures={}), tuned=tuned)

    assert base.gaps(comparison) == tuple((f"tuned: 1 {kind}", remedy) for kind in kinds)


def test_a_run_cut_short_is_told_by_its_role_where_both_arms_have_one_name() -> None:
    whole = replace(examples.BASE, failures={})
    comparison = replace(examples.COMPARISON, base=whole, tuned=replace(whole, tally=None))

    assert base.gaps(comparison) == (("tuned: this run was cut short", base.AGAIN),)
    assert ("requests", "not counted: this run was cut short") in made.arm_facts(comparison.tuned)


def test_the_answers_that_a_third_arm_lacks_are_told_too() -> None:
    (comparison,) = examples.rebased().comparisons
    assert comparison.rebased is not None
    assert base.gaps(comparison) == ()

    via = replace(comparison.rebased.via, failures={"timeout": 2})
    lacking = replace(comparison, rebased=replace(comparison.rebased, via=via))

    assert base.gaps(lacking) == (("gpt-5-mini: 2 timeout", base.AGAIN),)


def test_a_case_that_had_to_pass_says_which_check_failed_and_why() -> None:
    assert base.misses(examples.COMPARISON) == (
        ("boiling-point-of-water", "with tuned: facts: no mention of the answer"),
    )
    assert base.misses(examples.sampled().comparisons[0]) == (
        ("c-peru", "with tuned: facts: number: the last number is 3, not 4 (in 2 of 3 samples)"),
    )
    assert base.misses(replace(examples.COMPARISON, pairs=())) == (("boiling-point-of-water", "with tuned"),)


def test_a_flip_of_several_samples_counts_those_that_pass() -> None:
    (comparison,) = examples.sampled().comparisons

    assert base.moved(comparison.flips[0], comparison.pairs[0]) == "passed 3 of 3 → 1 of 3 samples"
    assert base.moved(comparison.flips[0], None) == "100 % → 33 %"
    assert base.moved(examples.FLIPS[0], examples.pair(0)) == "100 % → 0 %"


def test_a_margin_is_shown_only_where_one_is_asked_for() -> None:
    (comparison,) = examples.every_kind().comparisons

    margins = {row.slice: base.margin(comparison, row) for row in base.changes(comparison)}
    assert margins == {"facts": "5", "facts · near unseen": "(5)", "style": "–", "format": "10", "overall": "(5)"}
    assert [base.limits(ruling) for ruling in comparison.rulings] == [(-0.05,), (), (0.2,), (-0.1, 0.1)]


def test_words_that_are_no_criterion_ask_for_nothing() -> None:
    for text in ("", "drop_at_most", "drop_at_most: five", "<b>: 1"):
        ruling = replace(examples.RULINGS[0], asked=text)
        assert (base.asked(ruling), base.limits(ruling)) == (None, ())


def test_an_aspect_reads_as_the_worst_of_its_criteria() -> None:
    worse = replace(examples.RULINGS[1], outcome="REGRESSED")
    comparison = replace(examples.COMPARISON, rulings=(*examples.RULINGS, worse))

    assert base.ruled(comparison, base.by_name(comparison)["style"]) == "REGRESSED"
    assert base.ruled(comparison, base.by_name(comparison)["overall"]) == "IMPROVED"


def test_cases_left_out_are_counted_once_by_side_and_cause() -> None:
    assert base.losses(examples.COMPARISON.left_out) == (
        "2 cases, tuned only: limit: 429 after 5 tries",
        "1 case, base only: timeout: no answer within 120 s",
    )


def test_a_case_that_one_side_alone_was_asked_is_told_by_its_cause_alone() -> None:
    gone = LeftOut("a", "", "tuned", "only base's run has this case")

    assert base.losses([gone]) == ("1 case: only base's run has this case",)


def test_the_lead_is_the_sentence_that_decided() -> None:
    assert base.lead(examples.COMPARISON).startswith("format undecided: 10 points lower")


@pytest.mark.parametrize(
    ("words", "lead"),
    [
        (("HELD", "HELD", "HELD"), "facts, style and format held: all that the gate asks is met"),
        (("HELD", "REGRESSED", "HELD"), "style: as it is"),
        (("REGRESSED", "REGRESSED", "INCONCLUSIVE"), "facts: as it is; also regressed: style"),
        (("HELD", "INCONCLUSIVE", "INCONCLUSIVE"), "style: as it is; also undecided: format"),
    ],
)
def test_the_lead_speaks_of_every_aspect_that_decided(words: tuple[Word, ...], lead: str) -> None:
    names = ("facts", "style", "format")
    rulings = tuple(Ruling(a, "", word, f"{a}: as it is") for a, word in zip(names, words, strict=True))
    verdict = replace(examples.COMPARISON.verdict, outcome=overall_outcome(words))

    assert base.lead(replace(examples.COMPARISON, rulings=rulings, verdict=verdict)) == lead


def test_few_flips_of_one_aspect_are_not_hidden_by_many_of_another() -> None:
    _, fixed = base.sides(examples.COMPARISON)
    crowd = (*fixed[1:], fixed[0])

    chosen = base.some(crowd, 3)

    assert [(flip.aspect, flip.case) for flip in chosen] == [
        ("style", "whats-the-capital-of-australia"),
        ("style", "who-wrote-romeo-and-juliet"),
        ("facts", "largest-ocean"),
    ]
    assert base.some(crowd, None) == crowd


def trial(reply: str, *grades: float | None) -> Trial:
    talk = Conversation("c", 0, (Message("user", "q"), Message("assistant", reply)), (1,), ("answered",))
    return Trial(talk, None, tuple(Score(f"s{n}", "facts", 1, Grade(value)) for n, value in enumerate(grades)))


def test_a_case_scores_the_mean_of_its_samples_without_those_that_lack_a_grade() -> None:
    trials = (trial("a", 1.0, 0.0), trial("b", 1.0, None), trial("c", 1.0, 1.0))

    assert base.case_score(trials, "facts") == 0.75
    assert base.case_score(trials, "style") is None
    assert base.case_score((trial("a", None),), "facts") is None


def test_the_reply_shown_is_one_that_tells() -> None:
    trials = (trial("right", 1.0), trial("wrong", 0.0))

    assert base.telling(trials, "facts", passed=False) == "wrong"
    assert base.telling(trials, "facts", passed=True) == "right"


def test_the_reply_shown_is_of_the_turn_that_failed() -> None:
    said = tuple(Message("user" if n % 2 == 0 else "assistant", f"m{n}") for n in range(4))
    talk = Conversation("c", 0, said, (1, 3), ("answered", "answered"))
    scores = (Score("s", "facts", 1, Grade(0.0)), Score("s", "facts", 2, Grade(1.0)))

    assert base.telling((Trial(talk, None, scores),), "facts", passed=False) == "m1"


def test_a_talk_is_shown_at_the_turn_that_broke_with_its_question_and_both_replies() -> None:
    def talk(replies: tuple[str, str, str], failed: int | None) -> Trial:
        messages = [
            Message("user", f"{n}?") if n % 2 else Message("assistant", replies[n // 2 - 1]) for n in range(1, 7)
        ]
        held = Conversation("c", 0, tuple(messages), (1, 3, 5), ("answered", "answered", "answered"))
        return Trial(held, None, tuple(Score("s", "facts", n, Grade(float(n != failed))) for n in (1, 2, 3)))

    right = talk(("one", "two", "three"), None)
    wrong = talk(("one", "no", "no"), 2)
    broke = Flip("c", "facts", "broke", 1.0, 2 / 3, "why", "1?")
    asked = Asked("c", "1?", ("facts",))

    assert base.shown(Pair(asked, (right,), (wrong,)), broke) == ("turn 2 of 3: 3?", "two", "no")
    fixed = replace(broke, side="fixed")
    assert base.shown(Pair(asked, (wrong,), (right,)), fixed) == ("turn 2 of 3: 3?", "no", "two")


def test_reading_pairs_stops_when_all_flips_are_found() -> None:
    panel = examples.many(100)
    seen = []

    def walked() -> object:
        for pair in panel.comparisons[0].pairs:
            seen.append(pair.asked.case)
            yield pair

    found = base.pick(walked(), [flip.case for flip in panel.comparisons[0].flips[:2]])  # type: ignore[arg-type] # a generator of pairs

    assert len(found) == 2
    assert len(seen) < 10


def test_no_flips_read_no_pairs() -> None:
    assert base.pick(iter(()), ()) == {}


def test_every_report_is_found_by_its_name() -> None:
    assert {"terminal", "markdown", "html", "json", "csv"} <= base.REPORTS.names()


def test_the_first_sentence_of_each_format_tells_users_what_it_is_for() -> None:
    first = {name: (inspect.getdoc(render) or "").partition("\n")[0] for name, render in base.REPORTS.items()}

    assert all(len(line) > 60 and line.endswith(".") and "piece" not in line for line in first.values())
    assert first["html"].startswith("One self-contained page, both replies side by side, ")


@pytest.mark.parametrize("name", ["terminal", "markdown", "html", "json", "csv", "junit", "release-notes", "github"])
def test_every_report_renders_every_panel_in_pieces(name: str) -> None:
    render = base.REPORTS.get(name)
    for panel in (examples.one(), examples.held(), examples.several(), examples.rebased()):
        pieces = list(render(panel))
        assert len(pieces) > 1
        assert "".join(pieces).encode("utf-8")


def test_the_format_in_the_manual_works() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    program = f"{example}\nfrom tests.reports.examples import held\nprint(*render(held()), sep='', end='')"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "HELD\n"
