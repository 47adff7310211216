from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.records import Grade
from evalharness.scorers.voice import Voice
from evalharness.stylometry.features import FEATURES, PLACE, features
from evalharness.stylometry.profile import Profile
from evalharness.voices import learnt, of
from tests.scorers.replies import said, survives
from tests.written import faults, suite

GRUFF = (
    "Oh, Paris. Did the map not load again?",
    "Seven days in a week. I counted twice, just for you.",
    "Shakespeare, as if nobody ever mentioned him at school.",
    "About 384,000 kilometres. Take a sandwich for the way.",
    "Water boils at 100 degrees. Even my kettle knows that.",
    "Oxygen. You are breathing it, with some luck.",
)
VOICE = of(GRUFF)


def beside(reply: str, typical: float, edge: float, **off: float) -> Voice:
    """A voice whose mean is this reply itself, but for features that its own are so many deviations above."""
    means = list(features(reply))
    for name, z in off.items():
        means[PLACE[name]] -= z
    own = (typical,) * 95 + (edge,) * 6
    return Voice(Profile(100, tuple(means), (1.0,) * len(FEATURES), own, typical))


def test_a_reply_as_near_as_the_typical_example_has_the_whole_grade() -> None:
    assert beside("Oh, Paris.", 0.5, 1.0).grade(said("Oh, Paris.")) == Grade(
        1.0, "distance 0.00, of examples 0.50, at most 1.00 of 19 in 20"
    )


@pytest.mark.parametrize(("z", "value"), [(9.0, 1.0), (18.0, 0.5), (27.0, 0.25), (36.0, 0.125)])
def test_the_grade_is_a_half_at_the_edge_and_halves_with_each_step(z: float, value: float) -> None:
    # One of 18 features is off, so 9 deviations make a distance of 0.5, which is typical here, and 18 of 1, the edge.
    assert beside("A long, long reply.", 0.5, 1.0, words=z).grade(said("A long, long reply.")).value == value


def test_the_reason_names_what_is_off_the_farthest_first() -> None:
    found = beside("One two! Three four!", 0.5, 1.0, exclamations=25.0, words=2.5).grade(said("One two! Three four!"))

    # 2 in 4 words are 50 per 100 where 25 are usual, and 4 words stand where 1.5 are.
    assert found.why.partition(": ")[2] == "exclamation marks x2, replies 167 % longer"


def test_another_manner_is_graded_down() -> None:
    loud = "Great question!! I'd be absolutely thrilled to help you out with that today! \U0001f389\U0001f389"

    assert Voice(VOICE).grade(said("Mercury, of course. It has been there for ages.")).value == 1
    assert (Voice(VOICE).grade(said(loud)).value or 0) < 0.1


def test_a_reply_without_a_word_has_no_voice() -> None:
    assert Voice(VOICE).grade(said("?!")) == Grade(0.0, "there is no word in it")


def test_the_figures_on_the_page_of_style_are_these() -> None:
    data = Path(__file__).parents[2] / "suites" / "data"
    voice = Voice(learnt(data / "marv-train.jsonl"))
    rows = [json.loads(line)["replies"] for line in (data / "marv-replies.jsonl").read_text("utf-8").splitlines()]

    passed = [sum((voice.grade(said(row[arm])).value or 0) >= 0.5 for row in rows) for arm in ("base", "good")]

    # docs/style.md: 73 % of the untuned model's replies, and 78 % of the good tune's.
    assert [round(100 * count / len(rows) + 1e-9) for count in passed] == [73, 78]


def test_nothing_makes_it_raise() -> None:
    survives(Voice(VOICE))


def test_a_suite_names_a_file_or_lists_replies(tmp_path: Path) -> None:
    text = (
        "suite: a\nevery: {style: {voice: voice.txt}}\ncases: [{ask: a?, expect: {style: {voice: [A b, C, D, E, F]}}}]"
    )

    (case,) = suite(tmp_path, text, {"voice.txt": "\n".join(GRUFF)}).cases

    assert [check.scorer for check in case.checks] == [Voice(VOICE), Voice(of(["A b", "C", "D", "E", "F"]))]


def test_the_hash_of_a_suite_covers_the_replies_of_the_file(tmp_path: Path) -> None:
    text = "suite: a\ncases: [{ask: a?, expect: {style: {voice: voice.txt}}}]"

    hashes = [suite(tmp_path, text, {"voice.txt": "\n".join([*GRUFF, more])}).hash for more in ("Yes.", "Yes!", "Yes.")]

    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("gone.txt", ["suite.yaml:3:31: 'gone.txt': there is no such file"]),
        ("../up.txt", ["suite.yaml:3:31: '../up.txt': this file lies outside the project"]),
        ("few.txt", ["suite.yaml:3:31: 'few.txt': 2 replies make no voice, it takes 5 at least"]),
        ("[a, b]", ["suite.yaml:3:31: 2 replies make no voice, it takes 5 at least"]),
        ("[a, b, c, d, '']", ["suite.yaml:3:44: a reply is empty"]),
        ("bad.jsonl", ["bad.jsonl:2: this row has no 'reply'"]),
        ("{a: b}", ["suite.yaml:3:31: a voice must be a text, this is a mapping"]),
    ],
)
def test_what_is_wrong_is_a_fault_of_the_suite(subject: str, told: list[str], tmp_path: Path) -> None:
    text = f"suite: a\ncases:\n  - {{ask: a?, expect: {{voice: {subject}}}}}\n"
    files = {"few.txt": "One.\nTwo.\n", "bad.jsonl": '{"reply": "a"}\n{"b": 1}\n'}

    assert faults(tmp_path, text, files) == told
