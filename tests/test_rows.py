"""The one reader of data files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import Faults
from evalharness.rows import Row, read


def rows(folder: Path, name: str, content: bytes | str, take: int | None = None) -> list[Row]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read(path, take=take, called=name))


def faults(folder: Path, name: str, content: bytes | str) -> list[str]:
    with pytest.raises(Faults) as caught:
        rows(folder, name, content)
    return [str(fault).partition("\n")[0] for fault in caught.value.faults]


def test_json_lines_are_rows_with_their_line(tmp_path: Path) -> None:
    assert rows(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": [true, null, "x"]}\n') == [
        Row(1, {"a": 1}),
        Row(3, {"a": [True, None, "x"]}),
    ]


def test_marks_returns_and_blank_last_lines_are_passed_over(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n\r\n  \n\n'

    assert rows(tmp_path, "a.jsonl", content) == [Row(1, {"a": 1}), Row(2, {"a": 2})]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven"

    assert rows(tmp_path, "a.jsonl", '{"a": "one\u2028two\u0085"}\n') == [Row(1, {"a": "one\u2028two\u0085"})]
    assert rows(tmp_path, "a.txt", f"{text}\nnext") == [Row(1, {"line": text}), Row(2, {"line": "next"})]
    assert rows(tmp_path, "a.csv", f'a\n"{text}"\nnext\n') == [Row(2, {"a": text}), Row(3, {"a": "next"})]


def test_a_text_file_is_a_row_a_line_and_keeps_its_blanks(tmp_path: Path) -> None:
    assert rows(tmp_path, "a.txt", "  one \r\n\n\ttwo") == [Row(1, {"line": "  one "}), Row(3, {"line": "\ttwo"})]


def test_an_array_is_rows_with_the_line_each_begins_on(tmp_path: Path) -> None:
    assert rows(tmp_path, "a.json", '[\n  {"a": 1},\n  {"a":\n   2}, {"a": 3}\n]\n') == [
        Row(2, {"a": 1}),
        Row(3, {"a": 2}),
        Row(4, {"a": 3}),
    ]
    assert rows(tmp_path, "a.json", "[ ]") == []


def test_csv_fields_are_texts_by_the_header(tmp_path: Path) -> None:
    content = 'ask,answer\r\n"What, ""now""?\r\nreally",  1.10\r\n\r\nWho?,NO\r\n'

    assert rows(tmp_path, "a.csv", content) == [
        Row(2, {"ask": 'What, "now"?\nreally', "answer": "  1.10"}),
        Row(5, {"ask": "Who?", "answer": "NO"}),
    ]
    assert rows(tmp_path, "a.tsv", "a\tb\n1,5\t2\n") == [Row(2, {"a": "1,5", "b": "2"})]


def test_only_the_first_rows_are_looked_at(tmp_path: Path) -> None:
    assert rows(tmp_path, "a.jsonl", '{"a": 1}\n{"a": 2}\nbroken', take=2) == [Row(1, {"a": 1}), Row(2, {"a": 2})]


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\nbroken\n')
    found = read(path)

    assert next(found) == Row(1, {"a": 1})


def test_every_fault_of_json_lines_is_told_with_its_line(tmp_path: Path) -> None:
    content = '{"a": 1}\n[1]\n{"a": 1 2}\n{"a": Infinity}\n{"a": 1, "b": {"c": 1, "c": 2}}\n{} {}\n3\nnull\n'

    assert faults(tmp_path, "a.jsonl", content) == [
        "a.jsonl:2: this line is a list, each line must be one JSON object",
        "a.jsonl:3: this is not JSON: expecting ',' delimiter at column 9",
        "a.jsonl:4: Infinity is no JSON value",
        "a.jsonl:5: the key 'c' stands twice",
        "a.jsonl:6: something follows the JSON object, at column 4",
        "a.jsonl:7: this line is a number, each line must be one JSON object",
        "a.jsonl:8: this line is null, each line must be one JSON object",
    ]


def test_twenty_faults_are_enough(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "a.jsonl", "broken\n" * 1000)) == 20


def test_an_array_on_its_lines_is_told_to_be_named_json(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        rows(tmp_path, "a.jsonl", '[\n{"a": 1}\n]\n')

    assert caught.value.faults[0].hint.endswith("a file that is one JSON array is named .json")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"a": 1}\n', "a.json:1: this file must be one JSON array of objects"),
        ("", "a.json:1: this file must be one JSON array of objects"),
        ('[{"a": 1}\n{"a": 2}]', "a.json:2: the JSON array is not closed here, nor does a comma follow"),
        ('[{"a": 1},\n]', "a.json:2: this is not JSON: expecting value at column 1"),
        ('[{"a": 1},\n 3]', "a.json:2: this is a number, each item must be one JSON object"),
        ('[{"a": 1}]\n[]', "a.json:2: something follows the JSON array"),
        ("[", "a.json:1: this is not JSON: expecting value at column 2"),
        ('["a', "a.json:1: this is not JSON: unterminated string starting at column 2"),
        ('["a\tb"]', "a.json:1: this is not JSON: invalid control character at column 4"),
    ],
)
def test_a_broken_array_is_told_with_its_line(tmp_path: Path, content: str, fault: str) -> None:
    assert faults(tmp_path, "a.json", content) == [fault]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a,b\n1\n", "a.csv:2: this row has 1 field, the header has 2"),
        ("a,b\n1,2,3\n", "a.csv:2: this row has 3 fields, the header has 2"),
        ("a,a\n1,2\n", "a.csv:1: two columns are called 'a'"),
        ("a,\n1,2\n", "a.csv:1: column 2 of the header has no name"),
        ("a;b\n1;2\n", "a.csv:1: there is one column, 'a;b'"),
        ('a\n1\n"open\n2\n', "a.csv:3: this is not CSV: unexpected end of data"),
        ('a\n"x" y\n', "a.csv:2: this is not CSV: ',' expected after '\"'"),
        (f"a\n{'x' * 10_000_001}\n", "a.csv:2: a field of this row is longer than 10,000,000 characters"),
    ],
)
def test_a_broken_table_is_told_with_its_line(tmp_path: Path, content: str, fault: str) -> None:
    assert faults(tmp_path, "a.csv", content) == [fault]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
def test_other_encodings_are_told_with_the_line(tmp_path: Path, name: str) -> None:
    assert faults(tmp_path, name, '["é"]'.encode("latin-1")) == [f"{name}:1:3: byte 0xe9 is not UTF-8"]
    assert faults(tmp_path, name, "\ufeff[1]".encode("utf-16-le")) == [f"{name}:1:1: this file is UTF-16"]
    assert faults(tmp_path, name, "[1]".encode("utf-16-le")) == [f"{name}:1:2: there is a NUL character here"]


def test_a_bad_byte_on_a_later_line_is_told_there(tmp_path: Path) -> None:
    assert faults(tmp_path, "a.txt", b"one\ntwo\nth\xffee\n") == ["a.txt:3:3: byte 0xff is not UTF-8"]


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"a": ' * 100_000, '{"a": ' + "1" * 10_000 + "}"], ids=["lists", "objects", "digits"]
)
def test_json_that_python_cannot_hold_is_a_fault(tmp_path: Path, line: str) -> None:
    assert len(faults(tmp_path, "a.jsonl", line)) == 1
    assert len(faults(tmp_path, "a.json", f"[{line}]")) == 1


def test_a_huge_field_of_json_is_read(tmp_path: Path) -> None:
    text = "x" * 5_000_000

    assert rows(tmp_path, "a.jsonl", json.dumps({"a": text})) == [Row(1, {"a": text})]


def test_a_huge_field_of_csv_is_read_and_the_limit_of_the_process_stays_as_it_was(tmp_path: Path) -> None:
    text = "x" * 10_000_000
    before = csv.field_size_limit()

    assert rows(tmp_path, "a.csv", f'a,b\n"{text}",1\n') == [Row(2, {"a": text, "b": "1"})]
    assert csv.field_size_limit() == before


def test_an_unknown_format_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        rows(tmp_path, "a.xlsx", b"PK")

    hint = "known: .jsonl, .ndjson, .json, .csv, .tsv, .txt, .md"
    assert str(caught.value) == f"a.xlsx: '.xlsx' is no format of data\n  hint: {hint}"


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Faults, match=r"^a\.jsonl: there is no such file"):
        list(read(tmp_path / "a.jsonl", called="a.jsonl"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt"]))
def test_any_bytes_are_rows_or_faults(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("rows")

    try:
        found = [row.line for row in rows(folder, name, content)]
    except Faults as error:
        found = [fault.line for fault in error.faults]

    assert found == sorted(found)
    assert all(1 <= line <= content.count(b"\n") + 1 for line in found)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=6), min_size=1), max_size=4))
def test_what_json_writes_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, int | str]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    lines = "".join(f"{json.dumps(value)}\n" for value in values)

    assert [row.fields for row in rows(folder, "a.jsonl", lines)] == values
    assert [row.fields for row in rows(folder, "a.json", json.dumps(values, indent=1))] == values
