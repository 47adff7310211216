from __future__ import annotations

from collections import Counter

import pytest

from evalharness.records import Grade
from evalharness.scorers.base import SCORERS
from evalharness.scorers.language import LANGUAGES, detect
from tests.scorers.pages import page
from tests.scorers.replies import TYPICAL, fault, grade, made, survives, value
from tests.scorers.sentences import SENTENCES


def tally(pieces: dict[str, list[str]]) -> Counter[str]:
    return Counter(
        {language: "right", None: "unknown"}.get(detect(text)[0], "wrong")
        for language, texts in pieces.items()
        for text in texts
    )


def test_every_language_has_its_sentences() -> None:
    assert set(SENTENCES) == LANGUAGES
    assert all(len(sentences) == 4 for sentences in SENTENCES.values())


def test_sentences_alone_are_told_as_the_page_says() -> None:
    counts = tally({language: list(sentences) for language, sentences in SENTENCES.items()})

    assert counts == {"right": 91, "unknown": 25}
    assert "91 are told right, 25 are too short to tell and none is told wrong" in " ".join(
        page("language").text.split()
    )


def test_two_sentences_are_told_as_the_page_says() -> None:
    counts = tally({name: [f"{a} {b}" for a, b in zip(s, s[1:] + s[:1], strict=True)] for name, s in SENTENCES.items()})

    assert counts == {"right": 113, "unknown": 3}
    assert "of pairs of them 113, 3 and none." in " ".join(page("language").text.split())


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_four_sentences_are_told_in_every_language(language: str) -> None:
    assert detect(" ".join(SENTENCES[language]))[0] == language


def test_the_page_names_every_language() -> None:
    assert f"`{' '.join(sorted(LANGUAGES))}`" in " ".join(page("language").text.split())
    assert "language" in SCORERS.names()


def test_the_grade_says_which_language_it_is() -> None:
    assert grade("language", "en", TYPICAL) == Grade(1.0, "by its common words: en")
    assert grade("language", "de", TYPICAL) == Grade(0.0, "by its common words: en")
    assert grade("language", "ja", "首都は東京です。") == Grade(1.0, "by its script: ja")


@pytest.mark.parametrize("reply", ["", "42", "?!", "Paris", "OK", "👍", "NASA 2024", "東京"])
def test_a_reply_that_is_too_short_to_tell_is_unknown_and_not_wrong(reply: str) -> None:
    assert value("language", "en", reply) is None


def test_japanese_is_told_from_chinese_by_its_kana() -> None:
    assert value("language", "ja", "法律と経済の関係を研究している大学教授") == 1
    assert value("language", "zh", "研究法律与经济关系的大学教授") == 1


def test_most_of_the_reply_counts() -> None:
    assert (
        value("language", "de", "Das Wort 'capital' ist Englisch und kommt aus dem Lateinischen, wie so vieles.") == 1
    )
    assert (
        value("language", "en", "The character 東 is the first of the two in 東京, which is the name of the city.") == 1
    )


def test_code_is_left_out() -> None:
    code = "```python\nfor this in that:\n    if not this and the_other or was_it: return on, from_, by\n```"

    assert value("language", "de", f"So geht es, und das ist nicht schwer zu sehen:\n{code}") == 1


@pytest.mark.parametrize("code", ["eng", "EN", "en-GB", "xx", ""])
def test_a_language_that_is_not_known_is_refused(code: str) -> None:
    found = fault("language", code)

    assert found.what == f"'language' got {code!r}: this language is not known"
    assert found.hint


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("language", "en"))
    survives(made("language", "zh"))
