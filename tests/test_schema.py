"""Nodes to checked values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness import schema
from evalharness.tree import Mapping, Node, Source, parse


def node(text: str) -> tuple[Source, Node]:
    source, root = parse(f"x: {text}\n", "a.yaml")
    assert isinstance(root, Mapping)
    return source, root.entries["x"]


def told(source: Source) -> list[str]:
    return [fault.what for fault in source.faults()]


def test_a_text_field_gets_what_was_typed() -> None:
    for typed in ("NO", "1.10", "12:30", "010", "2024-01-01", "null"):
        source, found = node(typed)
        assert schema.text(source, found, "'x'") == typed
        assert told(source) == []


def test_an_empty_text_is_a_value_only_where_it_is_quoted() -> None:
    source, found = node('""')
    assert schema.text(source, found, "'x'") == ""
    source, found = node("")
    assert schema.text(source, found, "'x'") is None
    assert told(source) == ["'x' has no value"]


@pytest.mark.parametrize(
    ("typed", "value"),
    [("0.05", 0.05), ("1", 1.0), ("1e-3", 0.001), ("0", None), ("-0.1", None), ("1.01", None), (".5", None)],
)
def test_a_share_lies_above_0_and_up_to_1(typed: str, value: float | None) -> None:
    source, found = node(typed)

    assert schema.share(source, found, "'x'") == value
    assert bool(told(source)) is (value is None)


def test_a_share_below_1_is_less_than_1() -> None:
    source, found = node("1")

    assert schema.share(source, found, "'x'", below=True) is None
    assert told(source) == ["'x' must be a number above 0 and below 1, not '1'"]


@pytest.mark.parametrize(("typed", "hint"), [("5%", "did you mean 0.05?"), ("20", "did you mean 0.2?"), ("500", "")])
def test_a_percentage_is_told_as_a_share(typed: str, hint: str) -> None:
    source, found = node(typed)

    assert schema.share(source, found, "'x'") is None
    assert [fault.hint for fault in source.faults()] == [hint]


@pytest.mark.parametrize(
    ("typed", "value"), [("1", 1), ("12", 12), ("0", None), ("1.0", None), ("-1", None), ("١", None)]
)
def test_a_whole_number_is_digits(typed: str, value: int | None) -> None:
    source, found = node(typed)

    assert schema.integer(source, found, "'x'") == value


@pytest.mark.parametrize(("typed", "value"), [("true", True), ("False", False), ("yes", None), ("1", None)])
def test_truth_is_true_or_false(typed: str, value: bool | None) -> None:
    source, found = node(typed)

    assert schema.truth(source, found, "'x'") is value


def test_one_where_many_may_stand_is_a_list_of_one() -> None:
    source, found = node("a")
    assert schema.texts(source, found, "'x'") == ("a",)
    source, found = node("[a, 1.10]")
    assert schema.texts(source, found, "'x'") == ("a", "1.10")


def test_params_are_typed_as_in_json() -> None:
    source, found = node("{a: 1, b: 0.5, c: true, d: null, e: '1', f: [1e2, NO], g: {h: 2024-01-01}, i: -0}")

    assert schema.payload(source, found, "'x'") == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": None,
        "e": "1",
        "f": [100.0, "NO"],
        "g": {"h": "2024-01-01"},
        "i": 0,
    }
    assert told(source) == []


@pytest.mark.parametrize(
    "typed", [".5", "5.", "+1", "010", "1_000", "0x1F", "True", "NULL", "~", ".inf", "nan", "1e999"]
)
def test_what_only_looks_like_a_json_value_is_refused_in_params(typed: str) -> None:
    source, found = node(f"{{a: {typed}}}")

    schema.payload(source, found, "'x'")

    assert len(told(source)) == 1


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
# YAML has no escapes of two surrogates, which is how JSON in ASCII writes what lies beyond U+FFFF.
TEXTS = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=8)
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
)


@settings(max_examples=60)
@given(JSON)
def test_json_in_params_is_read_as_json(value: object) -> None:
    typed = json.dumps({"a": value})
    source, found = node(typed)

    assert schema.payload(source, found, "'x'") == json.loads(typed)
    assert told(source) == []


def test_a_mistyped_word_is_told_with_the_one_meant() -> None:
    source, found = node("popluation")

    assert schema.choice(source, found, "'scope'", ("population", "suite")) is None
    assert [str(fault) for fault in source.faults()] == [
        "a.yaml:1:4: 'scope' must be population or suite, not 'popluation'\n  hint: did you mean 'population'?"
    ]


def test_a_hint_lists_few_names_and_finds_a_near_one_among_many() -> None:
    assert schema.near("x", ("alpha", "beta")) == "known: alpha, beta"
    assert schema.near("bta", ("alpha", "beta")) == "did you mean 'beta'?"
    assert schema.near("check7", [f"check {n}" for n in range(100)]) == "did you mean 'check 7'?"
    assert schema.near("zzz", [f"check {n}" for n in range(100)]) == ""
