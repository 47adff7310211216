"""Suites: reading a file whole, and every fault it may have."""

from __future__ import annotations

import contextlib
import gc
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import Faults, UnknownName
from evalharness.records import Criterion
from evalharness.suite import Suite, load, select
from tests.written import faults, suite

FAULTS = Path(__file__).parent / "faults"
DOCS = Path(__file__).parents[1] / "docs" / "suites.md"

FULL = """\
suite: full
about: Every field of a suite.
system: Answer in one word.
params: {temperature: 0, stop: [NO]}
samples: 3
base: small
tuned: large
train: train.jsonl
prefer: [shorter, kinder]
by: [gpt, claude]
scope: suite
test: midp
interval: exact
alpha: 0.01
uncalibrated: refuse
cases:
  - ask: What is the capital of France?
    expect: {facts: Paris, format: {max_words: 3}}
gate:
  format: {at_least: 0.9}
  facts: {drop_at_most: 0.02, gain_at_least: 0.1}
  preference: {win_at_least: 0.55}
"""

SMALL = "suite: small\ncases:\n  - ask: What is the capital of France?\n    expect: Paris\n"


@pytest.mark.parametrize("path", sorted(FAULTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_fault_of_a_file_is_told_in_its_order(path: Path) -> None:
    with pytest.raises(Faults) as caught:
        load(path)

    assert f"{caught.value}\n".replace(f"{FAULTS}/", "") == path.with_suffix(".txt").read_text("utf-8")


def test_every_field_is_kept(tmp_path: Path) -> None:
    found = suite(tmp_path, FULL, {"train.jsonl": "{}\n"})

    assert found.name == "full"
    assert found.path == str(tmp_path / "suite.yaml")
    assert found.about == "Every field of a suite."
    assert found.system == "Answer in one word."
    assert found.params == {"temperature": 0, "stop": ["NO"]}
    assert (found.samples, found.base, found.tuned, found.train) == (3, "small", "large", "train.jsonl")
    assert (found.prefer, found.by) == (("shorter", "kinder"), ("gpt", "claude"))
    assert (found.scope, found.test, found.interval, found.alpha) == ("suite", "midp", "exact", 0.01)
    assert found.uncalibrated == "refuse"
    assert found.gate_declared
    assert found.gate == (
        Criterion("format", at_least=0.9),
        Criterion("facts", drop_at_most=0.02, gain_at_least=0.1),
        Criterion("preference", win_at_least=0.55),
    )
    assert found.warnings == ()


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = suite(tmp_path, SMALL)

    assert (found.about, found.system, found.params, found.samples) == ("", None, {}, 1)
    assert (found.base, found.tuned, found.train, found.prefer, found.by) == (None, None, None, (), ())
    assert (found.scope, found.test, found.interval, found.alpha) == ("population", "exact", "score", 0.05)
    assert found.uncalibrated == "mark"


def test_without_a_gate_each_aspect_is_gated_with_the_default_margin(tmp_path: Path) -> None:
    found = suite(tmp_path, SMALL + "every: {style: {max_words: 9}, format: json}\n")

    assert not found.gate_declared
    assert found.gate == tuple(Criterion(aspect, drop_at_most=0.05) for aspect in ("style", "format", "facts"))


def test_a_suite_that_is_not_there_is_a_fault_under_the_name_it_was_called(tmp_path: Path) -> None:
    (tmp_path / "marv.yaml").write_text(SMALL)

    with pytest.raises(Faults) as caught:
        load(tmp_path / "mary.yaml")

    assert str(caught.value) == f"{tmp_path}/mary.yaml: there is no such file\n  hint: did you mean 'marv.yaml'?"


def test_a_training_file_that_is_not_there_is_warned_about(tmp_path: Path) -> None:
    found = suite(tmp_path, SMALL + "train: absent.jsonl\nscope: suite\nsamples: 2\n")

    assert [(w.line, w.what) for w in found.warnings] == [(5, "'train': there is no file 'absent.jsonl'")]


def test_suite_scope_with_one_sample_is_warned_about(tmp_path: Path) -> None:
    found = suite(tmp_path, SMALL + "scope: suite\n")

    assert [w.what for w in found.warnings] == ["'scope: suite' measures the noise between samples, and there is one"]


def test_the_collector_runs_again_after_reading(tmp_path: Path) -> None:
    suite(tmp_path, SMALL)
    assert gc.isenabled()
    assert faults(tmp_path, "suite: a\ncases: []\n")
    assert gc.isenabled()


# --- hash -----------------------------------------------------------------------------------------------------------


def hashed(folder: Path, text: str, files: dict[str, str] | None = None) -> str:
    return suite(folder, text, files).hash


def test_comments_layout_names_and_places_do_not_change_the_hash(tmp_path: Path) -> None:
    same = """
        # A comment.
        {suite: other, about: x, base: a, tuned: b, samples: 5,
         "cases": [{"ask": "What is the capital of France?",
                    'expect': {facts: [Paris]}}]}
    """

    assert hashed(tmp_path, SMALL) == hashed(tmp_path / "..", same)
    assert re.fullmatch("[0-9a-f]{64}", hashed(tmp_path, SMALL))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("France", "Spain"),
        ("Paris", "paris"),
        ("expect: Paris", "expect: {exact: Paris}"),
        ("expect: Paris", "expect: {mentions: Paris, weight: 2}"),
        ("expect: Paris", "expect: {mentions: Paris, pass_at: 0.7}"),
        ("expect: Paris", "expect: {mentions: Paris, truncated: allow}"),
        ("expect: Paris", "expect: Paris\n    system: Be brief."),
        ("expect: Paris", "expect: Paris\n    system: ''"),
        ("expect: Paris", "expect: Paris\n    must_pass: true"),
        ("expect: Paris", "expect: Paris\n    group: a"),
        ("expect: Paris", "expect: Paris\n    params: {top_p: 1}"),
        ("expect: Paris", "expect: Paris\n    params: {top_p: '1'}"),
        ("expect: Paris", "expect: Paris\n    context: A city."),
        ("cases:", "system: Be brief.\ncases:"),
        ("cases:", "params: {temperature: 0}\ncases:"),
        ("cases:", "scope: suite\ncases:"),
        ("cases:", "alpha: 0.1\ncases:"),
        ("cases:", "prefer: shorter\ncases:"),
        ("cases:", "gate: {facts: {drop_at_most: 0.04}}\ncases:"),
        ("cases:", "every: {format: json}\ncases:"),
    ],
)
def test_what_can_change_a_number_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    assert hashed(tmp_path, SMALL) != hashed(tmp_path, SMALL.replace(old, new))


def test_who_judges_duels_changes_the_hash(tmp_path: Path) -> None:
    one = SMALL.replace("cases:", "prefer: shorter\ncases:")

    assert hashed(tmp_path, one) != hashed(tmp_path, one.replace("cases:", "by: other\ncases:"))


def test_the_rows_and_documents_that_are_used_change_the_hash(tmp_path: Path) -> None:
    text = "suite: a\neach: a.csv\ncases:\n  - ask: '{{ q }}'\n    expect: {format: {json_schema: a.json}}\n"
    files = {"a.csv": "q,unused\nWho?,1\n", "a.json": '{"type": "object"}'}
    first = hashed(tmp_path, text, files)

    assert hashed(tmp_path, text, files | {"a.csv": "\ufeffq,unused\r\nWho?,2\r\n\r\n"}) == first
    assert hashed(tmp_path, text, files | {"a.csv": "q,unused\nWhat?,1\n"}) != first
    assert hashed(tmp_path, text, files | {"a.json": '{ "type" : "object" }'}) == first
    assert hashed(tmp_path, text, files | {"a.json": '{"type": "array"}'}) != first
    assert hashed(tmp_path, text.replace("a.csv", "b.csv"), files | {"b.csv": files["a.csv"]}) == first


def test_writing_out_the_default_of_an_option_changes_nothing(tmp_path: Path) -> None:
    short = SMALL.replace("Paris", "{number: 3}")

    assert hashed(tmp_path, short) == hashed(tmp_path, SMALL.replace("Paris", "{number: 3, within: 0, weight: 1.0}"))
    assert hashed(tmp_path, short) != hashed(tmp_path, SMALL.replace("Paris", "{number: 3, within: 1}"))


# --- selecting ------------------------------------------------------------------------------------------------------


def tagged(folder: Path) -> Suite:
    return suite(
        folder,
        "suite: a\nevery: json\ncases:\n"
        "  - {id: one, ask: a, tags: [geo, old]}\n  - {id: two, ask: b, tags: geo}\n  - {id: three, ask: c}\n",
    )


def test_tags_and_cases_choose_what_is_asked(tmp_path: Path) -> None:
    whole = tagged(tmp_path)

    def ids(*, tags: tuple[str, ...] = (), cases: tuple[str, ...] = ()) -> list[str]:
        return [case.id for case in select(whole, tags=tags, cases=cases).cases]

    assert ids() == ["one", "two", "three"]
    assert ids(tags=("old",)) == ["one"]
    assert ids(tags=("old", "geo")) == ["one", "two"]
    assert ids(cases=("three", "one")) == ["one", "three"]
    assert ids(tags=("geo",), cases=("three", "two")) == ["two"]
    assert select(whole, cases=("one",)).hash == whole.hash


def test_what_no_case_bears_cannot_be_selected(tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as tag:
        select(tagged(tmp_path), tags=["geoo"])
    with pytest.raises(UnknownName) as case:
        select(tagged(tmp_path), cases=["four"])

    assert str(tag.value) == f"{tmp_path}/suite.yaml: there is no tag 'geoo'\n  hint: did you mean 'geo'?"
    assert str(case.value) == f"{tmp_path}/suite.yaml: there is no case 'four'\n  hint: known: one, three, two"


# --- any text, and the reference page -------------------------------------------------------------------------------

WORDS = st.sampled_from(
    re.split(
        " ",
        "suite: cases: ask: expect: turns: every: checks: gate: each: facts: style: number: any_of: fields: check: "
        "reply: from: take: id: tags: params: except: - {{ }} { } [ ] , a 42 true '' \" ' & * ! | > # : ? % @ <<: "
        "\n \n  \n    json_schema: matches: ( weight: 0.05 drop_at_most: overall é \u2028 \t ~ null",
    )
)
KEYS = st.sampled_from(["facts", "style", "number", "any_of", "all_of", "fields", "check", "mentions", "a", "take"]) | (
    st.sampled_from(["json_schema", "max_words", "matches", "name", "weight", "within", "ask", "reply", "from"])
)
TREES = st.recursive(
    st.sampled_from(["a", "json", "42", "{{ a }}", "", "true", "x y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
ON_TOP = ("every", "checks", "gate", "each", "params")
ON_A_CASE = ("expect", "turns", "each", "params", "tags", "except", "context")


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=60))
def test_any_text_is_a_suite_or_faults(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "suite.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with contextlib.suppress(Faults):
        assert load(path).cases


@settings(max_examples=300, deadline=None)
@given(TREES, st.sampled_from(ON_TOP + ON_A_CASE))
def test_any_tree_in_any_place_is_a_suite_or_faults(
    tmp_path_factory: pytest.TempPathFactory, tree: object, place: str
) -> None:
    value = json.dumps(tree)
    top = f"{place}: {value}\n" if place in ON_TOP else ""
    case = f", {place}: {value}" if place in ON_A_CASE else ""
    path = tmp_path_factory.mktemp("any") / "suite.yaml"
    path.write_text(f"suite: a\n{top}cases:\n  - {{ask: Who?, system: x{case}}}\n")

    with contextlib.suppress(Faults):
        assert load(path).cases


def test_every_suite_of_the_reference_is_read(tmp_path: Path) -> None:
    """Blocks that name a file are written first; each YAML block that begins with `suite:` is then read."""
    page = DOCS.read_text("utf-8")
    for _, name, content in re.findall(r"^```(\w+) (\S+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    suites = re.findall(r"^```yaml\n(suite:.*?)^```", page, re.DOTALL | re.MULTILINE)

    assert len(suites) >= 9
    for text in suites:
        assert suite(tmp_path, text).cases
