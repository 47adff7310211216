"""A judge in the box, learnt from labelled replies."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.config import Arm
from evalharness.errors import Faults
from evalharness.flow import drive
from evalharness.judging import Ballot, put
from evalharness.models.base import open_model
from evalharness.models.classifier import Learnt
from evalharness.records import Grade, Message, ModelRef, Request
from evalharness.scorers.judge import Judge
from scripts.make_voice import RUBRIC, measured
from tests.scorers.replies import said

ROOT = Path(__file__).parents[2]
QUESTION = "The reply is sarcastic."
EXAMPLES = [("oh joy", True)] * 9 + [("oh", True)] + [("it is", False)] * 10


def planted(where: Path, rows: Sequence[object]) -> Arm:
    (where / "voice.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Arm(ModelRef("judge", "classifier:voice.jsonl"), folder=where)


def rows() -> list[object]:
    return [{"question": QUESTION}, *({"text": t, "label": "yes" if yes else "no"} for t, yes in EXAMPLES)]


def judged(where: Path, reply: str, rubric: str = QUESTION) -> Grade:
    model = open_model(planted(where, rows()))
    return drive(Judge((rubric,)).grade(said(reply)), lambda request: model.read(model.known(request) or ""))


def test_a_piece_weighs_by_the_replies_of_each_label_that_hold_it() -> None:
    # By hand: of 10 replies of `yes` all hold "oh" and 9 "joy", of 10 of `no` none; each with one more and two in all.
    learnt = Learnt.of(EXAMPLES)

    assert learnt.weights["oh"] == pytest.approx(math.log((11 / 12) / (1 / 12)))
    assert learnt.weights["oh joy"] == pytest.approx(math.log((10 / 12) / (1 / 12)))
    assert learnt.weigh("nothing known")[0] == learnt.prior == 0.0


def test_it_says_yes_and_no_with_the_words_that_tell(tmp_path: Path) -> None:
    assert judged(tmp_path, "Oh joy!") == Grade(
        1.0, "yes: odds of more than 1,000 to 1 by its words, most by 'oh', 'joy', 'oh joy'"
    )
    assert judged(tmp_path, "It is Paris.").value == 0.0


@pytest.mark.parametrize(
    "rubric",
    ["The reply is polite.", f"It is false: {QUESTION}", f"{QUESTION} Or it is polite.", f"{QUESTION}\n\nNot so."],
)
def test_it_gives_no_verdict_on_any_other_question(tmp_path: Path, rubric: str) -> None:
    assert judged(tmp_path, "Oh joy!", rubric) == Grade(None, "judge error: no verdict with the mark came")


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_what_was_put_to_a_judge_can_be_read_back(question: str, before: str, reply: str) -> None:
    ballot = Ballot(question, (("What was asked", before), ("The reply", reply)), ("yes", "no"))

    found = put(ballot.messages())

    assert found is not None
    assert (found.mark, found.question, found.material, found.labels) == (
        ballot.mark,
        question,
        ballot.material,
        ballot.labels,
    )


def test_a_question_that_is_not_a_judges_has_no_verdict(tmp_path: Path) -> None:
    model = open_model(planted(tmp_path, rows()))
    request = Request(model.ref, (Message("user", "What is the capital of France?"),))

    assert model.known(request) == "This classifier judges replies, and this is no question of a judge."
    assert put(()) is None


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ([], "voice.jsonl: 0 examples of 'yes', 10 are the fewest to learn from"),
        ([{"text": "x", "label": "yes"}], "voice.jsonl:1: the first row has no 'question'"),
        ([{"question": "q"}, {"text": "x", "label": "maybe"}], "voice.jsonl:2: this row is no example"),
        (
            [{"question": "q"}, *({"text": "x", "label": "no"} for _ in range(10))],
            "voice.jsonl: 0 examples of 'yes', 10 are the fewest to learn from",
        ),
    ],
)
def test_a_file_that_teaches_nothing_is_a_fault(made: Sequence[object], told: str, tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        open_model(planted(tmp_path, made))

    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Faults, match=r"voice\.jsonl"):
        open_model(Arm(ModelRef("judge", "classifier:voice.jsonl"), folder=tmp_path))


def test_other_examples_make_another_judge(tmp_path: Path) -> None:
    one = open_model(planted(tmp_path, rows())).ref.digest
    other = open_model(planted(tmp_path, [*rows(), {"text": "x", "label": "no"}])).ref.digest

    assert one != other


def test_the_judge_of_marvs_voice_is_as_good_as_the_page_says() -> None:
    counts = sum(measured().values(), Counter[tuple[bool, bool]]())
    yes, false_yes, no = counts[True, True], counts[False, True], counts[False, False]

    total = counts.total()
    agreed = (yes + no) / total
    chance = (
        (yes + counts[True, False]) * (yes + false_yes) + (false_yes + no) * (counts[True, False] + no)
    ) / total**2
    assert (total, yes, counts[True, False], false_yes, no) == (993, 525, 0, 42, 426)
    assert (agreed - chance) / (1 - chance) == pytest.approx(0.915, abs=0.001)
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    assert "On 993 recorded replies to other questions it agrees with a rule" in page


def test_what_it_learnt_marvs_voice_from_is_the_training_file_and_as_many_plain_replies() -> None:
    rows = [
        json.loads(line) for line in (ROOT / "suites" / "data" / "marv-voice.jsonl").read_text("utf-8").splitlines()
    ]
    trained = (ROOT / "suites" / "data" / "marv-train.jsonl").read_text("utf-8").splitlines()

    assert rows[0] == {"question": RUBRIC}
    assert [row["text"] for row in rows if row.get("label") == "yes"] == [
        json.loads(line)["messages"][-1]["content"] for line in trained
    ]
    assert sum(row.get("label") == "no" for row in rows) == len(trained)
