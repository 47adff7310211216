from __future__ import annotations

import pytest

from evalharness.records import Grade
from tests.scorers.replies import fault, grade, made, said, settled, survives, value

INVOICE: dict[str, object] = {
    "type": "object",
    "required": ["vendor", "total"],
    "properties": {"vendor": {"type": "string"}, "total": {"type": "number", "minimum": 0}},
    "additionalProperties": False,
}


def test_a_reply_that_keeps_to_the_schema_passes() -> None:
    assert grade("json_schema", INVOICE, '{"vendor": "ACME", "total": 12.5}') == Grade(1.0, "keeps to the schema")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ('{"vendor": "ACME"}', "$: 'total' is a required property"),
        ('{"vendor": 1, "total": 2}', "$.vendor: 1 is not of type 'string'"),
        ('{"vendor": "ACME", "total": -1}', "$.total: -1 is less than the minimum of 0"),
        ('{"vendor": "ACME", "total": 1, "due": 2}', "$: the property 'due' is not foreseen"),
        ("[]", "$: [] is not of type 'object'"),
        ("12", "$: 12 is not of type 'object'"),
        ("twelve", "not JSON: expecting value at line 1, column 1, at 'twelve'"),
        ('{"vendor": "A", "vendor": "B", "total": 1}', "not JSON: the key 'vendor' stands twice in one object"),
        ('{"vendor": "A", "total": NaN}', "not JSON: NaN is no JSON number"),
    ],
)
def test_one_that_does_not_fails_with_the_first_error_and_its_place(reply: str, why: str) -> None:
    assert grade("json_schema", INVOICE, reply) == Grade(0.0, why)


def test_a_code_fence_is_forgiven() -> None:
    assert value("json_schema", INVOICE, '```json\n{"vendor": "ACME", "total": 1}\n```') == 1


def test_the_place_of_an_error_is_shown_deep_down() -> None:
    schema = {"properties": {"lines": {"items": {"properties": {"net price": {"type": "number"}}}}}}

    found = grade("json_schema", schema, '{"lines": [{}, {"net price": "1"}]}')

    assert found.why == "$.lines[1]['net price']: '1' is not of type 'number'"


def test_a_reason_is_short_however_long_the_reply() -> None:
    found = grade("json_schema", {"type": "object"}, '["' + "a" * 100_000 + '"]')

    assert len(found.why) < 200


def test_the_draft_is_the_one_that_the_schema_names() -> None:
    pair: dict[str, object] = {"items": [{"type": "integer"}, {"type": "string"}]}

    assert value("json_schema", {"$schema": "http://json-schema.org/draft-07/schema#", **pair}, '[1, "a"]') == 1
    assert value("json_schema", {"$schema": "http://json-schema.org/draft-07/schema", **pair}, '["a", 1]') == 0


def test_without_a_name_it_is_2020_12() -> None:
    assert value("json_schema", {"prefixItems": [{"type": "integer"}]}, '["a"]') == 0
    assert "$.items" in fault("json_schema", {"items": [{"type": "integer"}]}).what


def test_references_within_the_schema_are_followed() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    }

    assert value("json_schema", tree, '{"next": {"next": {}}}') == 1
    assert grade("json_schema", tree, '{"next": {"next": 1}}').why == "$.next.next: 1 is not of type 'object'"


def test_a_reference_may_name_an_identifier_or_anchor_within() -> None:
    schema = {
        "$id": "https://example.com/root",
        "properties": {"a": {"$ref": "part"}, "b": {"$ref": "#there"}},
        "$defs": {"p": {"$id": "part", "type": "string"}, "q": {"$anchor": "there", "type": "integer"}},
    }

    assert value("json_schema", schema, '{"a": "x", "b": 1}') == 1
    assert value("json_schema", schema, '{"a": 1}') == 0


@pytest.mark.parametrize(
    "target", ["https://example.com/a.json", "http://127.0.0.1:9/a", "file:///etc/passwd", "a.json", "#/$defs/a", "#a"]
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_reference_that_leads_out_of_the_schema_is_refused(target: str, keyword: str) -> None:
    found = fault("json_schema", {"properties": {"x": {"items": {keyword: target}}}})

    assert found.what.endswith(f"{keyword} '{target}' leads nowhere")
    assert found.hint == "only what is within the schema is found, nothing is fetched"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "objekt"}, "$.type: 'objekt' is not valid under any of the given schemas"),
        ({"minimum": "0"}, "$.minimum: '0' is not of type 'number'"),
        ({"$schema": "draft-99"}, "no draft is called 'draft-99'"),
        ({"$schema": 7}, "no draft is called '7'"),
        ({"properties": {"a": {"pattern": "a(b"}}}, "the pattern 'a(b': missing ) at position 3"),
        ({"patternProperties": {"[a": True}}, "the pattern '[a': unterminated character set at position 2"),
        (
            {"allOf": [{"patternProperties": {"a": True}}], "unevaluatedProperties": False},
            "unevaluatedProperties with patternProperties is not supported",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_the_check_is_built(schema: dict[str, object], why: str) -> None:
    assert fault("json_schema", schema).what.endswith(f": {why}")


def test_a_property_called_pattern_is_no_pattern() -> None:
    schema = {"properties": {"pattern": {"type": "string"}}, "examples": [{"pattern": "a(b"}]}

    assert value("json_schema", schema, '{"pattern": "a(b"}') == 1


def test_patterns_are_those_of_the_package_regex() -> None:
    assert value("json_schema", {"pattern": r"^\p{Lu}"}, '"Émile"') == 1
    assert grade("json_schema", {"pattern": r"^\p{Lu}"}, '"emile"').why == r"$: 'emile' does not match '^\\p{Lu}'"


def test_properties_by_pattern_and_beside_it() -> None:
    schema = {
        "properties": {"id": True},
        "patternProperties": {"^n_": {"type": "number"}},
        "additionalProperties": {"type": "string"},
    }

    assert value("json_schema", schema, '{"id": null, "n_a": 1, "b": "c"}') == 1
    assert grade("json_schema", schema, '{"n_a": "1"}').why == "$.n_a: '1' is not of type 'number'"
    assert grade("json_schema", schema, '{"b": 1}').why == "$.b: 1 is not of type 'string'"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("[1, 2]", 1),
        ("[1, 1.0]", 0),
        ("[1, true]", 1),
        ("[0, false]", 1),
        ('["1", 1]', 1),
        ('[{"a": [1]}, {"a": [1.0]}]', 0),
    ],
)
def test_items_are_unique_by_value(items: str, expected: int) -> None:
    assert value("json_schema", {"uniqueItems": True}, items) == expected


@pytest.mark.parametrize(
    ("number", "of", "expected"),
    [("0.3", 0.1, 1), ("0.35", 0.1, 0), ("1e400", 0.1, 1), ("7", 2, 0), ("19.99", 0.01, 1)],
)
def test_multiples_are_taken_in_decimals(number: str, of: float, expected: int) -> None:
    assert value("json_schema", {"multipleOf": of}, number) == expected


def test_many_items_are_compared_in_time() -> None:
    reply = "[" + ",".join(f'{{"a": {number}}}' for number in range(50_000)) + "]"

    assert value("json_schema", {"uniqueItems": True}, reply) == 1


def test_numbers_beyond_floats_and_very_long_ones_are_numbers() -> None:
    for number in ("1e400", "-1e400", "9" * 5000):
        assert value("json_schema", {"type": "number"}, number) == 1
        assert value("json_schema", {"type": "string"}, number) == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": r"^(\w+\s?)*\1$"},
        {"patternProperties": {r"^(\w+\s?)*\1$": True}},
        {"additionalProperties": False, "patternProperties": {r"^(\w+\s?)*\1$": True}},
        {"propertyNames": {"pattern": r"^(\w+\s?)*\1$"}},
    ],
)
def test_patterns_without_end_are_unknown_and_not_wrong(schema: dict[str, object]) -> None:
    trap = "a" * 5000 + "!"
    reply = f'"{trap}"' if "pattern" in schema else f'{{"{trap}": 1}}'

    found = grade("json_schema", schema, reply, seconds="0.05")

    assert found == Grade(None, "no end after 0.05 s of the schema's patterns")


def test_the_time_is_for_all_patterns_together() -> None:
    trap = ",".join(['"' + "a" * 5000 + '!"'] * 1000)

    assert value("json_schema", {"items": {"pattern": r"^(\w+\s?)*\1$"}}, f"[{trap}]", seconds="0.05") is None


def test_a_schema_that_refers_to_itself_without_end_is_unknown() -> None:
    assert grade("json_schema", {"$ref": "#"}, "1") == Grade(None, "the schema refers to itself without end")


def test_format_is_a_note_and_not_checked() -> None:
    assert value("json_schema", {"format": "date"}, '"tomorrow"') == 1


@pytest.mark.parametrize("seconds", ["0", "61", "nan"])
def test_the_time_is_more_than_nothing_and_at_most_a_minute(seconds: str) -> None:
    assert fault("json_schema", {}, seconds=seconds).path == ("seconds",)


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("json_schema", {**INVOICE, "patternProperties": {"^(a+)+$": True}}, seconds="0.1"))
    survives(made("json_schema", {"uniqueItems": True, "multipleOf": 0.1, "pattern": "a$"}, seconds="0.1"))


def test_grades_do_not_share_their_time() -> None:
    scorer = made("json_schema", {"pattern": "a"}, seconds="0.05")

    assert [settled(scorer, said('"a"')).value for _ in range(3)] == [1, 1, 1]
