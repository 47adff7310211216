"""`samples: {min, max}`: one more sample of every case while the gate is open, each look at its share of alpha."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness import store
from tests.loopback import Loopback, completion
from tests.shells.cli import CONFIG, Done, evalharness, numbered, project
from tests.shells.test_stopping_early import delta

HEAD = "samples: {min: 1, max: 4}"


def recorded(where: Path, arm: str, samples: list[list[str]]) -> None:
    """A recording: for each case the texts of its samples."""
    rows = [
        json.dumps({"case": f"c{case}", "sample": place, "text": text})
        for case, texts in enumerate(samples)
        for place, text in enumerate(texts)
    ]
    (where / f"{arm}.jsonl").write_text("\n".join(rows) + "\n")


def compared(where: Path, *more: str) -> Done:
    return evalharness(
        *("compare", "made.yaml", "--base", "base", "--tuned", "tuned", "--format", "terminal", *more), cwd=where
    )


def right(case: int, sample: int) -> str:
    return f"it is n{case}, said {sample} times"


def samples_of(where: Path, arm: str) -> int:
    run = store.read(where / f".evalharness/runs/made/{arm}.jsonl")
    return len(run.trials) // len(run.cases)


def test_what_one_sample_decides_is_asked_once(tmp_path: Path) -> None:
    project(tmp_path, numbered(120, head=HEAD))
    for arm in ("base", "tuned"):
        recorded(tmp_path, arm, [[right(case, sample) for sample in range(4)] for case in range(120)])

    done = compared(tmp_path, "--json")

    # With alpha 0.05 / 4, z = 2.497705 and T without any difference is z^2 / (120 + z^2) = 0.049419.
    assert done.status == 0
    assert delta(done.json)["low"] == pytest.approx(-0.049419, abs=1e-6)
    assert samples_of(tmp_path, "base") == samples_of(tmp_path, "tuned") == 1


def test_a_look_costs_its_share_of_alpha(tmp_path: Path) -> None:
    project(tmp_path, numbered(74, head=HEAD))
    for arm in ("base", "tuned"):
        recorded(tmp_path, arm, [[right(case, sample) for sample in range(4)] for case in range(74)])

    ranged, fixed = compared(tmp_path), compared(tmp_path, "--samples", "1")

    assert fixed.status == 0  # 73 cases do, by the method; at a quarter of alpha they do not
    assert ranged.status == 4
    assert "each is taken at an alpha of 0.0125, its share of 0.05" in " ".join(ranged.out.split())


def test_samples_are_added_until_the_gate_is_decided(tmp_path: Path) -> None:
    project(tmp_path, numbered(60, head="samples: {min: 1, max: 6}\nscope: suite", gate="facts: {drop_at_most: 0.10}"))
    for arm in ("base", "tuned"):
        recorded(tmp_path, arm, [[right(case, sample) for sample in range(6)] for case in range(60)])

    done = compared(tmp_path)

    # One sample shows no noise. By hand for two, none seen: z = 2.638257, s2 = (z^2 / 2) / (60 + z^2) = 0.051974,
    # half-width z sqrt(2 s2 / 120) = 0.077649, below the margin.
    assert done.status == 0
    assert samples_of(tmp_path, "base") == samples_of(tmp_path, "tuned") == 2
    assert "each case was asked 2 times, of 1 to 6 that the suite allows" in " ".join(done.out.split())


def test_equal_texts_end_it_at_once_and_it_says_so(tmp_path: Path) -> None:
    project(tmp_path, numbered(40, head=HEAD))
    for arm in ("base", "tuned"):
        recorded(tmp_path, arm, [[f"it is n{case}"] * 4 for case in range(40)])

    done = compared(tmp_path)

    assert done.status == 4
    assert samples_of(tmp_path, "base") == 2
    assert "samples of a case are the same text every time, so more of them say nothing" in " ".join(done.out.split())


def test_what_no_number_of_samples_decides_is_not_asked_again(tmp_path: Path) -> None:
    """Sixty cases, twelve lost and eight won, each alike in every sample: the cases differ, and noise is not why."""
    project(tmp_path, numbered(60, head="samples: {min: 2, max: 8}"))
    for arm, wrong in (("base", range(12, 20)), ("tuned", range(12))):
        texts = [
            [f"no idea {sample}" if case in wrong else right(case, sample) for sample in range(8)] for case in range(60)
        ]
        recorded(tmp_path, arm, texts)

    done = compared(tmp_path)

    assert done.status == 4
    assert samples_of(tmp_path, "tuned") == 2
    assert "more samples of these cases would not decide it, however many" in " ".join(done.out.split())


def test_samples_are_asked_of_both_arms_and_known_ones_are_not_sent_again(tmp_path: Path) -> None:
    with Loopback(lambda seen: completion(f"{seen.ask.partition(':')[0]} {seen.number}")) as server:
        project(tmp_path, numbered(20, head="samples: {min: 1, max: 3}"))
        lines = [f'{arm} = {{ use = "openai:{arm}", base_url = "{server.url}" }}' for arm in ("base", "tuned")]
        (tmp_path / "evalharness.toml").write_text("\n".join(["[models]", *lines]) + "\n")

        first, sent = compared(tmp_path), server.count
        again = compared(tmp_path)

        assert first.status == again.status == 4
        assert sent == server.count == 2 * 20 * samples_of(tmp_path, "base")


def test_one_arm_alone_is_asked_the_fewest(tmp_path: Path) -> None:
    project(tmp_path, numbered(20, head="samples: {min: 2, max: 3}"))
    recorded(tmp_path, "base", [[right(case, sample) for sample in range(3)] for case in range(20)])

    done = evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)

    assert done.status == 0
    assert samples_of(tmp_path, "base") == 2


def test_plan_says_from_how_many_requests_to_how_many(tmp_path: Path) -> None:
    project(tmp_path, numbered(20, head="samples: {min: 1, max: 4}\nbase: wrong\ntuned: right"))
    (tmp_path / "evalharness.toml").write_text(CONFIG)

    done = evalharness("plan", "made.yaml", cwd=tmp_path)

    assert "made asked of wrong: 20 requests, 0 known, 20 to send" in done.out
    assert "or up to 80 to send" in done.out
    assert "in all: 40 requests or up to 160 to send" in done.out
