from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import Faults
from evalharness.tuning.dataset import check
from evalharness.tuning.reading import Piece, pieces
from tests.tuning.lines import chat, codes, report, text


def read(folder: Path, content: str | bytes) -> list[Piece]:
    path = folder / "train.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(pieces(path, "train.jsonl"))


def shape(found: list[Piece]) -> tuple[list[tuple[int, str]], list[tuple[str, int]]]:
    """The lines there are to keep, and what was found where."""
    kept = [(piece.line, piece.text) for piece in found if piece.text]
    return kept, [(finding.code, finding.line) for piece in found for finding in piece.findings]


@pytest.mark.parametrize(
    ("content", "kept", "findings"),
    [
        ('{"a": 1}\n{"a": 2}\n', [(1, '{"a": 1}'), (2, '{"a": 2}')], []),
        ('\ufeff{"a": 1}', [(1, '{"a": 1}')], [("utf8_bom", 1)]),
        ('{"a": 1}\r\n{"a": 2}\r\n', [(1, '{"a": 1}'), (2, '{"a": 2}')], [("crlf", 1)]),
        ('{"a": 1}\n \n{"a": 2}\n\n', [(1, '{"a": 1}'), (3, '{"a": 2}')], [("blank_line", 2), ("blank_line", 4)]),
        ('{"a": "\u2028"}\n', [(1, '{"a": "\u2028"}')], []),
        ('{"a": 1},\n{"a": [1,]}\n', [(1, '{"a": 1}'), (2, '{"a": [1 ]}')], [("invalid_json", 1), ("invalid_json", 2)]),
        ('{"a": ",]"}\n', [(1, '{"a": ",]"}')], []),
        ('{"a": 1}{"a": 2}\n', [(1, '{"a": 1}'), (1, '{"a": 2}')], [("not_jsonl", 1)]),
        ('{"a": 1}\r{"a": 2}\r', [(1, '{"a": 1}'), (1, '{"a": 2}')], [("not_jsonl", 1)]),
        ('{"a": 1} x\n', [(1, '{"a": 1} x')], [("invalid_json", 1)]),
        ('{"a": 1, "a": 2}\n', [(1, '{"a": 1, "a": 2}')], [("repeated_key", 1)]),
        ('{"a": NaN}\n', [(1, '{"a": NaN}')], [("invalid_json", 1)]),
        ('{"a": 1}\n[2]\n"x"\n', [(1, '{"a": 1}'), (2, "[2]"), (3, '"x"')], [("not_jsonl", 2), ("not_jsonl", 3)]),
        ('[1]\n{"a": 1}\n', [(1, "[1]"), (2, '{"a": 1}')], [("not_jsonl", 1)]),
        ('{"a": 1}\n{"a": "x\0"}\n', [(1, '{"a": 1}'), (2, '{"a": "x\0"}')], [("nul", 2)]),
        ("", [], []),
        ("\ufeff", [], [("utf8_bom", 1), ("blank_line", 1)]),
    ],
)
def test_lines_are_kept_and_what_is_wrong_with_them_is_said(
    content: str, kept: list[tuple[int, str]], findings: list[tuple[str, int]], tmp_path: Path
) -> None:
    assert shape(read(tmp_path, content)) == (kept, findings)


@pytest.mark.parametrize(
    ("content", "kept", "findings"),
    [
        ('[{"a": 1},\n {"a":\n  2}]\n', [(1, '{"a": 1}'), (2, '{"a": 2}')], [("not_jsonl", 1)]),
        ("\n[]", [], [("not_jsonl", 2)]),
        ('[{"a": 1,},\n{"a": 2},]', [(1, '{"a": 1 }'), (2, '{"a": 2}')], [("not_jsonl", 1), ("invalid_json", 1)]),
        ('[{"a": 1}, 2]', [(1, '{"a": 1}'), (1, "2")], [("not_jsonl", 1), ("not_jsonl", 1)]),
        ('[{"a": 1, "a": 2}]', [(1, '{"a": 1, "a": 2}')], [("not_jsonl", 1), ("repeated_key", 1)]),
        ('\ufeff[{"a": 1}]', [(1, '{"a": 1}')], [("utf8_bom", 1), ("not_jsonl", 1)]),
        ('{\n "a": 1\n}\n{"a": "\\n  x"}', [(1, '{ "a": 1 }'), (4, '{"a": "\\n  x"}')], [("not_jsonl", 1)]),
    ],
)
def test_a_file_that_is_an_array_or_spread_over_lines_is_read_all_the_same(
    content: str, kept: list[tuple[int, str]], findings: list[tuple[str, int]], tmp_path: Path
) -> None:
    assert shape(read(tmp_path, content)) == (kept, findings)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ('[{"a": 1},\n{"a": "x', 2, "this is not JSON: unterminated string starting at column 7"),
        ('[{"a": 1},\n', 2, "the JSON array is not closed: the file breaks off here"),
        ('[{"a": 1}\n{"a": 2}]', 2, "the JSON array is not closed here, nor does a comma follow"),
        ('[{"a": 1}\n]\nx', 3, "something follows the JSON array"),
    ],
)
def test_an_array_that_breaks_off_says_where_and_what_was_read(
    content: str, line: int, what: str, tmp_path: Path
) -> None:
    last = read(tmp_path, content)[-1]

    assert (last.findings[-1].line, last.findings[-1].what, last.lost) == (line, what, True)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ('{"a": 1}\n{"a": "\u00e9"}\n'.encode("latin-1"), 2, "byte 0xe9 is not UTF-8, at column 8"),
        ('{"a": "\u00e9"}\n'.encode("latin-1"), 1, "byte 0xe9 is not UTF-8, at column 8"),
        ('[{"a": 1},\n {"a": "\u00e9"}]'.encode("latin-1"), 2, "byte 0xe9 is not UTF-8, at column 9"),
    ],
)
def test_another_encoding_is_told_with_its_place(content: bytes, line: int, what: str, tmp_path: Path) -> None:
    (finding,) = [f for piece in read(tmp_path, content) for f in piece.findings if f.code == "not_utf8"]

    assert (finding.line, finding.what) == (line, what)
    assert finding.hint == "save the file as UTF-8; it may be in latin-1 or another older encoding"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read_and_told(encoding: str, tmp_path: Path) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    found = read(tmp_path, f'{mark}{{"a": "\u00e9"}}\n'.encode(encoding))

    assert shape(found) == ([(1, '{"a": "\u00e9"}')], [("utf16", 1)])


def test_a_line_that_breaks_off_says_so_in_the_words_of_the_server_too(tmp_path: Path) -> None:
    (finding,) = report(tmp_path, text(*map(chat, range(12))) + '{"messages": [{"role": "us').findings[-1:]

    assert (finding.line, finding.what) == (13, "this is not JSON: unterminated string starting at column 24")
    assert finding.hint == "the line breaks off: write it again, or remove it"
    assert finding.server == (
        "Invalid file format. Example 13 cannot be parsed. Error: line contains invalid json: "
        "Unterminated string starting at: line 1 column 24 (char 23) (line 13)"
    )


def test_deep_nesting_and_numbers_without_end_are_findings(tmp_path: Path) -> None:
    found = report(tmp_path, f'{{"a": {"[" * 100_000}\n{{"a": {"9" * 5_000}}}\n')

    assert codes(found)["invalid_json"] == [1, 2]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("")

    with pytest.raises(Faults, match=r"trian.jsonl: there is no such file\n  hint: did you mean 'train.jsonl'\?"):
        check(tmp_path / "trian.jsonl", called="trian.jsonl")


def test_a_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Faults, match="this is a folder, not a file"):
        check(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text('{}[]",:\n \\ax\r0\ufeff', max_size=60).map(lambda some: some.encode()))
def test_no_bytes_are_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "train.jsonl"
    path.write_bytes(content)

    # Whatever they are, they can be read as lines, and so few bytes are no ten examples.
    assert not check(path).valid


@settings(deadline=None)
@given(st.text('{}[]",:\n \\ax\r0', max_size=60))
def test_lines_that_are_kept_are_read_as_they_are(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    folder = tmp_path_factory.mktemp("kept")

    for piece in read(folder, content):
        if piece.fields is not None and "repeated_key" not in [finding.code for finding in piece.findings]:
            assert json.loads(piece.text) == piece.fields
            assert "\n" not in piece.text
