"""Fine-tuning, retrieval, or both: four arms on one suite."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.rows import read
from evalharness.tiny.tuning import Checkpoint, Example, tune
from evalharness.tiny.weights import base, place, save
from scripts import make_context
from tests.shells.cli import ROOT, Done, evalharness

PAGE = (ROOT / "docs/context.md").read_text("utf-8")
DATA = ROOT / "suites/data"
ARMS = ("base-reading", "tuned", "tuned-reading")
VERDICTS = [
    {"passages": "REGRESSED", "facts": "HELD"},
    {"passages": "REGRESSED", "facts": "HELD"},
    {"passages": "IMPROVED", "facts": "HELD"},
]


def verdicts(done: Done) -> list[dict[str, str]]:
    comparisons = json.loads(done.out)["comparisons"]
    return [{ruling["aspect"]: ruling["outcome"] for ruling in each["rulings"]} for each in comparisons]


def test_the_table_of_the_page_is_what_compare_prints() -> None:
    (block,) = re.findall(r"^```console\n\$ evalharness (.*?)\n(.*?)\.\.\.\n```$", PAGE, re.MULTILINE | re.DOTALL)

    done = evalharness(*block[0].split(), "--format", "terminal", cwd=ROOT)

    assert done.status == 1
    assert done.out.startswith(block[1])


def test_only_the_tune_with_passages_answers_from_them() -> None:
    words = [word for arm in ARMS for word in ("--tuned", f"context-{arm}")]

    done = evalharness("compare", "suites/context.yaml", "--base", "context-base", *words, "--json", cwd=ROOT)

    assert verdicts(done) == VERDICTS


@pytest.mark.nightly  # 20 seconds of training; the recorded replies stand for it by day
def test_the_real_arms_get_the_verdicts_of_the_recorded_ones(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    (config,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "evalharness.toml").write_text(config.replace("job:reader", "tiny:reader"))
    lines = (DATA / "context-train.jsonl").read_text("utf-8").splitlines()
    *_, last = tune(base(), [Example.of(json.loads(line)) for line in lines], make_context.PLAN)
    assert isinstance(last, Checkpoint)
    save(place(tmp_path, "reader"), last.data)

    words = [word for arm in ARMS for word in ("--tuned", arm)]
    done = evalharness("compare", "suites/context.yaml", "--base", "base", *words, "--json", cwd=tmp_path)

    assert verdicts(done) == VERDICTS


def test_the_files_are_what_the_script_makes_and_share_no_fact(tmp_path: Path) -> None:
    made = make_context.made()
    asked = [row.fields["ask"] for name in ("context.jsonl", "context-plain.jsonl") for row in read(DATA / name)]

    assert {name: (DATA / name).read_text("utf-8") for name in made} == made
    assert len(set(asked)) == len(asked) == make_context.READ + make_context.PLAIN
    assert not [ask for ask in asked if f"{json.dumps(ask)[1:-1]}" in made["context-train.jsonl"]]

    script = [sys.executable, str(ROOT / "scripts/make_context.py"), "--check", "--into", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    hint = "hint: python scripts/make_context.py"
    assert done.stderr == "".join(f"{tmp_path / name}: not what this script makes\n  {hint}\n" for name in made)


def test_a_passage_never_says_what_the_base_would_say_anyway() -> None:
    replies = {row.fields["id"]: row.fields["replies"] for row in read(DATA / "context-replies.jsonl")}

    for row in read(DATA / "context.jsonl"):
        said = replies[row.fields["id"]]
        assert isinstance(said, dict)
        assert not re.search(rf"\b{re.escape(str(row.fields['answer']))}\b", said["base"])
