from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.layout import Span, aligned, cells, cells_of, wrapped


def text_of(spans: list[Span]) -> str:
    return "".join(text for text, _ in spans)


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301", "🚀", "שלום")] == [3, 4, 1, 2, 4]


def test_columns_line_up_whatever_the_script() -> None:
    rows = aligned([[("name", ""), ("n", "")], [("日本", ""), ("12", "")]], right={1})

    assert [text_of(row) for row in rows] == ["name   n", "日本  12"]


def test_lines_break_at_blanks_and_keep_styles() -> None:
    lines = wrapped([("one two ", "bold"), ("three", "dim")], 8)

    assert [text_of(line).rstrip() for line in lines] == ["one two", "three"]
    assert lines[1] == [("three", "dim")]


def test_the_first_line_may_have_less_room() -> None:
    lines = wrapped([("one two three", "")], 8, indent=4)

    assert [text_of(line).rstrip() for line in lines] == ["one", "two", "three"]


@settings(max_examples=100)
@given(st.lists(st.text("ab 日本e\u0301", max_size=40), max_size=4), st.integers(4, 30))
def test_no_line_is_wider_than_asked_and_no_letter_is_lost(texts: list[str], width: int) -> None:
    lines = wrapped([(text, "") for text in texts], width)

    assert all(cells_of(line) <= width for line in lines)
    assert "".join(map(text_of, lines)).replace(" ", "") == "".join(texts).replace(" ", "")
