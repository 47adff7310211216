"""`voice`, typed as a user would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.voices import learnt
from tests.shells.cli import evalharness

CALM = "".join(f"It is so, as {word} said.\n" for word in ("Anna", "Bert", "Carl", "Dora", "Emil"))
LOUD = "".join(f"{word}! Really! You did!\n" for word in ("Hey", "Oh", "No", "Well", "Yes"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calm.txt").write_text(CALM)
    (tmp_path / "loud.txt").write_text(LOUD)
    return tmp_path


def test_a_voice_is_printed_feature_by_feature(folder: Path) -> None:
    done = evalharness("voice", "calm.txt", cwd=folder)

    lines = done.out.splitlines()
    assert (done.status, lines[0]) == (0, "calm.txt: the voice of 5 replies")
    # Six words in each; 2 is the smallest deviation of a length in words.
    assert "  words               6.0 ± 2.0     words" in lines
    assert lines[-1].startswith("each reply from all the others, mean |z|: half of them at most 0.00")


def test_another_voice_is_told_by_what_is_farthest(folder: Path) -> None:
    done = evalharness("voice", "calm.txt", "loud.txt", cwd=folder)

    *_, head, first = done.out.partition("\n\n")[2].splitlines()[:2]
    assert head.startswith("loud.txt: the voice of 5 replies, its mean ")
    # 3 marks in 4 words are 75 per 100, and 1 is the smallest deviation of a rate.
    assert first == "  +75.00 sd  exclamation marks 75.0 per 100 words (usually next to none)"


def test_a_kept_voice_is_the_same_voice(folder: Path) -> None:
    done = evalharness("voice", "calm.txt", "-o", "kept.json", "--json", cwd=folder)

    assert done.status == 0
    assert learnt(folder / "kept.json") == learnt(folder / "calm.txt")
    assert done.json["profile"] == json.loads((folder / "kept.json").read_text())
    assert "Anna" not in (folder / "kept.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["few.txt"], "few.txt: 1 reply makes no voice, it takes 5 at least\n  hint: twenty or more make one"),
        (["gone.txt"], "gone.txt: there is no such file"),
        (
            ["calm.txt", "-o", "kept.txt"],
            "-o kept.txt: a voice is kept as JSON\n  hint: name a file that ends in .json",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_line(arguments: list[str], told: str, folder: Path) -> None:
    (folder / "few.txt").write_text("One.\n")

    done = evalharness("voice", *arguments, cwd=folder)

    assert (done.status, done.out) == (2, "")
    assert told in done.err
