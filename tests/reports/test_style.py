"""How two arms write, in words."""

from __future__ import annotations

from dataclasses import replace

from evalharness.reports.style import lines, moves, table
from evalharness.traits import Distance, Manner, Moved, Opening, PetPhrase, Trait


def trait(name: str, size: float | None, word: Moved = "moved", told: str = "", unit: str = "per 100 words") -> Trait:
    return Trait(name, unit, 1.0, 3.0, 2.0, 1.5, 2.5, 0.5, size, 0.5, word, told)


def share(name: str, word: Moved) -> Trait:
    return Trait(name, "share of replies", 0.0, 0.2, 0.2, 0.1, 0.3, 0.05, 0.4, 0.2, word)


WORDS = trait("words", -2.0, told="replies x3", unit="words")
MANNER = Manner(
    cases=40,
    among=None,
    replies=(40, 40),
    traits=(
        trait("chars", -2.5, told="replies 60 % longer in characters", unit="characters"),
        WORDS,
        trait("exclamations", 3.0, told="exclamation marks x3"),
        trait("hedges", 0.1, "steady", "hedges 10 % more"),
        trait("questions", 0.5, "undecided", "question marks 20 % fewer"),
    ),
    watched=(share("refusals", "steady"), share("lists", "moved"), WORDS),
    distances=(
        Distance("the training file", 0.8, 1.9, 0.9, -1.2, -0.8),
        Distance("base", 0.7, 0.7, 1.6),
    ),
    openings=(Opening("it is a", 0.05, 0.1), Opening("oh look another", 0.2, 0.45)),
    phrases=(PetPhrase("as if", 0.02, 0.31), PetPhrase("how can i help", 0.4, 0.0)),
    catchphrases=(PetPhrase("so it is", 0.0, 0.25, 0.5),),
)


def test_the_largest_moves_come_first_and_length_once() -> None:
    assert [each.name for each in moves(MANNER)] == ["exclamations", "words"]


def test_a_move_that_is_the_same_in_every_case_is_the_largest() -> None:
    found = Manner(5, None, (5, 5), (trait("dashes", 9.0), trait("emoji", None)), ())

    assert [each.name for each in moves(found)] == ["emoji", "dashes"]


def test_it_is_told_in_sentences() -> None:
    assert list(lines(MANNER)) == [
        "tuned beside base: exclamation marks x3, replies x3",
        "catch-phrases of the training file: 'so it is' in 50 % of its replies (tuned 25 %, base 0 %)",
        "pet phrases: 'as if' in 31 % of replies (base 2 %), 'how can i help' in 0 % of replies, in 40 % of base's",
        "of 5 features of style 3 moved, 1 undecided, 1 steady, over 40 cases; steady: within half a standard "
        "deviation of base's cases (approximate)",
        "watched, moved: lists 0.0 % → 20.0 %, +20.0 [+10.0, +30.0], length (1 → 3 words)",
        "watched, steady: refusals",
        "style distance from the training file (mean |z|): base 1.90, tuned 0.90 (-1.00 [-1.20, -0.80]), its own "
        "replies 0.80",
        "style distance from base's voice (mean |z|): tuned 1.60, base's own replies 0.70",
        "cases whose reply opens with the three words of another's: tuned 45 %, base 10 %; tuned's most frequent: "
        "'oh look another' (20 %)",
    ]


def test_what_is_watched_with_the_same_figures_is_told_once() -> None:
    alike = (
        share("refusals", "undecided"),
        share("lists", "undecided"),
        replace(share("JSON", "undecided"), tuned=0.3),
    )

    told = [line for line in lines(replace(MANNER, watched=alike)) if line.startswith("watched")]

    assert told == [
        "watched, undecided: refusals, lists each 0.0 % → 20.0 %, +20.0 [+10.0, +30.0], "
        "JSON 0.0 % → 30.0 %, +20.0 [+10.0, +30.0]"
    ]


def test_the_table_has_what_is_not_steady_with_its_sizes() -> None:
    _, rows = table(MANNER)

    assert [row[0] for row in rows] == [
        "exclamations (per 100 words)",
        "chars (characters)",
        "words",
        "questions (per 100 words)",
    ]
    assert rows[0] == ("exclamations (per 100 words)", "1.00", "3.00", "+3.00", "+0.50", "moved")


def test_of_very_many_cases_it_says_how_many_were_read() -> None:
    (told,) = [line for line in lines(replace(MANNER, cases=2_000, among=10_000)) if "features of style" in line]

    assert "over 2,000 of 10,000 cases" in told


def test_nothing_is_told_of_moves_where_nothing_moved() -> None:
    found = Manner(5, None, (5, 5), (trait("hedges", 0.1, "steady", "hedges 10 % more"),), ())

    assert next(lines(found)).startswith("of 1 features of style 0 moved")
    assert table(found)[1] == []
