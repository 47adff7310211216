"""Programs as models: what they are told, what they may print, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.config import Arm, load
from evalharness.engine import Limits, run
from evalharness.errors import Faults, ModelFailed
from evalharness.flow import ask_all
from evalharness.models.base import LARGEST, open_model
from evalharness.models.command import Command
from evalharness.records import Message, ModelRef, Origin, Request, Response, Usage


def program(folder: Path, source: str, arguments: str = "", seconds: float = 20.0) -> Command:
    """The model behind a Python program that lies in the folder."""
    (folder / "answer.py").write_text(source)
    return command(folder, f"{sys.executable} answer.py {arguments}", seconds)


def command(folder: Path, line: str, seconds: float = 20.0) -> Command:
    model = open_model(Arm(ModelRef("mine", f"command:{line}"), folder=folder, seconds=seconds, place="models.mine"))
    assert isinstance(model, Command)
    return model


def question(model: Command) -> Request:
    said = (Message("system", "Be brief."), Message("user", "Capital of France? é\ud800"))
    return Request(model.ref, said, {"temperature": 0}, sample=2, origin=Origin("france", 1))


def printed(model: Command) -> str:
    return asyncio.run(model.fetch(question(model)))


def failure(model: Command) -> ModelFailed:
    with pytest.raises(ModelFailed) as failed:
        printed(model)
    return failed.value


def test_a_program_is_told_all_of_the_question(tmp_path: Path) -> None:
    text = printed(program(tmp_path, "import sys; print(sys.stdin.read(), end='')"))

    assert json.loads(text) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Capital of France? é\ud800"},
        ],
        "params": {"temperature": 0},
        "sample": 2,
        "case": "france",
        "turn": 1,
    }


def test_a_program_that_does_not_end_in_time_is_started_once_a_question(tmp_path: Path) -> None:
    arm = Arm(ModelRef("slow", "command:sleep 100"), folder=tmp_path, seconds=0.2, at_once=3)
    flows = (ask_all(Request(arm.ref, (Message("user", text),))) for text in "abc")

    took = run(flows, {"slow": Command(arm)}, cache=None, limits=Limits(), finished=lambda place, answers: None)

    assert (took["slow"].sent, took["slow"].failed) == (3, 3)


def test_it_runs_in_the_configs_folder_with_the_environment_and_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARV", "weary")
    source = "import os, sys; print(os.getcwd(), os.environ['MARV'], sys.argv[1:])"

    text = printed(program(tmp_path, source, "'two words' $HOME ; echo"))

    assert text == f"{tmp_path.resolve()} weary ['two words', '$HOME', ';', 'echo']\n"


def test_a_program_that_reads_nothing_may_answer(tmp_path: Path) -> None:
    model = program(tmp_path, "print('Paris.')")
    long = Request(model.ref, (Message("user", "x" * 2**20),))

    assert asyncio.run(model.fetch(long)) == "Paris.\n"


# --- what it may print ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("Paris.\n", Response("Paris.")),
        ("Paris.\r\n", Response("Paris.")),
        ("Paris.\n\n", Response("Paris.\n")),
        (" Paris.", Response(" Paris.")),
        ("", Response("", "empty")),
        ("\n", Response("", "empty")),
        ('{"text": "Paris."}\n', Response("Paris.")),
        ('{"text": ""}', Response("", "empty")),
        ('{"text": "Par", "outcome": "truncated"}', Response("Par", "truncated")),
        ('{"text": "Paris.", "usage": {"tokens_in": 5, "tokens_out": 2}}', Response("Paris.", usage=Usage(5, 2))),
        ('{"text": "Paris.", "usage": null}', Response("Paris.")),
        ('{"vendor": "ACME"}\n', Response('{"vendor": "ACME"}')),
        ('{"text": "a", "total": 5}', Response('{"text": "a", "total": 5}')),
        ('{"text": 5}', Response('{"text": 5}')),
        ('{"text": "a"} {"text": "b"}', Response('{"text": "a"} {"text": "b"}')),
        ("{" * 100_000, Response("{" * 100_000)),
    ],
)
def test_a_reply_is_plain_text_or_an_object_with_a_text(tmp_path: Path, text: str, response: Response) -> None:
    assert command(tmp_path, "true").read(text) == response


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"text": "a", "outcome": "great"}',
            "the outcome 'great' is none of answered, truncated, refused, filtered, empty, tool_call",
        ),
        ('{"text": "a", "usage": 5}', 'the usage 5 is not {"tokens_in": N, "tokens_out": N}'),
        (
            '{"text": "a", "usage": {"tokens_in": -1}}',
            'the usage {\'tokens_in\': -1} is not {"tokens_in": N, "tokens_out": N}',
        ),
    ],
)
def test_an_object_that_misuses_its_fields_is_no_reply(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ModelFailed) as failed:
        command(tmp_path, "true").read(text)

    assert (failed.value.kind, str(failed.value)) == ("invalid", told)


@given(st.text())
def test_any_text_is_a_reply_or_a_failure(text: str) -> None:
    model = command(Path(), "true")
    try:
        outcome: Response | ModelFailed = model.read(text)
    except ModelFailed as failed:
        outcome = failed

    assert isinstance(outcome, Response) or outcome.kind == "invalid"


# --- how it may end ---------------------------------------------------------------------------------------------------


def test_a_program_that_gives_up_is_told_by_the_last_line_of_its_error_output(tmp_path: Path) -> None:
    source = (
        "import sys; print('half'); sys.stderr.write('noise\\n' * 100_000 + 'no weights \\x1b[2J\\n\\n'); sys.exit(3)"
    )

    failed = failure(program(tmp_path, source))

    assert (failed.kind, failed.again, failed.stops) == ("server", False, "")
    assert str(failed) == f"'{sys.executable}' ended with status 3: no weights \\x1b[2J"


def test_a_program_that_prints_no_text_is_no_reply(tmp_path: Path) -> None:
    failed = failure(program(tmp_path, "import sys; sys.stdout.buffer.write(b'\\xff')"))

    assert failed.kind == "invalid"
    assert str(failed).endswith("printed what is not UTF-8: invalid start byte at byte 0")


def test_a_program_that_prints_without_end_is_stopped(tmp_path: Path) -> None:
    failed = failure(program(tmp_path, "while True: print('x' * 100_000)"))

    assert failed.kind == "invalid"
    assert str(failed).endswith("printed more than 16 MiB")


def test_a_reply_at_the_limit_is_taken(tmp_path: Path) -> None:
    assert len(printed(program(tmp_path, f"print('x' * {LARGEST}, end='')"))) == LARGEST


SLEEPS = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pid").write_text(str(child.pid))
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(600)", "print('Paris.')"], ids=["both sleep", "a child holds the output"])
def test_a_program_past_its_deadline_is_ended_with_all_it_has_started(tmp_path: Path, then: str) -> None:
    began = time.monotonic()

    failed = failure(program(tmp_path, SLEEPS.format(then=then), seconds=1.0))

    assert (failed.kind, failed.again) == ("timeout", False)
    assert str(failed) == f"'{sys.executable}' did not end within 1 s and was stopped"
    assert time.monotonic() - began < 10
    assert _ended(int((tmp_path / "pid").read_text()))


def test_a_call_that_is_given_up_ends_its_program(tmp_path: Path) -> None:
    async def give_up(model: Command) -> None:
        call = asyncio.create_task(model.fetch(question(model)))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(give_up(program(tmp_path, SLEEPS.format(then="time.sleep(600)"))))

    assert _ended(int((tmp_path / "pid").read_text()))


def test_what_variables_hold_as_secrets_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-0123456789")
    echo = "import os, sys; print('the key is', os.environ['SOME_API_KEY']{}); sys.exit({})"

    said = printed(program(tmp_path, echo.format("", 0)))
    failed = failure(program(tmp_path, echo.format(", file=sys.stderr", 1)))

    assert said == "the key is [key]\n"
    assert str(failed).endswith("ended with status 1: the key is [key]")


# --- what is known before anything is asked ---------------------------------------------------------------------------


def test_a_program_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    model = command(tmp_path, "./no-such-program --fast")

    assert [str(fault) for fault in model.faults([question(model)])] == [
        "models.mine: there is no program './no-such-program'\n"
        "  hint: it is looked for on the PATH, or, with a slash in its name, from the folder of the config"
    ]
    assert failure(model).stops == "model"


EMPTY = "models.mine: the command is empty, or holds a NUL character\n  hint: for example command:python answer.py"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("python 'answer.py", "models.mine: the command cannot be split into words: no closing quotation"),
        (" ", EMPTY),
        ("echo \0", EMPTY),
    ],
)
def test_a_command_that_is_no_command_is_a_fault(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(Faults) as caught:
        command(tmp_path, line)

    assert str(caught.value) == told


def test_a_program_of_the_folder_runs_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_text("#!/bin/sh\necho Paris.\n")
    path.chmod(0o755)
    model = command(tmp_path, "./answer")

    assert model.faults([question(model)]) == ()
    assert printed(model) == "Paris.\n"


def test_python_is_the_running_one_where_the_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "answer.py").write_text("import sys; print(sys.executable)")
    model = command(tmp_path, "python answer.py")

    assert model.faults([question(model)]) == ()
    assert printed(model) == f"{sys.executable}\n"


def test_an_edited_program_is_another_model(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text("{}")
    before = program(tmp_path, "print(1)", "facts.json").ref
    again = program(tmp_path, "print(1)", "facts.json").ref
    (tmp_path / "facts.json").write_text("[]")
    other = program(tmp_path, "print(1)", "facts.json").ref

    assert before == again
    assert len({before.digest, other.digest, program(tmp_path, "print(2)", "facts.json").ref.digest}) == 3
    assert command(tmp_path, "echo Paris.").ref.digest == ""


def test_files_outside_the_folder_are_not_part_of_the_digest(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.txt").write_text("x")

    assert command(tmp_path / "inside", "cat ../outside.txt").ref.digest == ""


def test_programs_run_one_a_processor_unless_the_arm_says_otherwise(tmp_path: Path) -> None:
    arm = Arm(ModelRef("mine", "command:true"), at_once=3, folder=tmp_path)

    assert open_model(arm).at_once == 3
    assert command(tmp_path, "true").at_once == min(8, os.cpu_count() or 1)


def test_the_example_in_the_docs_answers(tmp_path: Path) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    source = docs.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "answer.py").write_text(source)
    (tmp_path / "evalharness.toml").write_text(docs[docs.index("[models.mine]") :].partition("```")[0])

    model = open_model(load(tmp_path).arm("mine"))
    text = asyncio.run(model.fetch(Request(model.ref, (Message("user", "Capital of France?"),))))

    assert model.read(text) == Response("Paris, obviously.")


def _ended(pid: int) -> bool:
    """Whether a process is gone, or only waits to be reaped; within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        os.sched_yield()
    return False
