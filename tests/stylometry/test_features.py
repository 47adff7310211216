"""What is counted in a reply, against counts made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.stylometry.features import FEATURES, LONGEST, PLACE, features, prose_of, read
from tests.scorers.replies import HOSTILE

DATA = Path(__file__).parents[1] / "data" / "persona-sets"


def value(reply: str, name: str) -> float:
    return features(reply)[PLACE[name]]


def test_every_feature_of_a_reply_counted_by_hand() -> None:
    reply = "Well, I don't know. Perhaps you do! Do you?"

    # 9 words, 3 sentences, 7 different words (you, do twice); i, don't, you, do, do, you are function words; of 7
    # letters or more is `perhaps` alone.
    assert dict(zip(PLACE, features(reply), strict=True)) == pytest.approx(
        {
            "chars": 43,
            "words": 9,
            "sentence_words": 3,
            "type_token": 7 / 9,
            "function_words": 600 / 9,
            "exclamations": 100 / 9,
            "questions": 100 / 9,
            "semicolons": 0,
            "dashes": 0,
            "ellipses": 0,
            "emoji": 0,
            "contractions": 100 / 9,
            "first_person": 100 / 9,
            "second_person": 200 / 9,
            "hedges": 100 / 9,
            "list_lines": 0,
            "heading_lines": 0,
            "readability": 3 + 100 / 9,
        }
    )


@pytest.mark.parametrize(
    ("reply", "name", "count"),
    [
        ("a b c d e f g h! i! j", "exclamations", 2),
        ("a b; c d; e f g h i j;", "semicolons", 3),
        ("a b -- c d \u2014 e f \u2013 g h i j", "dashes", 3),
        ("a-b c-d e f g h i\u2013j k l\n---\n|--|--|", "dashes", 0),
        ("a... b\u2026 c d e f g h. i. j", "ellipses", 2),
        ("a b c d e f g h i j \U0001f389\U0001f44d\U0001f3fd", "emoji", 2),
        (
            "a b c d e f g h i j \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u2764\ufe0f",
            "emoji",
            3,
        ),
        ("it's Anna's dog, we're sure they\u2019ll come and can't go", "contractions", 4),
        ("I think my dog is ours and mine, not his one", "first_person", 4),
        ("you say your dog knows what you're at, or yours does", "second_person", 4),
        ("I think it might rain, more or less, maybe, ok", "hedges", 4),
        ("know the view: the more the less, or not so big", "hedges", 0),
    ],
)
def test_marks_and_words_are_counted_per_hundred_words(reply: str, name: str, count: int) -> None:
    assert value(reply, name) == pytest.approx(100 * count / value(reply, "words"))


@pytest.mark.parametrize(
    ("reply", "sentences"),
    [
        ("One. Two? Three!", 3),
        ('He said "No." Then he left...', 2),
        ("Pi is 3.14 and no more", 1),
        ("What?! Really?!", 2),
        ("# Title\n\n- first point\n- second point\n\n1. third", 4),
        ("\u4f60\u597d\u3002\u518d\u89c1\uff01", 2),
        ("no end", 1),
    ],
)
def test_sentences_end_with_a_sign_and_a_blank_or_with_the_line(reply: str, sentences: int) -> None:
    assert value(reply, "sentence_words") == pytest.approx(value(reply, "words") / sentences)


def test_lists_and_headings_are_counted_by_line() -> None:
    reply = "# One\n1. a\n2) b\n  - c\n* d\n\u2022 e\n**Bold line**\n-not\n3.5 not\n**bold** not\n#not"

    assert (value(reply, "list_lines"), value(reply, "heading_lines")) == (5, 2)


def test_the_type_token_ratio_is_of_the_first_hundred_words() -> None:
    reply = " ".join([*(f"w{number}" for number in range(100)), *["again"] * 300])

    assert value(reply, "type_token") == 1
    assert value("again " * 100, "type_token") == 0.01


def test_code_counts_for_the_length_alone() -> None:
    reply = "Look!\n```python\nprint('a; b!');\n- x\n```\nDone."

    assert prose_of(reply) == "Look!\nDone."
    assert (value(reply, "words"), value(reply, "semicolons"), value(reply, "exclamations")) == (6, 0, 50)
    assert prose_of("a\n~~~\nb") == "a"


def test_readability_is_words_a_sentence_and_the_percentage_of_long_words() -> None:
    # LIX: 8 words in 2 sentences, of them `letters` and `sentence` of 7 letters or more: 4 + 25.
    assert value("Seven letters are long. So is a sentence.", "readability") == 29


def test_a_reply_without_words_has_no_rates() -> None:
    assert set(features("")) == {0.0}
    assert value("?!", "exclamations") == 0


@pytest.mark.parametrize("domain", ["coding", "therapy"])
def test_words_and_list_lines_of_real_conversations_are_the_known_ones(domain: str) -> None:
    known = json.loads((DATA / "drift_known_figures.json").read_text("utf-8"))[domain]
    talk = json.loads((DATA / f"drift_{domain}.json").read_text("utf-8"))["conversation"]
    replies = [message["content"] for message in talk if message["role"] == "assistant"]

    # The known figures count what white space parts, a lone `*` or `=` too; a word here has a letter or digit in it.
    signs = [sum(not any(map(str.isalnum, part)) for part in reply.split()) for reply in replies]
    counted = [int(value(reply, "words")) + lone for reply, lone in zip(replies, signs, strict=True)]

    assert counted == known["words_per_turn"]
    assert [int(value(reply, "list_lines")) for reply in replies] == known["list_lines_per_turn"]


def test_no_reply_makes_it_raise_and_every_value_is_a_number_from_zero() -> None:
    for reply in HOSTILE.values():
        found = features(reply[:20_000])
        assert len(found) == len(FEATURES)
        assert all(0 <= each < float("inf") for each in found)


def test_of_a_very_long_reply_the_beginning_is_read() -> None:
    assert value("ha " * LONGEST, "chars") == LONGEST


@pytest.mark.parametrize("sign", ["!", ".", '."', "-", "*", "#", " ", "\n- ", "\u2600\u200d", "1.", "```\n", "'"])
def test_endless_signs_take_no_time(sign: str) -> None:
    # In the square of the length each would take a minute or more.
    assert len(features(sign * (LONGEST // len(sign)))) == len(FEATURES)


def test_words_are_folded_and_keep_their_apostrophes() -> None:
    assert read("Don\u2019t SHOUT, \u00c9mile: \u6771\u4eac!").words == [
        "don't",
        "shout",
        "\u00e9mile",
        "\u6771",
        "\u4eac",
    ]
