"""What every test runs under, and a fixture of those that run pytest within pytest."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from evalharness.models.base import MODELS
from evalharness.reports.base import REPORTS
from evalharness.scorers.base import SCORERS
from evalharness.tiny.alone import load_numpy

# A suite's `python` is the running one, as in an activated environment: what else bears that name may be a script that
# looks for a Python, and takes ten times as long to start.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

# A law is tried on a quarter of the usual examples by day, and on all by night: `pytest --hypothesis-profile=night`.
# No deadlines: the first example pays for loading numpy and scipy.
settings.register_profile("day", max_examples=25, deadline=None)
settings.register_profile("night", max_examples=100, deadline=None)
settings.load_profile("day")

# Before any test file imports it: with a worker a core, a second thread in each only waits.
load_numpy()

PRELOADED = [
    *("numpy", "scipy.special", "pydantic", "yaml", "diskcache", "openai", "aiohttp", "asyncio", "jinja2", "regex"),
    *("evalharness.harness", "evalharness.accepting", "evalharness.reports.terminal", "evalharness.snapshots"),
    *(f"evalharness.pytest_plugin.{name}" for name in ("collecting", "evaluation", "sharing", "telling", "writing")),
]
"""What a session in this process must find loaded: pytester forgets what was first loaded within one."""


@pytest.fixture(scope="session")
def loaded() -> None:
    """Loads it, before `pytester` notes what is loaded."""
    for name in PRELOADED:
        importlib.import_module(name)
    for members in (MODELS, REPORTS, SCORERS):
        list(members.items())
