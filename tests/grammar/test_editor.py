"""The JSON Schema that editors use, against what the reader takes and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from evalharness.scorers.base import SCORERS, kind
from evalharness.suite import json_schema

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

PAGE = (ROOT / "docs" / "suites.md").read_text("utf-8")
REFERENCE = re.findall(r"^```yaml\n(suite:.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def accepted(text: str) -> bool:
    return VALIDATOR.is_valid(yaml.safe_load(text))


def test_it_is_a_json_schema() -> None:
    schema = json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", REFERENCE)
def test_it_takes_the_suites_of_the_reference(text: str) -> None:
    assert accepted(text)


@pytest.mark.parametrize("path", sorted((ROOT / "suites").glob("*.yaml")), ids=lambda path: path.stem)
def test_it_takes_our_own_suites(path: Path) -> None:
    assert accepted(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "case",
    [
        "{ask: 42, expect: 42}",
        "{ask: Is it, expect: true}",
        "{ask: How many, expect: {number: '{{ n }}', within: 0.5}}",
        "{ask: Which, expect: [1, {any_of: [2, {exact: 3}]}]}",
        "{ask: Which, expect: {style: json, own: [json, {max_words: 3}]}}",
        "{ask: Which, expect: {fields: {a: 1, b: {number: 2}}, weight: 2, name: x}}",
        "{turns: [{ask: a, reply: b}, {from: a.txt, take: 2}, {ask: c, expect: d}]}",
        "{ask: a, expect: {format: {json_schema: {type: object}}}, must_pass: true, tags: x, group: 1}",
    ],
)
def test_it_takes_what_the_reader_takes(case: str) -> None:
    assert accepted(f"suite: a\ncases: [{case}]\n")


@pytest.mark.parametrize(
    "text",
    [
        "cases: [{ask: a, expect: b}]",
        "suite: a",
        "suite: a\ncases: []",
        "suite: a\ncase: [{ask: a, expect: b}]",
        "suite: a\ncases: [{ask: a, exepct: b}]",
        "suite: a\ncases: [{expect: b}]",
        "suite: a\ncases: [{ask: a, turns: [{ask: b}], expect: b}]",
        "suite: a\ncases: [{ask: a, expect: {number: 1, witin: 2}}]",
        "suite: a\ncases: [{ask: a, expect: {number: 1, mentions: 2}}]",
        "suite: a\ncases: [{ask: a, expect: {number: 1, of: most}}]",
        "suite: a\ncases: [{ask: a, expect: {format: {max_words: many}}}]",
        "suite: a\ncases: [{ask: a, expect: b}]\ngate: {facts: {drop_at_most: 5}}",
        "suite: a\ncases: [{ask: a, expect: b}]\ngate: {facts: {drop: 0.05}}",
        "suite: a\ncases: [{ask: a, expect: b}]\nscope: all",
    ],
)
def test_it_refuses_what_the_reader_refuses(text: str) -> None:
    assert not accepted(text)


def test_every_kind_is_there_with_its_options_and_its_first_sentence() -> None:
    schema = json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)

    for name in SCORERS.names():
        described = definitions[f"kind_{name}"]
        options = {option.name for option in kind(name).options[1:]}
        assert set(described["properties"]) == {name, "name", "weight", "pass_at", "truncated"} | options
        first = " ".join((SCORERS.get(name).__doc__ or "").split())
        assert first.startswith(described["description"])
        assert described["description"].endswith(".")
