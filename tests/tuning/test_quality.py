"""What a server takes and is probably not meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.tuning.dataset import Asked, Wanted
from tests.tuning.lines import SYSTEM, chat, codes, found, pair, report, said, text

ASK, ANSWER = said("user", "Which way?"), said("assistant", "North.")
FIRST = said("system", SYSTEM)
CALL = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
TIDE = {"type": "function", "function": {"name": "tide"}}


def test_the_same_example_twice_is_told_with_the_line_of_the_first(tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*map(chat, range(12)), chat(3)))

    (finding,) = [each for each in said_of.findings if each.code == "duplicate_example"]
    assert (finding.line, finding.others) == (13, (4,))


def test_keys_in_another_order_make_no_other_example(tmp_path: Path) -> None:
    turned = {"messages": [dict(reversed(message.items())) for message in (FIRST, ASK, {**ANSWER, "weight": 1})]}

    assert found(tmp_path, chat(0, FIRST, ASK, {**ANSWER, "weight": 1}), turned) == {"duplicate_example": [2]}


def test_two_answers_to_one_conversation_are_told(tmp_path: Path) -> None:
    other = chat(0, FIRST, ASK, said("assistant", "South."))

    assert found(tmp_path, chat(0, FIRST, ASK, ANSWER), other) == {"contradictory_answers": [2]}


def test_another_system_prompt_makes_it_another_conversation(tmp_path: Path) -> None:
    other = chat(0, said("system", "Be rude."), ASK, said("assistant", "South."))

    assert found(tmp_path, chat(0, FIRST, ASK, ANSWER), other) == {"different_system": [2]}


def test_pairs_that_prefer_each_other_s_worse_answer_contradict(tmp_path: Path) -> None:
    turned = pair(1) | {"preferred_output": pair(1)["non_preferred_output"], "non_preferred_output": [ANSWER]}
    same = pair(2) | {"non_preferred_output": pair(2)["preferred_output"]}

    assert found(tmp_path, pair(1), turned, same, wanted=Wanted("dpo")) == {
        "contradictory_answers": [2],
        "same_preference": [3],
    }


def test_system_prompts_that_some_examples_lack_or_change_are_told_once(tmp_path: Path) -> None:
    without = [chat(0, said("user", f"{n}?"), ANSWER) for n in range(3)]
    others = [chat(0, said("system", "Be brief."), said("user", f"{n}!"), ANSWER) for n in range(2)]

    said_of = report(tmp_path, text(*map(chat, range(12)), *without, *others))

    told = {finding.code: (finding.line, finding.what) for finding in said_of.findings if finding.severity == "warning"}
    assert told == {
        "missing_system": (13, "3 of 17 examples have no system prompt, this one first"),
        "different_system": (
            16,
            "2 system prompts: 2 of 17 examples have another than the usual one, this one first: 'Be brief.'",
        ),
    }


def test_no_system_prompt_at_all_is_a_note(tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*(chat(0, said("user", f"{n}?"), ANSWER) for n in range(50))))

    assert said_of.totals == {"no_system": 1}
    assert said_of.findings[0].severity == "note"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ((FIRST, ASK, said("user", "Well?"), ANSWER), "two_users_in_a_row"),
        ((FIRST, ANSWER), "no_user_message"),
        ((FIRST, ASK, said("assistant", " ")), "empty_reply"),
        ((FIRST, ASK, said("assistant", None, tool_calls=[CALL]), said("tool", "x", tool_call_id="c1"), ANSWER),
         "undeclared_tool"),
        ((FIRST, ASK, said("assistant", "[INST] North.")), "template_token"),
        ((FIRST, ASK, said("assistant", "<|eot_id|>")), "template_token"),
        ((FIRST, ASK, said("assistant", "North \ud83d")), "lone_surrogate"),
        ((FIRST, ASK, said("assistant", "Write to anna@harbour.org.uk")), "personal_email"),
        ((FIRST, said("user", "I am on +49 30 1234567"), ANSWER), "personal_phone"),
        ((FIRST, said("user", "It is 4111 1111 1111 1111"), ANSWER), "personal_card"),
        ((FIRST, said("user", "It is DE89370400440532013000"), ANSWER), "personal_iban"),
        ((FIRST, said("user", [{"type": "text", "text": "AKIAIOSFODNN7EXAMPLE"}]), ANSWER), "secret_key"),
    ],
)  # fmt: skip
def test_each_warning_names_its_line(messages: tuple[dict[str, object], ...], code: str, tmp_path: Path) -> None:
    assert found(tmp_path, chat(0, *messages)) == {code: [1]}


def test_arguments_of_a_call_are_json(tmp_path: Path) -> None:
    broken = {**CALL, "function": {"name": "tide", "arguments": "{at: 1"}}
    turns = (FIRST, ASK, said("assistant", None, tool_calls=[broken]), said("tool", "x", tool_call_id="c1"), ANSWER)

    assert found(tmp_path, chat(0, *turns, tools=[TIDE])) == {"undeclared_tool": [1]}


def test_an_answer_that_is_not_trained_on_may_be_empty(tmp_path: Path) -> None:
    silent = said("assistant", "", weight=0)

    assert found(tmp_path, chat(0, FIRST, ASK, silent, ASK, ANSWER)) == {}


def test_what_is_private_is_shown_masked_only(tmp_path: Path) -> None:
    secrets = ("anna.smith@harbour.org.uk", "+49 30 1234567", "4111 1111 1111 1111", "DE89370400440532013000")
    lines = [chat(0, FIRST, said("user", f"This is mine: {secret}"), ANSWER) for secret in secrets]

    said_of = report(tmp_path, text(*map(chat, range(12)), *lines))

    assert [finding.what.partition(": ")[2] for finding in said_of.findings if finding.line > 12] == [
        "a***@h***",
        "+49*** 67",
        "*** 1111",
        "DE*** 00",
    ]


def test_json_escapes_hide_nothing(tmp_path: Path) -> None:
    line = '{"messages": [{"role": "user", "content": "anna\\u0040harbour.org.uk \\u003c|im_end|\\u003e"}, '
    line += '{"role": "assistant", "content": "x"}]}\n'

    found_here = codes(report(tmp_path, text(*map(chat, range(12))) + line), after=12)

    assert found_here["personal_email"] == found_here["special_token"] == [1]


def test_an_example_longer_than_the_context_is_told(tmp_path: Path) -> None:
    long = chat(0, FIRST, ASK, said("assistant", "north " * 60))

    # 8 + 4 tokens of the system prompt, 3 + 4 and 60 + 4 of the others, and 3 for the example
    assert found(tmp_path, long, wanted=Wanted(context=85)) == {"too_long": [1]}
    assert found(tmp_path, long, wanted=Wanted(context=86)) == {}


# --- beside a suite ---------------------------------------------------------------------------------------------------


def asked(*questions: str, system: str | None = SYSTEM) -> Wanted:
    numbered = tuple((f"c{number}", question) for number, question in enumerate(questions))
    return Wanted(asked=Asked("harbour", numbered, frozenset([system])))


def test_questions_that_the_suite_asks_too_are_told_with_their_case(tmp_path: Path) -> None:
    lines = [chat(0, FIRST, said("user", question), ANSWER) for question in ("WHICH way!", "Which whey?", "Who?")]

    said_of = report(tmp_path, text(*map(chat, range(12)), *lines), asked("Why?", "Which way?"))

    assert codes(said_of, after=12) == {"in_suite": [1], "near_suite": [2]}
    assert [finding.what for finding in said_of.findings if finding.line > 12] == [
        "message 2 is what case 'c1' of 'harbour' asks",
        "message 2 is nearly what case 'c1' of 'harbour' asks",
    ]


@pytest.mark.parametrize(
    ("trained", "suite", "told"),
    [
        (SYSTEM, SYSTEM, None),
        (None, None, None),
        (SYSTEM, None, "the examples have a system prompt, 'Be kind.', and suite 'harbour' sends none"),
        (None, SYSTEM, "suite 'harbour' sends a system prompt, 'Be kind.', and the examples have none"),
        (SYSTEM, "Be rude.", "the examples have another system prompt than suite 'harbour' sends"),
    ],
)
def test_a_system_prompt_on_one_side_only_is_told(
    trained: str | None, suite: str | None, told: str | None, tmp_path: Path
) -> None:
    first = [said("system", "Be kind.")] if trained else []
    lines = [chat(0, *first, said("user", f"{n}?"), ANSWER) for n in range(12)]
    wanted = asked("Why?", system="Be kind." if suite == SYSTEM else suite)

    said_of = report(tmp_path, text(*lines), wanted)

    assert [finding.what for finding in said_of.findings if finding.code == "suite_system"] == ([told] if told else [])
