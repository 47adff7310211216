"""Text as numbers and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalharness.tiny.tokenizer import ASSISTANT, BYTES, CAPS, END, JOIN, SMALL, TITLE, WORDS, Tokenizer, build

SOME = Tokenizer(("What", "is", "the", "capital", "of", "France", "don't", "1,000"))


def word(name: str) -> int:
    return WORDS + SOME.words.index(name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert SOME.decode(SOME.encode(text)) == text


@given(
    st.lists(
        st.sampled_from(["What", "WHAT", "what", "france", "FRANCE", "Of", "OF", "don't", "Don't", " ", "'", "\n"])
    )
)
def test_words_of_any_writing_and_spacing_come_back_as_they_were(parts: list[str]) -> None:
    text = "".join(parts)

    assert SOME.decode(SOME.encode(text)) == text


def test_a_known_word_is_one_token_wherever_it_stands_in_a_sentence() -> None:
    assert SOME.encode("What is the capital") == tuple(map(word, ("What", "is", "the", "capital")))
    assert SOME.encode("is") == (word("is"),)


def test_another_writing_of_a_known_word_is_a_mark_and_the_word() -> None:
    assert SOME.encode("CAPITAL") == (CAPS, word("capital"))
    assert SOME.encode("Capital") == (TITLE, word("capital"))
    assert SOME.encode("france FRANCE") == (SMALL, word("France"), CAPS, word("France"))


def test_a_word_with_no_space_before_it_says_so() -> None:
    assert SOME.encode("is(of") == (word("is"), BYTES + ord("("), JOIN, word("of"))


def test_an_unknown_word_is_its_bytes_with_the_space_before_it() -> None:
    assert SOME.encode("of Oz é") == (word("of"), *(BYTES + byte for byte in " Oz é".encode()))


def test_a_number_with_its_separators_is_one_word() -> None:
    assert SOME.encode("1,000") == (word("1,000"),)


@given(st.text())
def test_no_text_encodes_to_a_mark_of_a_role_or_an_end(text: str) -> None:
    assert min(SOME.encode(f"<user>{text}<end>")) > ASSISTANT


def test_a_lone_surrogate_becomes_a_question_mark_and_bytes_that_are_no_text_a_replacement() -> None:
    assert SOME.decode(SOME.encode("a\ud800b")) == "a?b"
    assert SOME.decode([BYTES + 0xC3, END]) == "\ufffd"


def test_a_vocabulary_holds_the_words_met_most_often() -> None:
    assert build(["b a b. c", "c b"], 2).words == ("b", "c")


def test_the_bytes_of_the_tokens_of_a_reply_are_its_text_behind_a_space() -> None:
    tokens = SOME.encode("What is the é")

    assert bytes(byte for token in tokens for byte in SOME.token_bytes(token)).decode() == " What is the é"
