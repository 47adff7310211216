"""The JSON Schema of a suite file, so that editors complete its fields and mark what is not one."""

from __future__ import annotations

import inspect
import re

from evalharness.grammar.checks import ASPECTS
from evalharness.grammar.gate import CRITERIA
from evalharness.records import Payload
from evalharness.scorers.base import SCORERS, Kind, Option, kind

# Fields have types and scalars do not: whatever is typed where a text stands is that text.
TEXT: Payload = {"type": ["string", "number", "boolean"]}
TEMPLATE: Payload = {"type": "string", "pattern": r"\{\{.*\}\}"}
SHARE: Payload = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
FILE: Payload = {"type": "string", "description": "A file, relative to the folder of the suite."}


def suite_schema() -> Payload:
    """The schema of a suite file, draft 2020-12, with every kind of check that is installed."""
    kinds = [kind(name) for name in sorted(SCORERS.names())]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evalharness suite",
        "type": "object",
        "required": ["suite", "cases"],
        "additionalProperties": False,
        "properties": {
            "suite": _text("The name of the suite."),
            "about": _text("What it is for, in a sentence."),
            "system": _text("The system text of every case."),
            "params": _payload("Parameters of each request, such as temperature; a case's and an arm's beat them."),
            "samples": _samples(),
            "checks": {
                "type": "object",
                "additionalProperties": _ref("expectation"),
                "description": "Checks with a name of your own.",
            },
            "every": {**_ref("expect"), "description": "Expected of every reply."},
            "each": {**_ref("each"), "description": "Rows that multiply every case; their fields fill its {{ }}."},
            "cases": {"type": "array", "minItems": 1, "items": _ref("case")},
            "gate": _gate(),
            "base": _text("The arm compared against, where the command names none."),
            "tuned": _text("The arm in question, where the command names none."),
            "train": {**FILE, "description": "The training file, to tell seen cases from unseen ones."},
            "prefer": _many(TEXT, "Criteria by which a judge prefers one reply over the other."),
            "by": _many(TEXT, "The models that judge by `prefer`; else the one named `judge`."),
            "scope": _words("Whether the cases stand for others like them.", "population", "suite"),
            "test": _words("The test of a difference between passes and fails.", "exact", "midp"),
            "interval": _words("The interval of a rate against a threshold.", "score", "exact"),
            "alpha": {**SHARE, "description": "The level of tests and intervals, 0.05 where left out."},
            "uncalibrated": _words("What becomes of a judge nobody has measured.", "mark", "refuse"),
            "self_judging": _words("Whether a model may judge its own replies.", "refuse", "allow"),
        },
        "$defs": {**_cases(), **_checks(kinds), **{f"kind_{known.name}": _kind(known) for known in kinds}},
    }


def _samples() -> Payload:
    count: Payload = {"type": "integer", "minimum": 1}
    both: Payload = {
        "type": "object",
        "required": ["min", "max"],
        "additionalProperties": False,
        "properties": {"min": count, "max": count},
    }
    what = "How often each case is asked; `{min: 1, max: 8}`: one more time while a gate is undecided."
    return {"anyOf": [count, both], "description": what}


def _text(description: str) -> Payload:
    return {**TEXT, "description": description}


def _payload(description: str) -> Payload:
    return {"type": "object", "description": description}


def _words(description: str, *words: str) -> Payload:
    return {"enum": list(words), "description": description}


def _ref(name: str) -> Payload:
    return {"$ref": f"#/$defs/{name}"}


def _many(item: Payload, description: str = "") -> Payload:
    """A list of items, or one alone."""
    found: Payload = {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}
    return {**found, "description": description} if description else found


def _gate() -> Payload:
    criterion = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict.fromkeys(CRITERIA, SHARE),
    }
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": criterion,
        "description": "What is asked of each aspect; left out, each may drop by at most 0.05.",
    }


def _cases() -> Payload:
    take: Payload = {"type": "integer", "minimum": 1, "description": "Only the first so many."}
    taken: Payload = {
        "type": "object",
        "required": ["from"],
        "additionalProperties": False,
        "properties": {"from": FILE, "take": take},
    }
    row: Payload = {"anyOf": [TEXT, {"type": "object"}]}
    off = _many(TEXT, "Aspects of `every` that are not expected here.")
    turn: Payload = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"ask": TEXT, "reply": TEXT, "expect": _ref("expect"), "except": off, "from": FILE, "take": take},
        "oneOf": [{"required": ["ask"]}, {"required": ["from"]}],
    }
    case: Payload = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "id": _text("Its name in reports; made from the question where left out."),
            "ask": _text("The question."),
            "turns": {"type": "array", "minItems": 1, "items": _ref("turn"), "description": "A conversation."},
            "expect": _ref("expect"),
            "except": off,
            "system": _text("The system text of this case; empty: none is sent."),
            "params": _payload("Parameters of this case's requests."),
            "context": _many(TEXT, "Passages for arms that put them before the question."),
            "each": _ref("each"),
            "group": _text("Cases of one group depend on each other and count as one."),
            "persona": _text("Which persona is asked; stands beside `item`."),
            "item": _text("Which question of those that every persona is asked."),
            "tags": _many(TEXT, "Words to select cases by and to report on."),
            "must_pass": {
                "anyOf": [{"type": "boolean"}, TEMPLATE],
                "description": "Every sample of this case has to pass, whatever the statistics say.",
            },
        },
        "oneOf": [{"required": ["ask"]}, {"required": ["turns"]}],
    }
    return {
        "case": case,
        "turn": turn,
        "each": {"anyOf": [FILE, taken, {"type": "array", "minItems": 1, "items": row}]},
    }


def _checks(kinds: list[Kind]) -> Payload:
    named: Payload = {
        "type": "object",
        "required": ["check"],
        "properties": {"check": TEXT, **_beside()},
        "additionalProperties": False,
    }
    check: Payload = {
        "type": "object",
        "oneOf": [*[{"required": [known.name]} for known in kinds], {"required": ["check"]}],
        "anyOf": [*[_ref(f"kind_{known.name}") for known in kinds], named],
    }
    expectation: Payload = {"anyOf": [TEXT, _ref("check")]}
    aspects: Payload = {
        "type": "object",
        "minProperties": 1,
        "properties": dict.fromkeys(sorted(ASPECTS), _many(_ref("expectation"))),
        "additionalProperties": _many(_ref("expectation")),
        "propertyNames": {"not": {"enum": ["check", *[known.name for known in kinds]]}},
    }
    expect: Payload = {"anyOf": [_many(_ref("expectation")), aspects]}
    return {"check": check, "expectation": expectation, "aspects": aspects, "expect": expect}


def _beside() -> Payload:
    return {
        "name": _text("What reports call this check."),
        "weight": {"type": "number", "exclusiveMinimum": 0, "description": "How much it counts, 1 where left out."},
        "pass_at": {**SHARE, "description": "The grade from which it passed, 0.5 where left out."},
        "truncated": _words("A reply that was cut off gets 0, or the grade of what there is.", "zero", "allow"),
    }


def _kind(known: Kind) -> Payload:
    docstring = inspect.getdoc(SCORERS.get(known.name)) or ""
    options = {option.name: _option(option) for option in known.options[1:]}
    return {
        "type": "object",
        "description": " ".join(re.split(r"(?<=\.)\s|\n\n", docstring, maxsplit=1)[0].split()),
        "required": [known.name, *[option.name for option in known.options[1:] if option.required]],
        "additionalProperties": False,
        "properties": {known.name: _option(known.subject), **options, **_beside()},
    }


def _option(option: Option) -> Payload:
    match option.holds:
        case "part":
            return _ref("expectation")
        case "parts":
            return _many(_ref("expectation"))
        case "named parts":
            return {"type": "object", "minProperties": 1, "additionalProperties": _ref("expectation")}
        case "document":
            return {"anyOf": [FILE, {"type": "object"}]}
        case "voice":
            return {"anyOf": [FILE, {"type": "array", "minItems": 5, "items": TEXT}]}
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema

    adapter: TypeAdapter[object] = TypeAdapter(option.annotation)  # type: ignore[arg-type]  # it is any form of a type
    try:
        found = _widened(adapter.json_schema(mode="validation"))
    except PydanticInvalidForJsonSchema:
        found = {}
    if found.get("type") == "array":
        return {"anyOf": [found, TEXT, TEMPLATE]}
    typed = found.get("type") in ("integer", "number", "boolean") or "enum" in found
    return {"anyOf": [found, TEMPLATE]} if typed else found


def _widened(found: Payload) -> Payload:
    """A text may be typed as a number or a word that YAML takes for something else."""
    widened: Payload = {}
    for key, value in found.items():
        if key == "items" and isinstance(value, dict):
            widened[key] = _widened(value)
        elif key == "anyOf" and isinstance(value, list):
            widened[key] = [_widened(item) for item in value]
        elif key not in ("title", "default"):
            widened[key] = value
    bare = found.get("type") == "string" and not {"enum", "pattern"} & found.keys()
    return {**widened, **TEXT} if bare else widened
