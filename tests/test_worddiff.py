from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.worddiff import Piece, word_diff


def marked(pieces: tuple[Piece, ...]) -> str:
    return "".join(f"[{piece.text}]" if piece.kind == "changed" else piece.text for piece in pieces)


def both(base: str, tuned: str, room: int = 200) -> tuple[str, str]:
    left, right = word_diff(base, tuned, room)
    return marked(left), marked(right)


def test_a_changed_word_is_marked_on_both_sides() -> None:
    assert both("The answer is 72 apples.", "The answer is 27 apples.") == (
        "The answer is [72] apples.",
        "The answer is [27] apples.",
    )


def test_a_word_is_never_cut_in_two() -> None:
    assert both("he runs home now", "he ran home now") == ("he [runs] home now", "he [ran] home now")


def test_an_addition_is_marked_on_its_side_only() -> None:
    assert both("It is Paris.", "It is Paris. Obviously.") == ("It is Paris.", "It is Paris. [Obviously.]")


def test_replies_with_little_in_common_are_given_without_marks() -> None:
    base = "The capital of Australia is Canberra."
    tuned = "Sydney, obviously! Everybody knows their opera house"

    assert both(base, tuned) == (base, tuned)


def test_equal_replies_have_no_marks() -> None:
    assert both("same", "same") == ("same", "same")
    assert word_diff("", "", 10) == ((), ())


def test_what_is_the_same_is_cut_to_the_words_around_a_change() -> None:
    filler = "word " * 100

    left, right = both(f"{filler}is 12 apples {filler}", f"{filler}is 13 apples {filler}")

    assert "is [12] apples" in left
    assert "is [13] apples" in right
    assert left.count("…") >= 2
    assert len(left) < 200


def test_the_end_of_a_long_reply_is_kept_since_answers_stand_there() -> None:
    left, right = both("alpha beta " * 500 + "so it is 72", "gamma delta " * 500 + "so 27 it is", 120)

    assert left.endswith("it is 72")
    assert right.endswith("27 it is")
    assert "characters" in left


def test_ten_megabytes_are_compared_and_shown_in_short() -> None:
    left, _ = word_diff("x" * 10_000_000 + " a", "x" * 10_000_000 + " b", 200)
    word_diff("a b " * 2_500_000, "b a " * 2_500_000, 200)  # which would not end if it went with the square

    assert sum(len(piece.text) for piece in left) < 300


@settings(max_examples=150)
@given(st.text("ab .,\n", max_size=60), st.text("ab .,\n", max_size=60))
def test_what_is_shown_whole_is_the_reply_and_what_is_the_same_is_the_same(base: str, tuned: str) -> None:
    left, right = word_diff(base, tuned, room=1000)

    assert "".join(piece.text for piece in left) == base
    assert "".join(piece.text for piece in right) == tuned
    if any(piece.kind == "changed" for piece in (*left, *right)):
        same = ["".join("".join(p.text for p in side if p.kind == "same").split()) for side in (left, right)]
        assert same[0] == same[1]
