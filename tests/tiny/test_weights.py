"""Weights as files: what they keep, and what is said of one that is damaged."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from evalharness.errors import Faults, StoreError
from evalharness.tiny import weights as files
from evalharness.tiny.network import Weights
from evalharness.tiny.weights import BASE, LEFT, MAGIC, RIGHT, base, load, read, whole
from tests.tiny.small import WORDS, lively, model


def fault(data: bytes) -> str:
    with pytest.raises(Faults) as caught:
        read(data, "mine.tiny")
    return str(caught.value)


def changed(data: bytes, **entries: object) -> bytes:
    """A file with other entries in its head."""
    line, _, body = data[len(MAGIC) :].partition(b"\n")
    return MAGIC + json.dumps(json.loads(line) | entries).encode() + b"\n" + body


SMALL = model()
DATA = whole(SMALL.shape, SMALL.weights, WORDS.words, {"seed": 3})


def test_the_file_in_the_package_is_small_enough_to_ship() -> None:
    assert BASE.stat().st_size <= 1_500_000
    assert 900_000 <= sum(table.size for table in base().weights.values()) <= 1_300_000


def test_a_whole_network_comes_back_with_its_vocabulary_and_its_digest() -> None:
    found = read(DATA, "small.tiny")

    assert found.shape == SMALL.shape
    assert found.tokenizer == WORDS
    assert found.digest == files.digest(DATA)
    assert found.about == {"seed": 3}


def test_a_row_is_kept_to_half_a_step_of_its_own_scale() -> None:
    before = lively(SMALL.shape, 5)

    after = read(whole(SMALL.shape, before, WORDS.words, {}), "small.tiny").weights

    for name, table in before.items():
        steps = np.abs(table).max(-1, keepdims=True) / 127 if table.ndim > 1 else np.zeros(1)
        assert (np.abs(after[name] - table) <= steps / 2 + 1e-6).all(), name


def test_weights_that_were_read_are_written_as_the_same_bytes() -> None:
    assert whole(SMALL.shape, read(DATA, "a").weights, WORDS.words, {"seed": 3}) == DATA


def test_what_a_tune_moved_is_added_to_the_base() -> None:
    start = base()
    rng = np.random.default_rng(0)
    moved: Weights = {name: table + rng.normal(0, 0.01, table.shape) for name, table in start.weights.items()}

    found = read(files.moved(start, moved, {}), "mine.tiny")

    assert (found.base, found.tokenizer) == (start.digest, start.tokenizer)
    for name, table in moved.items():
        assert np.abs(found.weights[name] - table).max() < 0.0005, name


def test_thin_tables_are_multiplied_and_added_to_the_table_they_move() -> None:
    start = base()
    left, right = np.zeros((512, 2), np.float32), np.ones((2, 128), np.float32)
    left[7] = (1.5, 1.5)

    found = read(files.low_rank(start, {f"1.up{LEFT}": left, f"1.up{RIGHT}": right}, {}), "mine.tiny")

    assert found.weights["1.up"][7] - start.weights["1.up"][7] == pytest.approx(np.full(128, 3.0), abs=1e-4)
    assert (found.weights["1.up"][8] == start.weights["1.up"][8]).all()
    assert (found.weights["0.up"] == start.weights["0.up"]).all()


HINT = "\n  hint: a tune of tiny:base writes such files"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it begins with something else"),
        (pickle.dumps({"weights": 1}), "it begins with something else"),
        (MAGIC + b"{]", "its second line is no JSON"),
        (MAGIC + b"[" * 100_000, "its second line is no JSON"),
        (MAGIC + b"[]\n", "its second line is no object"),
        (DATA[:-1], "its numbers are not those that were written; it was cut short or changed"),
        (DATA[:-1] + b"\x7e", "its numbers are not those that were written; it was cut short or changed"),
        (changed(DATA, kind="code"), "its kind is 'code'"),
        (changed(DATA, shape=None), "it has no shape"),
        (changed(DATA, tables={"embed": [281, 10**9]}), "a table of the size [281, 1000000000]"),
        (changed(DATA, tables={"embed": [281, 16]}), "it holds 13236 bytes of numbers, its tables need 5620"),
        (changed(DATA, words="one"), "its vocabulary has another size than its tables"),
    ],
)
def test_a_file_that_is_no_weights_is_told_in_one_line(data: bytes, what: str) -> None:
    assert fault(data) == f"mine.tiny: not the weights of a tiny model: {what}{HINT}"


def test_a_tune_of_another_base_is_told_as_such() -> None:
    found = fault(files.moved(SMALL, SMALL.weights, {}))

    assert found == (
        "mine.tiny: tuned from another base than the one in this version of evalharness\n"
        "  hint: tune again, or use the version it was tuned with"
    )


def test_a_table_that_moves_none_of_the_base_is_refused() -> None:
    data = files.low_rank(base(), {f"9.up{LEFT}": np.ones((2, 1)), f"9.up{RIGHT}": np.ones((1, 2))}, {})

    assert "its table '9.up' moves none of the base's" in fault(data)


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        load(tmp_path / "gone.tiny", "gone.tiny")

    assert str(caught.value) == "gone.tiny: there is no such file"


def test_saved_weights_are_whole_at_their_place_and_replace_what_was_there(tmp_path: Path) -> None:
    path = files.place(tmp_path, "marv")

    files.save(path, b"before")
    files.save(path, DATA)

    assert path.relative_to(tmp_path).as_posix() == ".evalharness/tiny/marv.tiny"
    assert [found.name for found in path.parent.iterdir()] == ["marv.tiny"]
    assert load(path).digest == files.digest(DATA)


def test_weights_that_cannot_be_written_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=f"^{tmp_path}/file: File exists\n  hint: "):
        files.save(tmp_path / "file/marv.tiny", DATA)
