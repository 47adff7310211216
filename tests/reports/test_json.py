from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.errors import EvalError
from evalharness.findings import Panel
from evalharness.reports.json import load, render
from tests.reports import examples


def text_of(panel: Panel) -> str:
    return "".join(render(panel))


def test_a_single_pair_has_its_fields_at_the_top() -> None:
    found = json.loads(text_of(examples.one()))

    assert found["verdict"]["outcome"] == "INCONCLUSIVE"
    assert len(found["verdict"]["reasons"]) == 3
    assert found["deltas"][0] | {"p": 0.7266} == found["deltas"][0]
    assert {"slice", "cases", "left_out", "base", "tuned", "change", "low", "high", "p", "outcome"} <= set(
        found["deltas"][0]
    )
    assert [flip["case"] for flip in found["flips"][:2]] == ["whats-the-capital-of-australia", "boiling-point-of-water"]
    assert found["seed"] == 7
    assert len(found["pairs"]) == 8


def test_several_pairs_have_one_verdict_and_a_list() -> None:
    found = json.loads(text_of(examples.several()))

    assert found["verdict"]["outcome"] == "REGRESSED"
    assert [one["tuned"]["model"]["name"] for one in found["comparisons"]] == ["tuned", "lora-r8-long-name"]


def test_the_order_of_keys_is_fixed() -> None:
    keys = list(json.loads(text_of(examples.one())))

    assert keys == ["evalharness", "verdict", "suite", "base", "tuned", "deltas", "rulings", "flips", "left_out",
                    "warnings", "seed", "version", "rebased", "trained", "judged", "duels", "manner", "persona",
                    "looked", "pairs"]  # fmt: skip
    assert text_of(examples.one()) == text_of(examples.one())


def test_pairs_can_be_left_out() -> None:
    found = json.loads("".join(render(examples.one(), pairs=False)))

    assert "pairs" not in found
    assert found["deltas"] == json.loads(text_of(examples.one()))["deltas"]


def test_what_is_handed_on_names_no_folder_of_this_machine() -> None:
    here = Path.cwd() / ".evalharness/runs/marv/tuned.jsonl"
    (pair,) = examples.one().comparisons
    pair = replace(pair, base=replace(pair.base, path="/home/ada/runs/base.jsonl"))
    panel = Panel(pair.verdict, (replace(pair, tuned=replace(pair.tuned, path=str(here))),))

    found = json.loads(text_of(panel))

    assert (found["base"]["path"], found["tuned"]["path"]) == ("base.jsonl", ".evalharness/runs/marv/tuned.jsonl")


@pytest.mark.parametrize("panel", ["one", "held", "several", "rebased", "trained"])
def test_what_is_written_is_read_back(panel: str) -> None:
    made: Panel = getattr(examples, panel)()

    assert load(text_of(made)) == made


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_every_text_goes_through_byte_exact(text: str) -> None:
    out = text_of(examples.hostile(text))

    assert out.isascii()
    assert load(out) == examples.hostile(text)


def test_ten_megabytes_go_through_byte_exact() -> None:
    text = "\ud83d\x00é" * 3_000_000

    (comparison,) = examples.one().comparisons
    panel = Panel(comparison.verdict, (replace(comparison, warnings=(text,)),))

    assert load(text_of(panel)).comparisons[0].warnings == (text,)


def test_what_is_no_number_is_null() -> None:
    (comparison,) = examples.held().comparisons
    odd = replace(comparison.deltas[0], low=math.nan, high=math.inf)

    out = text_of(Panel(comparison.verdict, (replace(comparison, deltas=(odd,)),)))

    assert "NaN" not in out
    assert "Infinity" not in out
    assert load(out).comparisons[0].deltas[0].low is None


def test_pairs_are_written_one_by_one() -> None:
    pieces = list(render(examples.many(500)))

    assert len(pieces) > 500
    assert max(map(len, pieces)) < 100_000


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "x.json: not JSON: "),
        ("[1, 2]", "x.json: this is not a comparison"),
        ("{}", "x.json: this is not a comparison"),
        ('{"verdict": 1}', "x.json: its schema is 'None', known is 1"),
        ('{"evalharness": 2, "verdict": {}}', "x.json: its schema is '2', known is 1"),
        ('{"evalharness": true, "verdict": {}}', "x.json: its schema is 'True', known is 1"),
        ('{"evalharness": 1, "verdict": 1, "comparisons": []}', "x.json: verdict: input should be "),
        ('{"evalharness": 1, "verdict": {"outcome": "HELD", "reasons": []}, "comparisons": [1]}', "x.json: comparis"),
        ('{"evalharness": 1, "verdict": {"outcome": "FINE", "reasons": []}}', "x.json: "),
        ("[" * 100_000, "x.json: not JSON: nested too deeply"),
        ('{"evalharness": NaN}', "x.json: not JSON: NaN is no number in JSON"),
        ("9" * 5000, "x.json: "),
    ],
)
def test_anything_else_is_refused_with_a_hint(text: str, what: str) -> None:
    with pytest.raises(EvalError) as found:
        load(text, "x.json")

    assert str(found.value).startswith(what)
    assert found.value.hint


def test_a_newer_file_says_what_to_do() -> None:
    with pytest.raises(EvalError) as found:
        load('{"evalharness": 99, "verdict": {}}')

    assert found.value.hint == "a newer evalharness wrote it: upgrade this one"


def test_a_field_that_is_wrong_is_named() -> None:
    found = json.loads(text_of(examples.one()))
    found["deltas"][1]["cases"] = "many"

    with pytest.raises(EvalError, match=r"comparison.json: deltas.1.cases: input should be a valid integer"):
        load(json.dumps(found))
