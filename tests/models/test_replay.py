"""Recorded answers: what a recording says, and what is said of one that does not serve."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from evalharness.config import Arm, Config, load
from evalharness.errors import Faults, ModelFailed
from evalharness.models.base import Model, open_model
from evalharness.records import Message, ModelRef, Origin, Request, Response

GSM8K = Path("suites/data/gsm8k-solutions.jsonl")


def recording(folder: Path, rows: Iterable[object], name: str = "said.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def replay(folder: Path, target: str = "said.jsonl") -> Model:
    return open_model(Arm(ModelRef("old", f"replay:{target}"), folder=folder))


def question(case: str, sample: int = 0, turn: int = 1) -> Request:
    ref = ModelRef("old", "replay:said.jsonl")
    return Request(ref, (Message("user", "?"),), sample=sample, origin=Origin(case, turn))


def faults(folder: Path, target: str = "said.jsonl") -> str:
    with pytest.raises(Faults) as caught:
        replay(folder, target)
    return str(caught.value)


def test_a_row_answers_its_case_sample_and_turn(tmp_path: Path) -> None:
    recording(
        tmp_path,
        [
            {"case": "moon", "text": "384,400 km."},
            {"case": "moon", "sample": 1, "text": "Far."},
            {"case": "talk", "turn": 2, "text": "Forty-two."},
            {"case": "tour", "sample": 1, "texts": ["One.", "Two."]},
            {"case": 7, "text": "", "seconds": 0.5},
            {"case": "lost", "text": None},
        ],
    )
    model = replay(tmp_path)

    asked = [("moon", 0, 1), ("moon", 1, 1), ("talk", 0, 2), ("tour", 1, 1), ("tour", 1, 2), ("7", 0, 1)]
    missing = [("moon", 2, 1), ("moon", 0, 2), ("talk", 0, 1), ("tour", 0, 1), ("lost", 0, 1)]

    assert [model.known(question(*place)) for place in asked] == [
        "384,400 km.",
        "Far.",
        "Forty-two.",
        "One.",
        "Two.",
        "",
    ]
    assert [model.known(question(*place)) for place in missing] == [None] * 5


def test_a_path_takes_the_text_from_a_field_of_each_row(tmp_path: Path) -> None:
    recording(
        tmp_path,
        [
            {"id": "a", "outputs": {"gpt-4.1": "A.", "tries": ["A0.", None, "A2."]}},
            {"id": 8, "outputs": {"gpt-4.1": "B."}},
            {"id": "c", "outputs": None},
        ],
    )
    one, many = replay(tmp_path, "said.jsonl#outputs.gpt-4.1"), replay(tmp_path, "said.jsonl#outputs.tries")

    assert [one.known(question(case)) for case in ("a", "8", "c")] == ["A.", "B.", None]
    assert one.known(question("a", sample=1)) is None
    assert [many.known(question("a", sample)) for sample in range(4)] == ["A0.", None, "A2.", None]


def test_a_csv_recording_counts_in_texts(tmp_path: Path) -> None:
    (tmp_path / "said.csv").write_text("case,sample,text\nmoon,0,Far.\nmoon,1,Very far.\n")

    assert replay(tmp_path, "said.csv").known(question("moon", sample=1)) == "Very far."


def test_answers_are_read_as_they_were_recorded_and_not_cached(tmp_path: Path) -> None:
    recording(tmp_path, [{"case": "moon", "text": " 384,400 km\u2028\n"}, {"case": "mute", "text": " "}])
    model = replay(tmp_path)

    assert asyncio.run(model.fetch(question("moon"))) == " 384,400 km\u2028\n"
    assert model.read(" 384,400 km\u2028\n") == Response(" 384,400 km\u2028\n", "answered")
    assert model.read(" ").outcome == "empty"
    assert not model.keeps


def test_a_question_that_was_not_recorded_fails_and_is_not_asked_again(tmp_path: Path) -> None:
    recording(tmp_path, [{"case": "moon", "text": "Far."}])

    with pytest.raises(ModelFailed) as failed:
        asyncio.run(replay(tmp_path).fetch(question("sun", sample=1, turn=2)))

    assert (failed.value.kind, failed.value.again) == ("missing", False)
    assert str(failed.value) == "said.jsonl has no answer to case 'sun' sample 1 turn 2"


def test_the_digest_is_that_of_the_file_so_an_edited_recording_is_another_model(tmp_path: Path) -> None:
    path = recording(tmp_path, [{"case": "moon", "text": "Far."}])
    before = replay(tmp_path).ref
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    recording(tmp_path, [{"case": "moon", "text": "Near."}])

    assert before == ModelRef("old", "replay:said.jsonl", digest=digest)
    assert replay(tmp_path).ref.digest != digest


# --- recordings that do not serve -------------------------------------------------------------------------------------


def test_every_question_without_an_answer_is_counted_and_the_first_are_named(tmp_path: Path) -> None:
    recording(tmp_path, [{"case": "a", "text": "A."}, {"case": "b", "text": "B."}])
    asked = [question("a"), question("a", sample=1), *(question(f"c{n}") for n in range(6))]

    (fault,) = replay(tmp_path).faults(asked)

    assert str(fault) == (
        "said.jsonl: model 'old': no answer to 7 of 8 questions: "
        "case 'a' sample 1, case 'c0', case 'c1', case 'c2', case 'c3' and 2 more\n"
        "  hint: record them, ask for fewer samples, or leave the cases out with --case or --tag"
    )
    assert replay(tmp_path).faults([question("a"), question("b")]) == ()


def test_ids_that_never_match_are_told_with_one_that_is_recorded(tmp_path: Path) -> None:
    recording(tmp_path, [{"case": "gsm-0", "text": "A."}])

    (fault,) = replay(tmp_path).faults([question("gsm8k-0")])

    assert fault.hint == "it answers cases such as 'gsm-0'; a case's id must be the row's"


def test_a_file_that_is_not_there_is_a_fault_with_the_one_that_was_meant(tmp_path: Path) -> None:
    recording(tmp_path, [])

    assert faults(tmp_path, "saidd.jsonl") == ("saidd.jsonl: there is no such file\n  hint: did you mean 'said.jsonl'?")
    assert faults(tmp_path, ".") == ".: this is a folder, not a file"


def test_all_faults_of_a_recording_are_told_with_their_lines(tmp_path: Path) -> None:
    recording(
        tmp_path,
        [
            {"case": "a", "text": "A."},
            {"case": "a", "text": "B."},
            {"text": "no case"},
            {"case": "b", "text": 18},
            {"case": "c", "sample": -1, "text": ""},
            {"case": "d", "turn": 0, "text": ""},
            {"case": "e", "sample": True, "text": ""},
            {"case": "f"},
            {"case": "g", "texts": "x"},
        ],
    )
    with (tmp_path / "said.jsonl").open("a") as file:
        file.write("not JSON\n")

    told = faults(tmp_path).splitlines()

    assert told[:8] == [
        "said.jsonl:2: a second answer to case 'a', the first is on line 1",
        "said.jsonl:3: a recorded answer needs the case's id in 'case'",
        "said.jsonl:4: 'text' holds 18, a recorded answer is a text",
        "said.jsonl:5: 'sample' is a whole number from 0, got -1",
        "said.jsonl:6: 'turn' is a whole number from 1, got 0",
        "said.jsonl:7: 'sample' is a whole number from 0, got True",
        "said.jsonl:8: a recorded answer needs 'text', or 'texts' for a conversation",
        "said.jsonl:9: 'texts' is no list of texts",
    ]
    assert told[8].startswith("said.jsonl:10:")


def test_a_path_that_no_row_has_is_told_with_the_fields_there_are(tmp_path: Path) -> None:
    recording(tmp_path, [{"id": "a", "outputs": {"tuned": "A."}}])

    assert faults(tmp_path, "said.jsonl#outputs.tunde") == (
        "said.jsonl: no row has a text at 'outputs.tunde'\n  hint: did you mean 'tuned'?"
    )
    assert faults(tmp_path, "said.jsonl#output.tuned").endswith("hint: did you mean 'outputs'?")


def test_rows_with_an_id_and_no_case_hint_at_the_path(tmp_path: Path) -> None:
    recording(tmp_path, [{"id": "a", "outputs": "A."}] * 3)

    assert faults(tmp_path) == (
        "said.jsonl:1: a recorded answer needs the case's id in 'case'\n"
        "  hint: a recording beside other fields is named with the text's path: replay:said.jsonl#PATH"
    )


# --- the recordings of the project ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"])
def test_the_projects_arms_answer_every_gsm8k_problem(name: str) -> None:
    config = load(Path(__file__).parent)
    rows = [json.loads(line) for line in (config.folder / GSM8K).read_text(encoding="utf-8").split("\n") if line]

    model = open_model(config.arm(name))

    assert len(rows) == 660
    assert [model.known(question(row["id"])) for row in rows] == [row["outputs"][name] for row in rows]
    assert model.faults([question(row["id"]) for row in rows]) == ()


def test_an_inline_recording_lies_beside_the_config(tmp_path: Path) -> None:
    recording(tmp_path, [{"case": "moon", "text": "Far."}])

    model = open_model(Config(tmp_path).arm("replay:said.jsonl"))

    assert model.ref.name == "replay:said.jsonl"
    assert model.known(question("moon")) == "Far."


def test_a_recording_needs_no_event_loop_and_no_http() -> None:
    program = (
        "import sys; from evalharness.config import load; from evalharness.models.base import open_model;"
        "open_model(load().arm('6b_finetuning'));"
        "print(sorted({'asyncio', 'aiohttp', 'openai', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    folder = load(Path(__file__).parent).folder
    printed = subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True, text=True)

    assert printed.stdout == "[]\n"
