"""One check as a suite writes it: nesting, names, documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.scorers.base import build
from tests.written import cases, faults


def expecting(expect: str) -> str:
    return f"suite: a\ncases:\n  - ask: Who?\n    expect: {expect}\n"


def test_checks_nest_forty_deep_and_no_deeper(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        return "{any_of: " * depth + "x" + "}" * depth

    assert faults(tmp_path, expecting(nested(39))) == []
    assert [fault.partition(": ")[2] for fault in faults(tmp_path, expecting(nested(40)))] == [
        "checks stand more than 40 deep in each other"
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_a_chain_of_named_checks_is_as_deep_as_one_written_out(tmp_path: Path, order: int) -> None:
    links = [f"  c{n}: {{any_of: [{{check: c{n + 1}}}]}}\n" for n in range(500)] + ["  c500: {mentions: x}\n"]
    chain = "".join(links[::order])
    found = faults(tmp_path, f"suite: a\nchecks:\n{chain}cases: [{{ask: a, expect: b}}]\n")

    assert {fault.partition(": ")[2] for fault in found} == {"checks stand more than 40 deep in each other"}


def test_named_checks_cannot_grow_beyond_a_thousand(tmp_path: Path) -> None:
    chain = "".join(f"  c{n}: {{any_of: [{{check: c{n + 1}}}, {{check: c{n + 1}}}]}}\n" for n in range(15))
    found = faults(tmp_path, f"suite: a\nchecks:\n{chain}  c15: {{mentions: x}}\ncases: [{{ask: a, expect: b}}]\n")

    assert [fault.partition(": ")[2] for fault in found] == ["more than 1000 checks stand in this one"]


def test_a_check_within_itself_is_told(tmp_path: Path) -> None:
    text = "suite: a\nchecks:\n  one: {all_of: [{check: two}]}\n  two: one\ncases: [{ask: a, expect: {check: one}}]\n"

    assert faults(tmp_path, text) == ["suite.yaml:4:8: the check 'one' stands within itself"]


def test_a_document_is_a_file_or_stands_in_the_suite(tmp_path: Path) -> None:
    files = {"schemas/a.json": '\ufeff{"type": "object", "maxProperties": 2}\n'}
    inline = "{type: object, maxProperties: 2}"

    (first,) = cases(tmp_path, "cases:\n  - {ask: a, expect: {json_schema: schemas/a.json}}\n", files)
    (second,) = cases(tmp_path, f"cases:\n  - {{ask: a, expect: {{json_schema: {inline}}}}}\n")

    wanted = build("json_schema", {"schema": {"type": "object", "maxProperties": 2}})
    assert [check.scorer for check in first.checks] == [wanted]
    assert [check.scorer for check in second.checks] == [wanted]


def test_faults_point_into_lists_and_mappings(tmp_path: Path) -> None:
    expect = "\n      facts:\n        all_of:\n          - x\n          - {number: far}\n          - ''\n"

    assert faults(tmp_path, expecting(expect)) == [
        "suite.yaml:8:22: 'number' got 'far': this is not a number",
        "suite.yaml:9:13: a check is empty",
    ]


def test_a_pattern_that_does_not_compile_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, expecting("{matches: '(open'}"))

    assert fault.startswith("suite.yaml:4:23: 'matches' got '(open': ")
