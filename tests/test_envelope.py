"""What a row holds comes out as it went in, and says what was asked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalharness.envelope import HEAD, Difference, described, explain, opened, sealed
from evalharness.records import Message, ModelRef, Origin, Request
from tests.fakes import question

ANY_TEXT = st.text(st.characters(), max_size=50)  # lone surrogates and NUL among them


@given(ANY_TEXT, ANY_TEXT)
@example("\ud800", "\ud800")
@example("a\0b", "\0")
@example("\r\n", "\n")
@example("", "")
def test_any_text_comes_back_and_fits_a_table(text: str, asked: str) -> None:
    value = sealed(text, question(asked, case=asked))

    assert opened(value) == text
    assert "\0" not in value
    assert value.encode().decode() == value  # so SQLite can hold it


@given(ANY_TEXT)
def test_no_other_text_is_taken_for_an_answer(text: str) -> None:
    assert text.startswith(HEAD) or opened(text) is None


def test_the_first_line_is_json_and_names_the_place() -> None:
    line, _, text = sealed("answer\nof two lines", question("a", case="france")).partition("\n")

    parts = json.loads(line)
    assert (parts["v"], parts["case"], parts["turn"], parts["use"]) == (1, "france", "1", "openai:tuned")
    assert text == "answer\nof two lines"


def test_long_parts_and_messages_are_kept_as_a_digest() -> None:
    request = replace(question("a secret plan"), params={"response_format": "x" * 500})

    parts = described(request)

    # sha256 of the text, by `printf 'a secret plan' | sha256sum`
    assert parts["message 1 (user)"] == "d78e7500e6a7fbb0"
    assert len(parts["params"]) == 16


def test_every_part_of_a_key_is_described() -> None:
    request = Request(ModelRef("r", "replay:a.jsonl"), (Message("user", "Hi"),), origin=Origin("c", 1))

    assert {"messages", "origin"} == request.parts().keys() - described(request).keys()
    assert "case" in described(request)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sample": 3}, "sample"),
        ({"params": {"temperature": 1}}, "params"),
        ({"messages": (Message("user", "b"),)}, "message 1 (user)"),
        ({"messages": (Message("user", "a"), Message("user", "b"))}, "message 2 (user)"),
        ({"kind": "embed"}, "kind"),
        ({"model": ModelRef("tuned", "openai:other", base_url="http://127.0.0.1:9/v1")}, "use"),
        ({"model": ModelRef("tuned", "openai:tuned", base_url="http://127.0.0.1:8/v1")}, "server"),
    ],
)
def test_whatever_changes_a_key_is_named(change: dict[str, object], field: str) -> None:
    stored = question("a", case="x")
    asked = replace(stored, **change)  # type: ignore[arg-type] # by test

    found = explain(asked.key(), asked, [sealed("yes", stored).partition("\n")[0]])

    assert asked.key() != stored.key()
    assert [difference.field for difference in found.differs] == [field]


def test_of_equally_near_questions_that_of_the_same_case_is_shown() -> None:
    stored = [question("a", case="one"), question("a", case="two"), question("a", case="three")]
    asked = replace(stored[1], sample=1)

    found = explain("key", asked, [sealed("yes", request).partition("\n")[0] for request in stored])

    assert (found.case, found.differs) == ("two", (Difference("sample", "0", "1"),))


def test_lines_that_are_none_of_ours_are_passed_over() -> None:
    found = explain("key", question("a"), [None, 7, b"x", "no json", "[1]", "[" * 100_000, '{"v":1,"case":7}'])

    assert found.case == ""
