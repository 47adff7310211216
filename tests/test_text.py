from __future__ import annotations

import re
import sys
import unicodedata
from threading import Thread
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.text import (
    LONGEST_STACK,
    UNSPACED,
    BadPattern,
    composed,
    fold,
    pattern,
    phrase,
    search,
    shown,
    spaced,
    word_count,
    words,
)

ANY = st.text(st.characters(), max_size=60)


# --- folding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "PARIS"),
        ("STRASSE", "straße"),
        ("caf\u00e9", "CAFE\u0301"),
        ("fi", "\ufb01"),
        ("don't", "don\u2019t"),
        ("a-b", "a\u2011b"),
        ("a-b", "a\u2212b"),
        ('"a"', "\u201ca\u201d"),
        ("Paris", "P\u200ba\u00adr\u2060is\ufeff"),
        ("123", "１２３"),
    ],
)
def test_texts_that_differ_only_in_how_they_are_typed_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_accents_stay() -> None:
    assert fold("é") != fold("e")


@given(ANY)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cf", "Pd", "Pi", "Pf", "Po", "Sm", "Mn"]), max_size=60)
)
def test_folding_is_nfkc_and_case_folding(text: str) -> None:
    nfkc = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())

    assert re.sub("[-'\"]", "", fold(text)) == re.sub("[-'\"]", "", nfkc)


def test_a_stack_of_accents_is_cut_where_unicode_says_it_may_be() -> None:
    stack = "e" + "\u0323\u0301" * 1000

    assert len(unicodedata.normalize("NFD", composed(stack))) == 1 + LONGEST_STACK


def test_a_letter_with_as_many_accents_as_people_write_keeps_them() -> None:
    assert composed("e\u0323\u0302\u0301") == unicodedata.normalize("NFC", "e\u0323\u0302\u0301")


def test_every_combining_mark_of_unicode_belongs_to_a_word() -> None:
    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"]

    assert len(marks) > 2_000
    assert not [mark for mark in marks if len(words(f"я{mark}я")) > 1 and not re.match(f"[{UNSPACED}]", mark)]


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ?! ", []),
        ("It is Paris.", ["it", "is", "paris"]),
        ("Don't well-known U.S.", ["don", "t", "well", "known", "u", "s"]),
        ("3.14, 1,234 and 5. 6", ["3.14", "1,234", "and", "5", "6"]),
        ("1,2,3", ["1,2,3"]),
        ("end.Next", ["end", "next"]),
        ("snake_case x—y", ["snake", "case", "x", "y"]),
        ("東京です Tokyo", ["東", "京", "で", "す", "tokyo"]),
        ("กินดี", ["กิ", "น", "ดี"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("서울은 큽니다", ["서울은", "큽니다"]),
        ("a\ud800b", ["a", "b"]),
        ("a\0b", ["a", "b"]),
    ],
)
def test_words_are_folded_and_signs_part_them(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(ANY)
def test_words_stand_between_single_spaces(text: str) -> None:
    found = spaced(text)

    assert found[0] == found[-1] == " "
    assert found == f" {' '.join(found.split())} "


@given(ANY)
def test_the_ascii_road_and_the_other_agree(text: str) -> None:
    plain = "".join(sign for sign in text if sign.isascii())

    assert words(plain) == [word for word in words(f"{plain} é") if word != "é"]
    assert word_count(plain) == word_count(f"{plain} é") - 1


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        ("New York", " new york "),
        ("東京", "東京"),
        ("東京 Tower", "東京 tower "),
        ("서울", " 서울"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_a_phrase_is_looked_for_with_spaces_where_words_have_them(sought: str, expected: str) -> None:
    assert phrase(sought) == expected


@given(ANY)
def test_a_text_holds_itself_as_a_phrase(text: str) -> None:
    assert phrase(text) in spaced(text)


# --- showing ----------------------------------------------------------------------------------------------------------


def test_a_text_is_shown_on_one_line_and_not_at_length() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert shown("it's") == '"it\'s"'
    assert shown("\ud800\u202e\0") == r"'\ud800\u202e\x00'"
    assert shown("a" * 100, 20) == "'" + "a" * 15 + "...'"


@given(ANY, st.integers(10, 100))
def test_what_is_shown_is_never_longer_than_asked_for(text: str, longest: int) -> None:
    found = shown(text, longest)

    assert len(found) <= longest
    assert found.isprintable()


# --- regular expressions ----------------------------------------------------------------------------------------------


def test_the_first_text_that_matches_is_given() -> None:
    assert search(r"\d+", "a 12 b 34", 1.0) == "12"
    assert search(r"\d+", "none", 1.0) is None
    assert search("x*", "abc", 1.0) == ""


@pytest.mark.parametrize(
    "expression", ["a{100001}", "(a{400}){400}", "(?:(?:[ab]{50}){50}c){50}", r"\w{99999999999}", "x" * 100_001]
)
def test_an_expression_that_unrolls_too_far_is_bad(expression: str) -> None:
    with pytest.raises(BadPattern, match="more than 100,000 characters"):
        pattern(expression)


@pytest.mark.parametrize(
    "expression",
    ["a{1000}", "(a{100}){100}", ".{0,99999999}", r"a\{99999999\}", "[{9}]{3}", "(a|b{20}){30}c{40}", "[]a]{9}"],
)
def test_one_that_does_not_is_compiled(expression: str) -> None:
    assert pattern(expression).pattern == expression


@pytest.mark.parametrize("expression", ["a(b", "*", "[a", "(?P<a>x)(?P<a", "(" * 3000 + ")" * 3000, r"\p{Klingon}"])
def test_an_expression_that_cannot_be_read_is_bad(expression: str) -> None:
    with pytest.raises(BadPattern):
        pattern(expression)


def test_a_search_ends_in_time_also_off_the_main_thread() -> None:
    took: list[float] = []

    def look() -> None:
        began = perf_counter()
        with pytest.raises(TimeoutError):
            search(r"^(\w+\s?)*\1$", "a" * 5000 + "!", 0.1)
        took.append(perf_counter() - began)

    look()
    thread = Thread(target=look)
    thread.start()
    thread.join(20)

    assert len(took) == 2
    assert max(took) < 5


@settings(max_examples=200)
@given(st.text(st.sampled_from("ab(){}[]|*+?.,\\19^$"), max_size=12))
def test_any_expression_is_compiled_or_bad(expression: str) -> None:
    fault = ""
    try:
        compiled = pattern(expression)
    except BadPattern as bad:
        compiled, fault = None, str(bad)

    assert fault if compiled is None else compiled.pattern == expression
