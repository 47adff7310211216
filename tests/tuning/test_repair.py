from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import EvalError, Faults
from evalharness.tuning.dataset import check
from evalharness.tuning.repair import beside, convert, fix
from tests.tuning.lines import chat, pair, said, text

LINE = '{"messages": []}'


def fixed(folder: Path, content: str | bytes) -> str:
    source, output = folder / "train.jsonl", folder / "new.jsonl"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    output.unlink(missing_ok=True)
    fix(source, output)
    assert source.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    return output.read_bytes().decode()


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{LINE}\n{LINE}\n",
        f"\n\ufeff\ufeff{LINE}\n{LINE}\n",
        f"{LINE}\r\n{LINE}\r\n",
        f"\n{LINE}\n  \n{LINE}\n\n",
        f"{LINE}\n{LINE}",
        f"[{LINE}, {LINE}]",
        f"[\n{LINE},\n{LINE},\n]\n",
        f"{LINE},\n{LINE},\n",
        f"{LINE} {LINE}",
        f"{LINE}\r{LINE}\r",
        f"{LINE}\n{LINE}\n".encode("utf-16"),
    ],
)
def test_what_needs_no_guess_is_repaired(content: str | bytes, tmp_path: Path) -> None:
    assert fixed(tmp_path, content) == f"{LINE}\n{LINE}\n"


def test_values_stay_as_they_were_typed(tmp_path: Path) -> None:
    typed = '[{"a":  1.10,\n "b": "x  \\n y", "c": 1e400,}]'

    assert fixed(tmp_path, typed) == '{"a": 1.10, "b": "x  \\n y", "c": 1e400 }\n'


def test_a_line_that_cannot_be_repaired_stays(tmp_path: Path) -> None:
    assert fixed(tmp_path, f'\ufeff{LINE}\n{{"messages": [\n\n"x"\n') == f'{LINE}\n{{"messages": [\n"x"\n'


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (f'{LINE}\n{{"a": "\u00e9"}}\n'.encode("latin-1"), 2, "byte 0xe9 is not UTF-8, at column 8"),
        (b"[[1]]", 1, "the JSON array holds nothing but another array"),
        (f"[{LINE},\n{LINE[:9]}".encode(), 2, "this is not JSON: unterminated string starting at column 2"),
    ],
)
def test_a_repair_that_would_lose_something_is_refused(content: bytes, line: int, what: str, tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        fixed(tmp_path, content)

    (fault,) = caught.value.faults
    assert (fault.line, fault.what) == (line, f"{what}; a repair would lose what could not be read here")
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    source.write_text(f"{LINE}\n\n")

    with pytest.raises(EvalError, match="is there already"):
        fix(source, source)

    assert source.read_text() == f"{LINE}\n\n"


@settings(deadline=None)
@given(st.text('{}[]",:\n \\ax\r0\ufeff', max_size=60) | st.lists(st.sampled_from([LINE, ",", "\n", "[", "]", " "])))
def test_repairing_again_changes_nothing(tmp_path_factory: pytest.TempPathFactory, content: str | list[str]) -> None:
    folder = tmp_path_factory.mktemp("fix")
    try:
        once = fixed(folder, content if isinstance(content, str) else "".join(content))
    except Faults:
        return

    assert fixed(folder, once) == once
    assert check(folder / "train.jsonl").repairs == {}


def test_the_new_file_stands_beside_the_old_one() -> None:
    assert beside(Path("data/train.json"), "fixed") == Path("data/train.fixed.jsonl")


# --- converting -------------------------------------------------------------------------------------------------------


def test_a_file_becomes_another_dialect(tmp_path: Path) -> None:
    source, output = tmp_path / "alpaca.json", tmp_path / "train.jsonl"
    source.write_text('[{"instruction": "Which way?", "input": "", "output": "North – always.", "id": 7}]')

    assert convert(source, "openai", output) == 1

    line = {"messages": [said("user", "Which way?"), said("assistant", "North – always.")]}
    assert output.read_text("utf-8") == text(line)


def test_pairs_go_to_trl_and_back(tmp_path: Path) -> None:
    source, there, back = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    source.write_text(text(pair(1), pair(2)))

    convert(source, "trl", there)
    convert(there, "dpo", back)

    lines = [json.loads(line) for line in there.read_text().splitlines()]
    assert [line.keys() for line in lines] == [{"prompt", "chosen", "rejected"}] * 2
    assert back.read_text() == source.read_text()


def test_every_line_that_cannot_be_converted_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    source, output = tmp_path / "train.jsonl", tmp_path / "new.jsonl"
    source.write_text(text(chat(1), chat(2, tools=[]), chat(3)) + "x\n")

    with pytest.raises(Faults) as caught:
        convert(source, "sharegpt", output, "train.jsonl")

    assert str(caught.value) == (
        "train.jsonl:2: this cannot be written as ShareGPT: it has 'tools', which ShareGPT cannot hold\n"
        "train.jsonl:4: this cannot be written as ShareGPT: this is not JSON: expecting value at column 1"
    )
    assert not output.exists()
