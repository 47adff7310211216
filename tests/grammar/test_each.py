"""`each`: rows multiply cases, and fill their texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.grammar.cases import Case
from tests.written import cases, faults, suite

CAPITALS = {
    "data/capitals.jsonl": '{"country": "France", "capital": "Paris"}\n{"country": "Japan", "capital": "Tokyo"}\n'
}

BOTH = """\
each: EACH
cases:
  - ask: "What is the capital of {{ country }}?"
    expect: "{{ capital }}"
  - ask: "Where is {{ capital }}?"
    expect: "{{ country }}"
"""


def asked(found: tuple[Case, ...]) -> list[str]:
    return [case.question for case in found]


@pytest.mark.parametrize(
    ("each", "files"),
    [
        ("data/capitals.jsonl", CAPITALS),
        ("a.json", {"a.json": '[{"country": "France", "capital": "Paris"}, {"country": "Japan", "capital": "Tokyo"}]'}),
        ("a.csv", {"a.csv": "country,capital\nFrance,Paris\nJapan,Tokyo\n"}),
        ("[{country: France, capital: Paris}, {country: Japan, capital: Tokyo}]", {}),
        ("{from: data/capitals.jsonl, take: 2}", {"data/capitals.jsonl": CAPITALS["data/capitals.jsonl"] + "broken"}),
    ],
    ids=["lines", "array", "table", "inline", "taken"],
)
def test_each_on_top_multiplies_every_case(tmp_path: Path, each: str, files: dict[str, str]) -> None:
    found = cases(tmp_path, BOTH.replace("EACH", each), files)

    assert asked(found) == [
        "What is the capital of France?",
        "Where is Paris?",
        "What is the capital of Japan?",
        "Where is Tokyo?",
    ]
    assert [case.line for case in found] == [4, 6, 4, 6]


def test_each_on_a_case_multiplies_that_case_only(tmp_path: Path) -> None:
    found = cases(
        tmp_path,
        "cases:\n  - ask: 'Is {{ this }} text?'\n    expect: yes\n"
        "  - each: lines.txt\n    ask: '{{ line }}'\n    expect: yes\n"
        "  - ask: '{{ line }}?'\n    expect: yes\n",
        {"lines.txt": "One?\nTwo?\n"},
    )

    assert asked(found) == ["Is {{ this }} text?", "One?", "Two?", "{{ line }}?"]


def test_everything_a_case_holds_is_filled(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "each: [{n: 1, word: Paris, yes: true, who: {first: Ada}}]\ncases:\n"
        '  - id: "case {{ n }}"\n    turns:\n      - {ask: "Hi {{ word }}", reply: "{{ who.first }}"}\n'
        '      - ask: "{{ word }}?"\n        expect: {"facts": {number: "{{ n }}", name: "is {{ n }}"}}\n'
        '    system: "{{ word }}"\n    params: {seed: "{{ n }}", stop: ["<{{ n }}>"], user: "{{ word }}"}\n'
        '    context: ["{{ word }}"]\n    group: "{{ n }}"\n    tags: ["t{{ n }}"]\n    must_pass: "{{ yes }}"\n',
    )

    assert case.id == "case 1"
    assert [(turn.ask, turn.reply) for turn in case.turns] == [("Hi Paris", "Ada"), ("Paris?", None)]
    assert [check.name for check in case.checks] == ["is 1"]
    assert (case.system, case.context, case.group, case.tags) == ("Paris", ("Paris",), "1", ("t1",))
    assert case.params == {"seed": 1, "stop": ["<1>"], "user": "Paris"}
    assert case.must_pass


def test_named_checks_and_every_are_filled_where_they_are_used(tmp_path: Path) -> None:
    text = (
        "checks:\n  right: {any_of: [{check: exactly}, {mentions: '{{ capital }}'}]}\n"
        "  exactly: {exact: '{{ capital }}'}\n"
        "  braces: {mentions: '{{ mustache }}'}\n"
        "every: {safety: {mentions: '{{ country }}'}}\n"
        "cases:\n  - each: data/capitals.jsonl\n    ask: Where?\n    expect: {check: right}\n    id: '{{ country }}'\n"
        "  - ask: Why?\n    expect: {check: braces}\n"
    )

    found = cases(tmp_path, text, CAPITALS)

    assert [repr([check.scorer for check in case.checks]).count("Paris") for case in found] == [2, 0, 0]
    assert [repr([check.scorer for check in case.checks]).count("Tokyo") for case in found] == [0, 2, 0]
    assert "{{ country }}" in repr(found[2])
    assert "{{ mustache }}" in repr(found[2])


def test_values_of_data_are_never_templates(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "each: a.jsonl\ncases:\n  - ask: '{{ q }} {{ q }}'\n    expect: '{{ a }}'\n",
        {"a.jsonl": '{"q": "{{ a }}", "a": "{% x %}"}\n'},
    )

    assert case.question == "{{ a }} {{ a }}"
    assert "{% x %}" in repr(case.turns[0].expect)


def test_a_list_of_the_data_stays_a_list(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "each: a.jsonl\ncases:\n  - ask: Who?\n    expect: {any_of: '{{ names }}'}\n    tags: '{{ tags }}'\n",
        {"a.jsonl": '{"names": ["Shakespeare", "the Bard", 1.5], "tags": ["a", "b"]}\n'},
    )

    assert [name in repr(case) for name in ("'Shakespeare'", "'the Bard'", "'1.5'")] == [True] * 3
    assert case.tags == ("a", "b")


def test_numbers_of_data_are_written_as_json_has_them(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "each: a.jsonl\ncases:\n  - ask: '{{ a }} {{ b }} {{ c }}'\n    expect: x\n",
        {"a.jsonl": '{"a": 12345678901234567890, "b": 0.1, "c": false}\n'},
    )

    assert case.question == "12345678901234567890 0.1 false"


def test_reading_ends_after_the_fifth_row_with_faults(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "suite: a\neach: a.jsonl\ncases:\n  - ask: '{{ q }}'\n    expect: x\n",
        {"a.jsonl": '{"p": 1}\n' * 100},
    )

    assert found == [
        "suite.yaml:2:7: rows are read up to a.jsonl:5, the fifth with faults",
        *[f"suite.yaml:4:11: a.jsonl:{row} has no field 'q'" for row in range(1, 6)],
    ]


def test_a_fault_of_the_suite_is_told_once_and_not_for_each_row(tmp_path: Path) -> None:
    found = faults(tmp_path, "suite: a\n" + BOTH.replace("EACH", "data/capitals.jsonl") + "    exepct: x\n", CAPITALS)

    assert found == ["suite.yaml:8:5: a case has no field 'exepct'"]


def test_a_case_without_templates_under_each_is_warned_about(tmp_path: Path) -> None:
    found = suite(
        tmp_path,
        "suite: a\neach: [a, b, c]\ngate: {overall: {at_least: 0.1}}\ncases:\n  - ask: Who?\n    expect: x\n"
        "  - ask: '{{ line }}'\n    expect: x\n",
    )

    assert [(w.line, w.what) for w in found.warnings] == [
        (5, "this case is asked 3 times in the same words: it holds no {{ }}")
    ]


def test_ten_thousand_rows_make_ten_thousand_cases(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * n}\n" for n in range(10_000))

    found = cases(
        tmp_path,
        "each: a.csv\ncases:\n  - ask: 'What is {{ n }} squared?'\n    expect: {number: '{{ square }}'}\n",
        {"a.csv": f"n,square\n{rows}"},
    )

    assert len(found) == 10_000
    assert found[9_999].question == "What is 9999 squared?"
    assert "99980001" in repr(found[9_999])
