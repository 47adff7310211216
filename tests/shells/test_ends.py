"""Checks that ask for vectors and likelihoods, from the suite to the verdict, at a server on this machine."""

from __future__ import annotations

from pathlib import Path

from evalharness import store
from evalharness.serving.app import Server, Settings
from evalharness.serving.tiny import Tiny
from tests.shells.cli import evalharness

SUITE = """
suite: knows
params: {temperature: 0, max_tokens: 20}
cases:
  - ask: What is the capital of France?
    expect:
      facts: {likelihood: [The capital of France is Paris., Paris]}
      style: {similar: The capital of France is Paris., by: near}
"""

CONFIG = """
[models.base]
use = "openai:tiny"
base_url = "{url}"
[models.near]
use = "openai:tiny"
base_url = "{url}"
params = {{ temperature = 0 }}
"""


def test_a_reply_is_asked_for_then_its_vector_and_how_likely_the_answer_is(tmp_path: Path) -> None:
    (tmp_path / "knows.yaml").write_text(SUITE)
    with Server(Tiny.loaded(), Settings(tmp_path / "server")) as server:
        (tmp_path / "evalharness.toml").write_text(CONFIG.format(url=server.url))
        first, again = (evalharness("run", "knows.yaml", "--model", "base", cwd=tmp_path) for _ in range(2))

    run = store.read(tmp_path / ".evalharness/runs/knows/base.jsonl")
    likely, near = run.trials[0].scores

    assert (first.status, first.err) == (0, "")
    # a reply and two answers weighed; both texts of the vectors are the same, so one is asked for
    assert "requests sent: 3, answers known before: 0" in first.out
    assert "requests sent: 0, answers known before: 3" in again.out
    assert likely.grade.value is not None
    assert 0.99 < likely.grade.value < 1
    assert "over 7 tokens) for 'The capital of France is Paris.'" in likely.grade.why
    assert near.grade.value == 1.0
    assert (likely.judges, near.judges) == ((), ("near",))
