from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.records import Grade
from tests.scorers.replies import SIZES, fault, grade, huge, made, survives, value


@pytest.mark.parametrize(
    "reply",
    [
        "Paris",
        "PARIS!",
        "It is (Paris).",
        "**Paris** it is",
        "_Paris_",
        "'Paris'",
        "Paris's mayor",
        "the Paris-based firm",
        "Lyon/Paris",
        "It is\nParis\nof course",
        "Pa\u200bris",  # a zero-width space
        "Pa\u00adris",  # a soft hyphen
        "\uff30\uff41\uff52\uff49\uff53",  # full width
    ],
)
def test_a_whole_word_is_found_whatever_stands_around_it(reply: str) -> None:
    assert grade("mentions", "Paris", reply) == Grade(1.0, "mentions 'Paris'")


@pytest.mark.parametrize("reply", ["", "Parisian", "comParis", "Paris1", "Pari s", "Párís", "Paríse"])
def test_a_part_of_a_word_is_not_found(reply: str) -> None:
    assert value("mentions", "Paris", reply) == 0


def test_the_reason_shows_what_was_looked_for_and_the_reply() -> None:
    assert grade("mentions", "Lyon", "It is\nParis.").why == r"no 'Lyon' in 'It is\nParis.'"


@pytest.mark.parametrize("reply", ["New  York", "new\nyork", "New\u00a0York", "NEW-YORK", "new–york", "the New York's"])
def test_a_phrase_is_found_across_white_space_lines_and_hyphens(reply: str) -> None:
    assert value("mentions", "New York", reply) == 1


@pytest.mark.parametrize("reply", ["New of York", "York, New", "News York", "NewYork"])
def test_the_words_of_a_phrase_stand_together_and_in_order(reply: str) -> None:
    assert value("mentions", "New York", reply) == 0


def test_a_hyphen_is_as_good_as_a_space() -> None:
    assert value("mentions", "forty-two", "It is forty two.") == 1
    assert value("mentions", "forty two", "It is forty\u2011two.") == 1


def test_apostrophes_and_quotes_have_many_shapes() -> None:
    assert value("mentions", "don't", "I don\u2019t know") == 1
    assert value("mentions", "Rock \u2019n\u2019 Roll", "rock 'n' roll") == 1


def test_case_is_folded_as_unicode_says() -> None:
    assert value("mentions", "Straße", "STRASSE") == 1
    assert value("mentions", "ΟΔΟΣ", "οδος") == 1
    assert value("mentions", "Çelik", "ÇELİK".replace("İ", "I")) == 1


def test_accents_count_and_their_encoding_does_not() -> None:
    assert value("mentions", "caf\u00e9", "un cafe\u0301, merci") == 1
    assert value("mentions", "café", "un cafe") == 0
    assert value("mentions", "cafe", "un café") == 0


@pytest.mark.parametrize(
    ("number", "reply", "expected"),
    [
        ("42", "It is 42.", 1),
        ("42", "It is 42, and", 1),
        ("3", "about 3.14", 0),
        ("14", "about 3.14", 0),
        ("3.14", "about 3.14.", 1),
        ("1,000", "1,000 euros", 1),
        ("000", "1,000 euros", 0),
        ("1", "1,000 euros", 0),
        ("1000", "1,000 euros", 0),
        ("4", "gpt4", 0),
        ("2", "(1, 2, 3)", 1),
    ],
)
def test_a_number_is_whole_with_its_points_and_commas(number: str, reply: str, expected: int) -> None:
    assert value("mentions", number, reply) == expected


@pytest.mark.parametrize(
    ("phrase", "reply", "expected"),
    [
        ("東京", "日本の首都は東京です。", 1),
        ("東京", "日本の首都は京都です。", 0),
        ("Python", "我用Python写程序", 1),
        ("パリ", "首都はパリ。", 1),
        ("กรุงเทพ", "เมืองหลวงคือกรุงเทพมหานคร", 1),
        ("서울", "수도는 서울입니다.", 1),
        ("서울", "남서울 대공원", 0),
        ("Москва", "Столица России — Москва.", 1),
        ("Москва", "Москвабад", 0),
        ("हिन्दी", "राजभाषा हिन्दी है", 1),
        ("हिन्द", "राजभाषा हिन्दी है", 0),  # a vowel sign goes on
        ("القاهرة", "العاصمة هي القاهرة.", 1),
        ("ירושלים", "הבירה היא ירושלים.", 1),
    ],
)
def test_scripts_are_cut_into_words_each_in_its_way(phrase: str, reply: str, expected: int) -> None:
    assert value("mentions", phrase, reply) == expected


@pytest.mark.parametrize(
    ("phrase", "reply", "expected"),
    [
        ("C++", "I like C++.", 1),
        ("C++", "I like C.", 0),
        ("C#", "I like c#!", 1),
        (".NET", "on .NET and Mono", 1),
        (".NET", "on the net", 0),
        ("50%", "about 50% of them", 1),
        ("50%", "about 50 of them", 0),
        ("50%", "about 150% of them", 0),
        ("50%", "about 2.50% of them", 0),
        ("$5", "it costs $5 today", 1),
        ("$5", "it costs $5.50 today", 0),
        ("$5", "it costs $50 today", 0),
        ("-5", "it is \u22125 outside", 1),
        ("-5", "it is 5 outside", 0),
        ("AT&T", "by AT&T, once", 1),
        ("AT&T", "at t", 0),
        ("👍", "Done 👍🏽", 1),
        ("👍", "Done", 0),
        ("...", "well...", 1),
        ("€ 5", "only €\n5", 1),
    ],
)
def test_signs_that_carry_meaning_are_looked_for_as_they_stand(phrase: str, reply: str, expected: int) -> None:
    assert value("mentions", phrase, reply) == expected


def test_what_it_does_not_catch() -> None:
    assert value("mentions", "Paris", "It is not Paris.") == 1
    assert value("mentions", "C", "I like C++.") == 1
    assert value("mentions", "can", "I can't.") == 1
    assert value("mentions", "dog", "Two dogs.") == 0


def test_there_must_be_something_to_look_for() -> None:
    assert fault("mentions", " ").what == "'mentions' got ' ': there is nothing to look for"


WORDS = st.text(st.characters(codec="utf-8", categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=8)


@settings(max_examples=60)
@given(
    before=st.lists(WORDS, max_size=4),
    phrase=st.lists(WORDS, min_size=1, max_size=3),
    after=st.lists(WORDS, max_size=4),
)
def test_a_phrase_is_found_wherever_its_words_stand(before: list[str], phrase: list[str], after: list[str]) -> None:
    reply = " ".join([*before, *phrase, *after])

    assert value("mentions", " ".join(phrase), reply) == 1


@pytest.mark.parametrize("phrase", ["a", "Paris", "日", "é", "C++", "👍"])
def test_no_reply_makes_it_raise_or_stall(phrase: str) -> None:
    survives(made("mentions", phrase))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(made("mentions", "a b"), huge(megabytes))
    survives(made("mentions", "ha!!#"), {"words": huge(megabytes)["words"]})
