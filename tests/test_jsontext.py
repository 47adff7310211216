from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.jsontext import DEEPEST, NotJson, decimal, read, whole

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100)
@given(VALUES)
def test_what_python_writes_is_read_back(value: object) -> None:
    assert read(json.dumps(value), whole, decimal) == value
    assert read(f"```json\n{json.dumps(value, indent=1)}\n```", whole, decimal) == value


@settings(max_examples=150)
@given(st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsn \n\\'), max_size=40))
def test_any_text_is_read_or_is_not_json(text: str) -> None:
    told = ""
    try:
        value = read(text, whole, decimal)
    except NotJson as fault:
        value, told = None, str(fault)

    assert told.startswith("not JSON: ") if told else json.loads(text) == value


def test_numbers_are_made_as_the_caller_says() -> None:
    assert read("[1, 2.50, 1E3]", str, str) == ["1", "2.50", "1E3"]
    assert read("[1, 2.50, 1E3]", whole, decimal) == [1, 2.5, 1000.0]


def test_numbers_that_floats_cannot_hold_are_decimals() -> None:
    assert read("1e400", whole, decimal) == Decimal("1e400")
    assert read("9" * 5000, whole, decimal) == Decimal("9" * 5000)


def test_a_number_out_of_all_range_is_refused() -> None:
    with pytest.raises(NotJson, match="not JSON: 1e99999999999999999999 is out of all range"):
        read("1e99999999999999999999", whole, decimal)


def test_nesting_is_read_to_a_depth_and_no_deeper() -> None:
    assert read("[" * DEEPEST + "]" * DEEPEST, whole, decimal)
    with pytest.raises(NotJson, match="more than 100 lists and objects"):
        read("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), whole, decimal)


def test_a_key_given_twice_is_refused_at_any_depth() -> None:
    with pytest.raises(NotJson, match="the key 'b' stands twice in one object"):
        read('[{"a": {"b": 1, "c": 2, "b": 3}}]', whole, decimal)


def test_the_place_is_that_within_the_fence() -> None:
    with pytest.raises(NotJson, match=r"expecting ':' delimiter at line 2, column 6, at '= 1\}'"):
        read('```json\n{\n "a" = 1}\n```', whole, decimal)
