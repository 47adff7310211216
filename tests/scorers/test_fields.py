from __future__ import annotations

import pytest

from evalharness.flow import drive
from evalharness.records import Failure, Grade, Response
from evalharness.scorers.base import Scorer, build, kind
from tests.scorers.asking import Asks
from tests.scorers.replies import fault, made, said, settled, survives

ACME = made("exact", "ACME")
TOTAL = made("number", "12.5", within="0.01")


def fields(**named: Scorer) -> Scorer:
    return build("fields", {"fields": named})


def test_the_grade_is_the_share_of_fields_that_are_right() -> None:
    scorer = fields(vendor=ACME, total=TOTAL)

    assert settled(scorer, said('{"vendor": "ACME", "total": 12.50}')) == Grade(1.0, "2 of 2 fields")
    assert settled(scorer, said('{"vendor": "ACME", "total": 125}')) == Grade(
        0.5, "1 of 2 fields; total: no 12.5 among 125"
    )
    assert settled(scorer, said('{"vendor": "ACM"}')).why == (
        "0 of 2 fields; vendor: expected 'ACME', got 'ACM'; total: missing"
    )


def test_a_bare_text_means_exact() -> None:
    assert kind("fields").bare == "exact"
    assert kind("fields").subject.holds == "named parts"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"a \\"b\\""', 'a "b"'),
        ("12.50", "12.50"),
        ("1E3", "1E3"),
        ("9" * 5000, "9" * 5000),
        ("true", "true"),
        ("null", "null"),
        ('{"b": [1, 2.0, "é"]}', '{"b":[1,2.0,"é"]}'),
        ("[]", "[]"),
        ('""', ""),
    ],
)
def test_a_value_is_graded_as_it_is_written_and_a_text_without_its_quotes(written: str, text: str) -> None:
    assert settled(fields(a=made("exact", text)), said(f'{{"a": {written}}}')).value == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.b", "dotted key"),
        ("c.d", "1"),
        ("c.list.1", "y"),
        ("c.list.0", "x"),
        ("c.e.f.g", "deep"),
        ("n.0.a", "in list"),
    ],
)
def test_a_dotted_name_leads_into_objects_and_lists(name: str, value: str) -> None:
    reply = (
        '{"a.b": "dotted key", "a": {"b": "nested"}, "c": {"d": 1, "list": ["x", "y"], "e": {"f": {"g": "deep"}}},'
        ' "n": [{"a": "in list"}]}'
    )

    assert settled(fields(**{name: made("exact", value)}), said(reply)).value == 1


@pytest.mark.parametrize(
    "name", ["x", "c.x", "c.d.e", "c.list.2", "c.list.-1", "c.list.x", "c.", ".c", "c.list.99999999999"]
)
def test_a_name_that_leads_nowhere_is_a_missing_field(name: str) -> None:
    found = settled(fields(**{name: made("exact", "1")}), said('{"c": {"d": 1, "list": [1, 2]}}'))

    assert found == Grade(0.0, f"0 of 1 fields; {name}: missing")


@pytest.mark.parametrize("reply", ["[]", "42", '"ACME"', "null"])
def test_the_reply_must_be_an_object(reply: str) -> None:
    assert settled(fields(vendor=ACME), said(reply)) == Grade(0.0, f"not a JSON object: {reply!r}")


def test_a_reply_that_is_not_json_has_no_fields() -> None:
    assert settled(fields(vendor=ACME), said("ACME")).why.startswith("not JSON: ")


def test_a_field_from_a_half_on_is_right() -> None:
    scorer = fields(a=made("similar", "one two three"))

    assert settled(scorer, said('{"a": "one two four"}')).why == "1 of 1 fields"
    assert settled(scorer, said('{"a": "one"}')).value == 0


def test_a_field_that_cannot_be_graded_makes_the_share_unknown() -> None:
    scorer = fields(vendor=ACME, text=made("language", "en"))

    assert settled(scorer, said('{"vendor": "ACME", "text": "?"}')) == Grade(None, "text: no letters: '?'")


def test_fields_that_ask_a_model_ask_in_one_round() -> None:
    flow = fields(a=Asks("a"), vendor=ACME, b=Asks("b")).grade(said('{"a": "1", "b": "2", "vendor": "ACME"}'))

    assert not isinstance(flow, Grade)
    assert len(next(flow)) == 2
    flow.close()


def test_an_answer_decides_a_field_and_a_failure_leaves_it_open() -> None:
    scorer = fields(a=Asks("a"), vendor=ACME)
    reply = said('{"a": "1", "vendor": "ACME"}')

    yes, no = scorer.grade(reply), scorer.grade(reply)

    assert not isinstance(yes, Grade)
    assert not isinstance(no, Grade)
    assert drive(yes, lambda _: Response("1")) == Grade(1.0, "2 of 2 fields")
    assert drive(no, lambda _: Failure("timeout", "no answer")) == Grade(None, "a: no answer")


def test_a_name_is_needed() -> None:
    assert fault("fields", {}).what == "'fields' got {}: no field is named"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(fields(a=ACME, **{"a.a.a": TOTAL}))
