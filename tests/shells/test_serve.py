"""`serve` as somebody types it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.clients import client
from tests.shells.cli import ROOT, evalharness


def test_it_prints_what_to_type_elsewhere_serves_and_ends_in_good_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalharness.cli", "serve", "--port", "0", "--shutdown-date", "2031-01-14"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n") for _ in range(5)]
        url = lines[2].removeprefix("export OPENAI_BASE_URL=")
        with client(url) as api:
            answer = api.chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "What is the capital of France?"}], temperature=0
            )
            date = api.models.retrieve("tiny").shutdown_date
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)

    assert lines[0] == f"serving tiny at {url}; Ctrl-C ends it"
    assert lines[3] == "export OPENAI_API_KEY=local"
    assert shlex.split(lines[4])[:2] == ["curl", f"{url}/chat/completions"]
    assert "Paris" in (answer.choices[0].message.content or "")
    assert date == "2031-01-14"
    assert (process.returncode, told) == (0, "ended; what was uploaded and tuned is kept\n")
    assert (tmp_path / ".evalharness/server/files").is_dir()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--misbehave", "tea:1"], "'tea:1' is no trick"),
        (["--shutdown-date", "soon"], "--shutdown-date soon: not a date"),
        (["--port", "70000"], "70000 is not in the range"),
    ],
)
def test_options_that_make_no_sense_are_told(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = evalharness("serve", *arguments, cwd=tmp_path)

    assert done.status == 2
    assert said in done.err
