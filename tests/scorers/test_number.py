from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.scorers.number import numbers
from tests.scorers.replies import SIZES, fault, grade, huge, made, said, settled, survives, value

SOLUTIONS = Path(__file__).parents[2] / "suites" / "data" / "gsm8k-solutions.jsonl"


def read(text: str) -> list[str]:
    return [f"{number:f}" for number in numbers(text)]


@pytest.mark.parametrize(("of", "agreeing"), [("last", 2640), ("first", 1634)])
def test_recorded_marks_of_660_problems_and_four_models_are_met(of: str, agreeing: int) -> None:
    rows = [json.loads(line) for line in SOLUTIONS.read_text(encoding="utf-8").split("\n") if line]

    agree = 0
    for row in rows:
        check = made("number", row["answer"], of=of)
        agree += sum(
            (settled(check, said(reply)).value == 1) == row["is_correct"][model]
            for model, reply in row["outputs"].items()
        )

    assert agree == agreeing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18", ["18"]),
        ("It is 18.", ["18"]),
        ("18, and 19; 20!", ["18", "19", "20"]),
        ("1,234.50", ["1234.50"]),
        ("1,234,567", ["1234567"]),
        ("12,34,567", ["1234567"]),
        ("1'234'567.5", ["1234567.5"]),
        ("1\u00a0234 and 5\u202f678", ["1234", "5678"]),
        ("1 234", ["1", "234"]),
        ("1,2,3", ["1", "2", "3"]),
        ("1,23", ["1", "23"]),
        ("1,2345", ["1", "2345"]),
        ("-5 and \u22125 and (-5)", ["-5", "-5", "-5"]),
        ("x=-5", ["-5"]),
        ("10-5", ["10", "5"]),
        ("10 - 5", ["10", "5"]),
        ("10\u201320", ["10", "20"]),
        ("- 5 apples", ["5"]),
        ("$18", ["18"]),
        ("-$18.50 and $-3", ["-18.50", "-3"]),
        ("$10-$20", ["10", "20"]),
        ("18€ 18km 18% 18th", ["18", "18", "18", "18"]),
        (".5 and -.5 and $.5", ["0.5", "-0.5", "0.5"]),
        ("No.5", ["5"]),
        ("...5", ["5"]),
        ("1e3 and 2.5E-2", ["1000", "0.025"]),
        ("1e3x", ["1"]),
        ("3.84 × 10^5", ["384000"]),
        ("3.84x10^5 3.84*10**5", ["384000", "384000"]),
        ("3.84 \\times 10^{5}", ["384000"]),
        ("3.84 × 10⁵ and 10⁻²", ["384000", "0.01"]),
        ("10^6", ["1000000"]),
        ("2^5", ["2", "5"]),
        ("3/4", ["0.75"]),
        ("**3/4** *3/4*", ["0.75", "0.75"]),
        ("1 1/2 cups", ["1.5"]),
        ("½ and 1½ and ⅔", ["0.5", "1.5", "0." + "6" * 49 + "7"]),
        ("\\frac{3}{4} and 1\\frac{1}{2}", ["0.75", "1.5"]),
        ("384{,}400 and 384\\,400", ["384400", "384400"]),
        ("5/0", ["5", "0"]),
        ("3/4/2024", ["3", "4", "2024"]),
        ("2023/24", ["2023", "24"]),
        ("18/3=6", ["18", "3", "6"]),
        ("20/100*50", ["20", "100", "50"]),
        ("2024-05-01", ["2024", "05", "01"]),
        ("12:30", ["12", "30"]),
        ("gsm8k H2O A4 x_1", []),
        ("GPT-4", ["4"]),
        ("v3.11 3.11.7 192.168.0.1", []),
        ("約384400キロ", ["384400"]),
        ("١٢٣ and १२ and １２", ["123", "12", "12"]),
        ("١٬٢٣٤٫٥", ["1234.5"]),
        ("forty-two", []),
        ("<<16-3=13>>13", ["16", "3", "13", "13"]),
    ],
)
def test_numbers_are_read_out_of_running_text(text: str, expected: list[str]) -> None:
    assert read(text) == [f"{Decimal(number):f}" for number in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,50", ["1234.50"]),
        ("1 234,5 km", ["1234.5"]),
        ("1\u202f234,5", ["1234.5"]),
        ("0,75", ["0.75"]),
        ("3,5 und -2,5", ["3.5", "-2.5"]),
        ("1.234.567", ["1234567"]),
        ("384.400", ["384400"]),
        (",5", ["0.5"]),
        ("100 200", ["100200"]),
        ("1990 1 2", ["1990", "1", "2"]),
    ],
)
def test_a_comma_may_stand_before_the_decimals(text: str, expected: list[str]) -> None:
    assert [f"{number:f}" for number in numbers(text, "comma")] == expected


@settings(max_examples=100)
@given(number=st.decimals(min_value=-(10**12), max_value=10**12, places=3))
def test_a_number_as_python_writes_it_is_read_back(number: Decimal) -> None:
    assert list(numbers(f"It is {number:f}.")) == [number]
    assert list(numbers(f"It is {number:,f} km")) == [number]
    assert list(numbers(f"{number:f}")) == [number]


@settings(max_examples=60)
@given(text=st.text(st.sampled_from("0123456789.,-/eE^*x×10 $'\u202f½⁵k"), max_size=30))
def test_the_same_numbers_are_read_from_the_end_backwards(text: str) -> None:
    for mark in ("point", "comma"):
        forwards = list(numbers(text, mark))

        assert list(numbers(text, mark, backwards=True)) == forwards[::-1]


def test_any_number_will_do_unless_the_suite_says_which() -> None:
    reply = "First 3, then 4, then 5."

    assert [value("number", "4", reply, of=of) for of in ("any", "first", "last")] == [1, 0, 0]
    assert [value("number", "3", reply, of=of) for of in ("any", "first", "last")] == [1, 1, 0]
    assert [value("number", "5", reply, of=of) for of in ("any", "first", "last")] == [1, 0, 1]


def test_the_reason_shows_what_was_found() -> None:
    assert grade("number", "384400", "It is 384,400 km.").why == "found 384400"
    assert grade("number", "5", "3 or 4").why == "no 5 among 3, 4"
    assert grade("number", "5", "3 or 4", of="last").why == "the last number is 4, not 5"
    assert grade("number", "5", "none").why == "no number in 'none'"


def test_a_tolerance_holds_both_ways_and_to_its_very_end() -> None:
    for reply, expected in (("9.9", 1), ("10.1", 1), ("9.89999", 0), ("10.10001", 0)):
        assert value("number", "10", reply, within="0.1") == expected


def test_numbers_are_compared_as_decimals_and_not_as_floats() -> None:
    assert value("number", "0.3", "0.30") == 1
    assert value("number", "0.1", "0.2", within="0.1") == 1
    assert value("number", "9007199254740993", "9007199254740992") == 0
    assert value("number", "1e400", "1" + "0" * 400) == 1


@pytest.mark.parametrize("typed", ["384400", "384,400", "384400.0", "3.844e5", "$384,400", "+384400", "384400%"])
def test_the_number_may_be_typed_in_many_ways(typed: str) -> None:
    assert value("number", typed, "384,400") == 1


def test_a_fraction_may_be_typed() -> None:
    assert value("number", "3/4", "0.75") == 1
    assert value("number", "1/3", "1/3 of it") == 1
    assert value("number", "1/3", "0.333", within="0.001") == 1


def test_a_per_cent_sign_is_passed_over() -> None:
    assert value("number", "60", "60%") == 1
    assert value("number", "0.6", "60%") == 0


@pytest.mark.parametrize("typed", ["", "abc", "18 apples", "1 2", "3.11.7", "NaN", "1e99999", "gsm8k", "1,2"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    found = fault("number", typed)

    assert found.what == f"'number' got {typed!r}: this is not a number"
    assert found.hint == "write it in digits: 384400, 384,400, -2.5, 1e3 or 3/4"


@pytest.mark.parametrize("within", ["-1", "nan", "inf", "1e10000", "much"])
def test_a_tolerance_is_a_number_from_0(within: str) -> None:
    assert fault("number", "1", within=within).path == ("within",)


def test_an_unknown_place_is_refused() -> None:
    assert "'any', 'first' or 'last'" in fault("number", "1", of="all").what


@pytest.mark.parametrize("of", ["any", "first", "last"])
def test_no_reply_makes_it_raise_or_stall(of: str) -> None:
    survives(made("number", "42", of=of))
    survives(made("number", "42", of=of, decimal="comma"))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(made("number", "42", of="last"), huge(megabytes))
    survives(made("number", "42"), {"sentences": huge(megabytes)["sentences"], "signs": huge(megabytes)["signs"]})
