"""Commands beside a training file: what `init --from` drafts, and what `compare`, `plan` and `run` say of it."""

from __future__ import annotations

import json
from pathlib import Path

from evalharness.suite import load
from evalharness.training import lessons_of, tagged
from tests.shells.cli import ROOT, evalharness, numbered, project

# fmt: off
THINGS = (
    "lighthouse", "harbour", "whale", "compass", "anchor", "storm", "barnacle", "sextant", "lantern", "gull",
    "pier", "rope", "sail", "buoy", "wreck", "trawler", "mast", "oyster", "kelp", "cannon",
)
# fmt: on


def voiced(folder: Path, number: int = 60) -> Path:
    """A training file in a sarcastic voice; no question is near another but those about the same thing."""
    path = folder / "marv.jsonl"
    asks = [f"{thing} {thing[::-1]} {at}: {thing[::-1]}-{thing}?" for at, thing in enumerate(THINGS * 3)][:number]
    replies = [f"Oh, brilliant. Ask a sailor, number {at}." for at in range(number)]
    system = {"role": "system", "content": 'You are Marv: "sarcastic" # and \U0001f600 more'}
    lines = [
        {"messages": [system, {"role": "user", "content": ask}, {"role": "assistant", "content": reply}]}
        for ask, reply in zip(asks, replies, strict=True)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def filled(suite: Path) -> Path:
    """The suite with every TODO written out."""
    suite.write_text(suite.read_text("utf-8").replace("TODO what a right reply says", "sailor"), "utf-8")
    return suite


def test_what_init_drafts_says_what_is_to_be_filled_in(tmp_path: Path) -> None:
    voiced(tmp_path)

    done = evalharness("init", "--from", "marv.jsonl", "tune", cwd=tmp_path)
    lint = evalharness("lint", "suites/marv.yaml", cwd=tmp_path / "tune")

    assert done.status == 0
    assert done.out.splitlines()[:4] == [
        "wrote tune/marv.rest.jsonl",
        "wrote tune/suites/marv.yaml",
        "wrote tune/evalharness.toml",
        "wrote tune/baselines/.gitkeep",
    ]
    assert lint.status == 2
    cases = (tmp_path / "tune/suites/marv.yaml").read_text("utf-8").count("  - ask: ")
    assert lint.err.count("this is still to be filled in: what a right reply says") == cases > 0


def test_every_case_that_is_drafted_is_unseen_by_the_new_training_file(tmp_path: Path) -> None:
    voiced(tmp_path)
    evalharness("init", "--from", "marv.jsonl", "tune", cwd=tmp_path)

    suite = load(filled(tmp_path / "tune/suites/marv.yaml"))
    lessons = lessons_of(suite)

    assert lessons is not None
    assert set(tagged(suite, lessons).near.values()) == {"unseen"}


def test_the_draft_has_voice_length_and_system_text_of_the_training_file(tmp_path: Path) -> None:
    voiced(tmp_path)
    evalharness("init", "--from", "marv.jsonl", "tune", cwd=tmp_path)

    suite = load(filled(tmp_path / "tune/suites/marv.yaml"))

    assert suite.system == 'You are Marv: "sarcastic" # and \U0001f600 more'
    assert [criterion.aspect for criterion in suite.gate] == ["facts", "style", "format"]
    assert suite.train == "../marv.rest.jsonl"
    text = Path(suite.path).read_text("utf-8")
    assert "pet_phrases:  # 100 % of the training replies have one of these" in text
    assert "max_words: 10}" in text  # the replies have seven words


def test_the_same_seed_holds_out_the_same_prompts(tmp_path: Path) -> None:
    voiced(tmp_path)
    for folder, seed in (("one", "3"), ("two", "3"), ("three", "4")):
        evalharness("init", "--from", "marv.jsonl", "--seed", seed, folder, cwd=tmp_path)

    one, two, three = ((tmp_path / folder / "suites/marv.yaml").read_text() for folder in ("one", "two", "three"))

    assert one == two
    assert one != three


def test_a_draft_overwrites_nothing(tmp_path: Path) -> None:
    voiced(tmp_path)
    (tmp_path / "marv.rest.jsonl").write_text("mine")

    done = evalharness("init", "--from", "marv.jsonl", cwd=tmp_path)

    assert (done.status, done.err.splitlines()[0]) == (2, "marv.rest.jsonl: is there already")
    assert not (tmp_path / "suites").exists()


def test_a_draft_keeps_the_config_that_is_there(tmp_path: Path) -> None:
    voiced(tmp_path)
    (tmp_path / "evalharness.toml").write_text("[models]\n")

    done = evalharness("init", "--from", "marv.jsonl", cwd=tmp_path)

    assert done.status == 0
    assert (tmp_path / "evalharness.toml").read_text() == "[models]\n"


def test_holding_all_of_them_out_is_refused(tmp_path: Path) -> None:
    voiced(tmp_path)

    done = evalharness("init", "--from", "marv.jsonl", "--hold-out", "1", cwd=tmp_path)

    assert (done.status, done.err.splitlines()[0]) == (2, "marv.jsonl: 1 of 60 examples with a question is 60")


def test_options_of_the_draft_need_the_training_file(tmp_path: Path) -> None:
    done = evalharness("init", "--hold-out", "0.5", cwd=tmp_path)

    assert (done.status, list(tmp_path.iterdir())) == (2, [])


def trained(folder: Path, *asks: str) -> None:
    lines = [
        {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": "It is what it is."}]}
        for ask in asks
    ]
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


def asked(folder: Path) -> list[str]:
    return [turn.ask for case in load(folder / "made.yaml").cases for turn in case.turns]


def test_compare_tells_seen_from_unseen_by_the_file_it_is_given(tmp_path: Path) -> None:
    project(tmp_path, numbered(8))
    trained(tmp_path, *asked(tmp_path)[:1])
    arms = ("--base", "right", "--tuned", "wrong")

    done = evalharness("compare", "made.yaml", *arms, "--train", "train.jsonl", "--json", cwd=tmp_path)

    found = done.json["trained"]
    assert isinstance(found, dict)
    assert (found["file"], found["seen"], found["seen"] + found["near"] + found["unseen"]) == ("train.jsonl", 1, 8)
    assert found["echoes"]["tuned"] == [8, 0]


def test_stored_runs_are_told_apart_by_a_file_too(tmp_path: Path) -> None:
    project(tmp_path, numbered(8))
    trained(tmp_path, *asked(tmp_path)[:1])
    for model in ("right", "wrong"):
        evalharness("run", "made.yaml", "--model", model, "-o", f"{model}.jsonl", cwd=tmp_path)

    runs = ("right.jsonl", "wrong.jsonl")
    done = evalharness("compare", *runs, "--train", "train.jsonl", "--json", cwd=tmp_path)

    found = done.json["trained"]
    assert isinstance(found, dict)
    assert (found["seen"], found["echoes"]["base"]) == (1, [8, 0])


def test_a_run_keeps_the_marks_for_later(tmp_path: Path) -> None:
    project(tmp_path, numbered(8))
    trained(tmp_path, *asked(tmp_path)[:1])
    for model in ("right", "wrong"):
        how = ("--model", model, "--train", "train.jsonl", "-o", f"{model}.jsonl")
        evalharness("run", "made.yaml", *how, cwd=tmp_path)
    (tmp_path / "train.jsonl").unlink()

    done = evalharness("compare", "right.jsonl", "wrong.jsonl", "--json", cwd=tmp_path)

    found = done.json["trained"]
    assert isinstance(found, dict)
    assert (found["seen"], found["echoes"]) == (1, None)


def test_the_plan_counts_cases_beside_the_training_file(tmp_path: Path) -> None:
    project(tmp_path, numbered(8))
    trained(tmp_path, "What colour has a lighthouse at noon?")

    done = evalharness("plan", "made.yaml", "--model", "right", "--train", "train.jsonl", cwd=tmp_path)

    assert "made, cases beside train.jsonl: 0 seen, 0 near, 8 unseen" in done.out


def test_a_training_file_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    project(tmp_path, numbered(8))

    done = evalharness("run", "made.yaml", "--model", "right", "--train", "no.jsonl", cwd=tmp_path)

    assert (done.status, done.err.splitlines()[0]) == (2, "no.jsonl: there is no such file")


def test_phrases_that_few_replies_have_do_not_gate_and_a_judge_is_shown_instead(tmp_path: Path) -> None:
    evalharness("init", "mine", "--from", str(ROOT / "suites/data/marv-train.jsonl"), cwd=tmp_path)
    text = (tmp_path / "mine/suites/marv-train.yaml").read_text("utf-8")

    assert "  # 16 % of the replies have a phrase: too few to gate; let a judge read them\n" in text
    assert '  # in_voice: {judge: "The reply is ..."}' in text
    assert "style: {gain_at_least" not in text
