"""What docs/tiny.md shows runs as shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.shells.cli import ROOT

PAGE = (ROOT / "docs/tiny.md").read_text("utf-8")


def test_the_tune_of_the_page_runs_and_leaves_a_file_an_epoch(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    short = code.replace("Plan(epochs=10)", "Plan(epochs=2)").replace("in lines]", "in lines[:8]]")
    (tmp_path / "suites").symlink_to(ROOT / "suites")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", short], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert short != code
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [f"step {n}" for n in range(1, 5)]
    assert sorted(path.name for path in tmp_path.glob("*.tiny")) == ["epoch-1.tiny", "epoch-2.tiny"]
