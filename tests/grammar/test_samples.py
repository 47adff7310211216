"""`samples`: a number, or from how many on to how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.suite import json_schema
from tests.written import suite

CASES = "suite: made\n{}\ncases:\n  - {{ask: Who?, expect: me}}\n"


@pytest.mark.parametrize(
    ("line", "least", "most"),
    [("", 1, 1), ("samples: 3", 3, 3), ("samples: {min: 1, max: 8}", 1, 8), ("samples: {max: 2, min: 2}", 2, 2)],
)
def test_the_fewest_and_the_most_samples_of_a_case(line: str, least: int, most: int, tmp_path: Path) -> None:
    found = suite(tmp_path, CASES.format(line))

    assert (found.samples, found.most_samples) == (least, most)


def test_how_often_cases_are_asked_is_not_in_the_hash(tmp_path: Path) -> None:
    one, other = (suite(tmp_path, CASES.format(line)) for line in ("samples: 1", "samples: {min: 1, max: 8}"))

    assert one.hash == other.hash


def test_the_schema_for_editors_knows_both_forms() -> None:
    from jsonschema import Draft202012Validator

    properties = json_schema()["properties"]
    assert isinstance(properties, dict)
    check = Draft202012Validator(properties["samples"])

    assert check.is_valid(2)
    assert check.is_valid({"min": 1, "max": 8})
    assert not check.is_valid({"min": 1})
    assert not check.is_valid([1, 8])
