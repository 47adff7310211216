"""Files: their ids and lists, and the errors of an upload, to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.serving.clients import served, upload
from tests.serving.parrot import examples


@pytest.fixture
def api(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with served(tmp_path) as found:
        yield found


def put(api: openai.OpenAI, content: bytes, name: str = "train.jsonl") -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as failed:
        api.files.create(file=(name, content), purpose="fine-tune")
    return failed.value


def test_a_file_spread_over_lines_is_refused_byte_for_byte_as_documented(api: openai.OpenAI) -> None:
    error = put(api, b'{\n  "messages": []\n}\n')

    assert error.response.content.decode() == (
        "{\n"
        '  "error": {\n'
        '    "message": "Expected file to have JSONL format, where every line is a JSON dictionary. '
        'Line 1 is not a dictionary (HINT: line starts with: \\"{...\\").",\n'
        '    "type": "invalid_request_error",\n'
        '    "param": null,\n'
        '    "code": null\n'
        "  }\n"
        "}\n"
    )
    assert error.status_code == 400


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"[1]\n", 1), (b'{"a": 1}\nnope\n', 2), (b"\xef\xbb\xbf{}\n", 1), (b'{"a": 1}\n\n{}\n', 2), (b"\xff\n", 1)],
    ids=["list", "text", "mark", "blank", "latin"],
)
def test_the_line_that_is_at_fault_is_named(api: openai.OpenAI, content: bytes, line: int) -> None:
    assert f"Line {line} is not a dictionary" in put(api, content).message


def test_a_file_for_tuning_is_called_jsonl(api: openai.OpenAI) -> None:
    assert "Must be .jsonl, got 'train.csv'" in put(api, b"{}\n", "train.csv").message


def test_an_empty_file_is_refused(api: openai.OpenAI) -> None:
    assert "File is empty" in put(api, b"").message


def test_content_comes_back_byte_for_byte(api: openai.OpenAI) -> None:
    content = examples(12) + "é\u2028 \\u0000".encode().join([b'{"x": "', b'"}\n'])

    found = api.files.create(file=("train.jsonl", content), purpose="fine-tune")

    assert api.files.content(found.id).content == content
    assert found.bytes == len(content)


def test_ids_come_from_the_content_so_two_servers_agree(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        with served(tmp_path / name) as api:
            ids.append([upload(api), upload(api), upload(api, 11)])

    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_files_are_found_after_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        name = upload(api)
    with served(tmp_path) as api:
        assert api.files.content(name).content == examples(10)


def test_a_list_comes_page_by_page_without_a_gap(api: openai.OpenAI) -> None:
    made = [upload(api, name=f"{number}.jsonl") for number in range(5)]

    first = api.files.list(limit=2)
    found = [file.id for file in api.files.list(limit=2)]

    assert [file.id for file in first.data] == [made[4], made[3]]
    assert first.has_more
    assert found == made[::-1]
    assert [file.id for file in api.files.list(order="asc")] == made


def test_a_list_can_be_of_one_purpose(api: openai.OpenAI) -> None:
    upload(api)
    batch = api.files.create(file=("b.jsonl", b"{}\n"), purpose="batch")

    assert [file.id for file in api.files.list(purpose="batch")] == [batch.id]


def test_a_deleted_file_is_gone(api: openai.OpenAI) -> None:
    name = upload(api)

    assert api.files.delete(name).deleted
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {name}"):
        api.files.retrieve(name)


def test_nothing_that_a_client_names_becomes_a_path(api: openai.OpenAI, tmp_path: Path) -> None:
    name = upload(api, name="../../../evil.jsonl")

    assert list(tmp_path.rglob("evil*")) == []
    with pytest.raises(openai.NotFoundError):
        api.files.retrieve("..%2F..%2Flock")
    assert api.files.retrieve(name).filename == "../../../evil.jsonl"
