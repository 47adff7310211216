"""Cases: turns, what is said besides, and ids."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.grammar.cases import Case, slug
from tests.written import cases, faults


def ids(folder: Path, text: str) -> list[str]:
    return [case.id for case in cases(folder, f"every: json\ncases:\n{text}")]


def one(folder: Path, text: str) -> Case:
    (case,) = cases(folder, f"cases:\n{text}")
    return case


def test_what_a_case_may_say_is_kept(tmp_path: Path) -> None:
    case = one(
        tmp_path,
        "  - id: paris\n    ask: 1.10\n    expect: NO\n    system: Be brief.\n    params: {temperature: 0.5}\n"
        "    context: [One passage., Another.]\n    tags: [geo, old, geo]\n    group: 010\n    must_pass: true\n",
    )

    assert (case.id, case.question, case.system, case.params) == ("paris", "1.10", "Be brief.", {"temperature": 0.5})
    assert (case.context, case.tags, case.group) == (("One passage.", "Another."), ("geo", "old"), "010")
    assert case.must_pass
    assert case.line == 3


def test_a_system_text_left_out_is_not_an_empty_one(tmp_path: Path) -> None:
    assert one(tmp_path, "  - {ask: a, expect: b}\n").system is None
    assert one(tmp_path, "  - {ask: a, expect: b, system: ''}\n").system == ""


def test_a_conversation_is_asked_and_scripted_turn_by_turn(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("Hello\n\nHow are you?\nBye\n")
    case = one(
        tmp_path,
        "  - turns:\n      - {ask: Hi, reply: Yo}\n      - {from: talk.txt, take: 2}\n"
        "      - {ask: Name?, expect: Ada}\n      - {ask: Thanks, reply: ''}\n",
    )

    assert [(turn.ask, turn.reply, len(turn.expect)) for turn in case.turns] == [
        ("Hi", "Yo", 0),
        ("Hello", None, 0),
        ("How are you?", None, 0),
        ("Name?", None, 1),
        ("Thanks", "", 0),
    ]
    assert case.question == "Name?"


def test_what_a_case_of_one_asked_turn_expects_is_that_turns(tmp_path: Path) -> None:
    case = one(tmp_path, "  - turns: [{ask: Hi, reply: Yo}, {ask: Name?, expect: Ada}]\n    expect: {format: json}\n")

    assert case.expect == ()
    assert [[check.aspect for check in turn.expect] for turn in case.turns] == [[], ["facts", "format"]]


def test_turns_come_from_rows_with_the_field_ask_too(tmp_path: Path) -> None:
    (tmp_path / "talk.csv").write_text("ask,note\nHello,x\nBye,y\n")
    case = one(tmp_path, "  - turns:\n      - {from: talk.csv}\n      - {ask: Name?, expect: Ada}\n")

    assert [turn.ask for turn in case.turns] == ["Hello", "Bye", "Name?"]


def test_rows_without_a_question_are_no_turns(tmp_path: Path) -> None:
    text = "suite: a\ncases:\n  - turns:\n      - {from: talk.csv}\n      - {ask: Name?, expect: Ada}\n"

    assert faults(tmp_path, text, {"talk.csv": "question\nHello\n"}) == [
        "suite.yaml:4:16: talk.csv:2 holds no question",
    ]


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("What's the capital of France?", "whats-the-capital-of-france"),
        ("Who wrote 'Romeo and Juliet'?", "who-wrote-romeo-and-juliet"),
        ("  2 + 2 = ?\n", "2-2"),
        ("What’s up, Zoë?", "whats-up-zoë"),
        ("法国的首都是哪里？", "法国的首都是哪里"),
        ("a_b/c\\d", "a-b-c-d"),
    ],
)
def test_an_id_is_made_of_the_words_of_the_question(text: str, made: str) -> None:
    assert slug(text) == made


def test_a_long_question_is_cut_at_a_word_and_told_apart_by_a_hash() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve thirteen"

    digest = hashlib.sha256(f'["{words}"]'.encode()).hexdigest()[:8]
    assert slug(words) == f"one-two-three-four-five-six-seven-eight-nine-ten-eleven-{digest}"
    assert slug(words) != slug(words + "!")
    assert slug(words + " x" * 500) != slug(words + " x" * 501)


def test_a_question_without_words_has_an_id() -> None:
    assert slug("???").startswith("case-")
    assert slug("???") != slug("!!!")


@given(st.text())
def test_any_question_makes_an_id_of_one_short_line(text: str) -> None:
    made = slug(text)

    assert made
    assert len(made) <= 80
    assert made.isprintable()
    assert slug(text) == made


def test_questions_alike_get_ids_by_what_is_asked_whatever_their_order(tmp_path: Path) -> None:
    first, second = "  - ask: 2 + 2?\n", "  - ask: 2 * 2?\n"

    forwards, backwards = ids(tmp_path, first + second), ids(tmp_path, second + first)

    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 2
    assert all(name.startswith("2-2-") for name in forwards)


def test_the_same_question_in_another_setting_has_another_id(tmp_path: Path) -> None:
    one, two, three = ids(tmp_path, "  - ask: Who?\n  - {ask: Who?, system: x}\n  - {ask: Who?, context: y}\n")

    assert len({one, two, three}) == 3


def test_cases_that_ask_the_same_are_counted(tmp_path: Path) -> None:
    first, second, third = ids(tmp_path, "  - ask: Who?\n" * 3)

    assert (second, third) == (f"{first}-2", f"{first}-3")


def test_a_made_id_gives_way_to_a_given_one(tmp_path: Path) -> None:
    made, given_ = ids(tmp_path, "  - ask: Who?\n  - {id: who, ask: What?}\n")

    assert given_ == "who"
    assert made.startswith("who-")


def test_other_cases_do_not_change_an_id(tmp_path: Path) -> None:
    alone = ids(tmp_path, "  - ask: Who is it?\n")

    assert ids(tmp_path, "  - ask: What?\n  - ask: Who is it?\n")[1:] == alone
