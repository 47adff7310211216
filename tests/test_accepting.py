from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalharness import snapshots, store
from evalharness.accepting import Review, accept, named, review
from evalharness.config import Config
from evalharness.config import load as load_config
from evalharness.errors import EvalError, StoreError
from evalharness.harness import Options, ask, load_suite, version
from evalharness.records import Failure, Run, Trial
from tests import runs
from tests.shells.cli import numbered, project, replies


def asked(where: Path, *, wrong: int = 0, suite: str = "", options: Options = Options()) -> Path:  # noqa: B008 - a frozen value
    """The run file of arm `base` on four cases, of which so many are answered wrong."""
    path = project(where, suite or numbered(4), base=replies(4, wrong=wrong))
    (arm,) = ask([load_suite(path)], ["base"], load_config(where), options).arms[0]
    return Path(arm.run.path)


def written(where: Path, run: Run) -> Path:
    """The file of a run made by hand."""
    return Path(store.write(where / "made.jsonl", run).path)


def reviewed(run: Path) -> Review:
    return review(run, load_config(run.parent))


# --- what can be a baseline -------------------------------------------------------------------------------------------


def test_the_first_run_of_a_suite_has_nothing_to_differ_from(tmp_path: Path) -> None:
    found = reviewed(asked(tmp_path))

    assert (found.change, found.missing, found.shelf.filed) == (None, False, ())


def test_a_selection_is_refused(tmp_path: Path) -> None:
    path = asked(tmp_path, options=Options(cases=("c1", "c2")))

    with pytest.raises(StoreError) as error:
        reviewed(path)

    assert error.value.what == f"{path}: a selection of the cases (--case c1 --case c2) is no baseline"
    assert error.value.hint == "run the whole suite, then accept that run"


def test_a_run_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    with store.Writer(tmp_path / "made.jsonl", runs.run([1.0, 0.0])) as writer:
        writer.add(0, runs.trial("0", 0, {"facts": 1.0}))
        part = Path(writer.stop().path)

    with pytest.raises(StoreError) as error:
        reviewed(part)

    assert error.value.what == f"{part}: this run was cut short"
    assert error.value.hint == "run the suite again; it asks only what is missing"


@pytest.mark.parametrize("kind", ["failed", "filtered", "fewer samples"])
def test_a_run_that_lacks_answers_is_told_as_such(kind: str, tmp_path: Path) -> None:
    run = runs.run([1.0, 1.0])
    trials: tuple[Trial, ...] = (run.trials[0],)
    match kind:
        case "failed":
            trials += (runs.failed("1", 0, ["facts"], Failure("timeout", "too late")),)
        case "filtered":
            trials += (runs.trial("1", 0, {"facts": None}, outcome="filtered"),)

    assert reviewed(written(tmp_path, run)).missing is False
    assert reviewed(written(tmp_path, replace(run, trials=trials))).missing is True


def test_what_was_looked_at_is_accepted_though_another_run_has_its_name_since(tmp_path: Path) -> None:
    looked = reviewed(written(tmp_path, runs.run([1.0, 0.0])))
    written(tmp_path, runs.run([0.0, 0.0, 0.0]))

    filed = accept(looked, "one", "a reason", Config(tmp_path))

    assert [trial.scores[0].grade.value for trial in snapshots.read(filed).trials] == [1.0, 0.0]


# --- the change that is shown -----------------------------------------------------------------------------------------


def test_the_change_is_from_the_last_baseline_to_the_run(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    accept(reviewed(asked(tmp_path)), "one", "a reason", config)

    change = reviewed(asked(tmp_path, wrong=1)).change

    assert change is not None
    (found,) = change.comparisons
    assert (found.base.model.name, found.tuned.model.name) == ("one", "base")
    assert (found.deltas[0].base, found.deltas[0].tuned) == (1.0, 0.75)
    assert [(flip.case, flip.side) for flip in found.flips] == [("c0", "broke")]


def test_both_sides_are_graded_by_the_suite_that_graded_the_run(tmp_path: Path) -> None:
    accept(reviewed(asked(tmp_path)), "one", "a reason", load_config(tmp_path))
    harder = numbered(4).replace("expect: n3", "expect: [n3, please]")

    change = reviewed(asked(tmp_path, suite=harder)).change

    assert change is not None
    (found,) = change.comparisons
    assert (found.deltas[0].base, found.deltas[0].tuned) == (3.5 / 4, 3.5 / 4)  # stored: 1
    assert found.warnings == ("the suite changed since 'one' was accepted: its replies are graded by today's checks",)


def test_a_suite_that_changed_after_the_run_leaves_the_grades_that_are_stored(tmp_path: Path) -> None:
    accept(reviewed(asked(tmp_path)), "one", "a reason", load_config(tmp_path))
    run = asked(tmp_path, suite=numbered(4).replace("expect: n3", "expect: [n3, please]"))
    (tmp_path / "made.yaml").unlink()

    change = reviewed(run).change

    assert change is not None
    assert (change.comparisons[0].deltas[0].base, change.comparisons[0].deltas[0].tuned) == (1.0, 3.5 / 4)
    assert change.comparisons[0].warnings[0].startswith("the suite changed between the runs")


def test_the_suite_is_found_from_the_project_and_from_a_folder_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(reviewed(asked(tmp_path)), "one", "a reason", load_config(tmp_path))
    inner = tmp_path / "suites"
    inner.mkdir()
    harder = numbered(4).replace("expect: n3", "expect: [n3, please]")
    (inner / "made.yaml").write_text(harder)
    monkeypatch.chdir(inner)
    config = load_config()
    (arm,) = ask([load_suite("made.yaml")], ["base"], config).arms[0]

    looked = review(Path(arm.run.path), config)

    assert looked.change is not None
    assert looked.change.comparisons[0].deltas[0].base == 3.5 / 4
    assert accept(looked, "two", "a reason", config).suite.path == "suites/made.yaml"


def test_a_suite_outside_the_project_is_named_without_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    run = runs.run([1.0])
    outside = replace(run, suite=replace(run.suite, path=str(tmp_path / "private" / "made.yaml")))

    filed = accept(reviewed(written(inside, outside)), "one", "a reason", Config(inside))

    assert filed.suite.path == "made.yaml"
    assert "private" not in filed.path.read_text()


# --- names, reasons, the chain ----------------------------------------------------------------------------------------


def called(where: Path, model: str, *, taken: tuple[str, ...] = (), began: str = "2026-11-22T10:00:00+00:00") -> str:
    """What a run of this model is called where nobody says."""
    config = Config(where)
    for name in taken:
        accept(reviewed(written(where, runs.run([1.0]))), name, "a reason", config)
    return named(reviewed(written(where, replace(runs.run([1.0], name=model), began=began))), None, config)


def test_left_out_the_name_is_the_models_and_the_day_of_the_run(tmp_path: Path) -> None:
    assert called(tmp_path, "tuned") == "tuned-2026-11-22"


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    assert called(tmp_path, "tuned", taken=("tuned-2026-11-22", "tuned-2026-11-22-2")) == "tuned-2026-11-22-3"


@pytest.mark.parametrize(
    "model", ["openai:ft:gpt-4o-mini:acme::abc123", "../../up", "x" * 300, "_x", "Ünï", "CON", "\x1b[2J", "-", "a b"]
)
def test_a_model_of_any_name_gives_a_name_that_a_file_may_have(model: str, tmp_path: Path) -> None:
    filed = accept(reviewed(written(tmp_path, runs.run([1.0], name=model))), None, "a reason", Config(tmp_path))

    assert snapshots.NAME.fullmatch(filed.name)
    assert filed.name.endswith("-2026-11-22")
    assert snapshots.shelf(tmp_path / "baselines", "made").get(filed.name) == filed
    assert filed.path == tmp_path / "baselines/made" / f"{filed.name}.jsonl"


def test_a_day_that_somebody_wrote_by_hand_leads_nowhere_else(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="is no name for a snapshot"):
        called(tmp_path, "tuned", began="/../../../up")


@pytest.mark.parametrize("name", ["baseline", "reference", "a/b", "a b", ""])
def test_a_name_that_cannot_be_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    looked = reviewed(written(tmp_path, runs.run([1.0])))

    if name:
        with pytest.raises(EvalError, match="is no name for a snapshot"):
            named(looked, name, Config(tmp_path))
    else:
        assert named(looked, name, Config(tmp_path)) == "base-2026-11-22"
    assert not (tmp_path / "baselines").exists()


def test_the_name_of_a_model_and_one_that_is_taken_are_refused(tmp_path: Path) -> None:
    looked = reviewed(asked(tmp_path))
    accept(looked, "one", "a reason", load_config(tmp_path))
    again = reviewed(asked(tmp_path))

    with pytest.raises(EvalError) as model:
        named(again, "tuned", load_config(tmp_path))
    with pytest.raises(StoreError) as taken:
        named(again, "one", load_config(tmp_path))

    assert model.value.what == "'tuned' is a model of the config, and names are looked up there first"
    assert taken.value.what == f"{tmp_path}/baselines/made/one.jsonl: there is a snapshot of that name"


def test_reason_day_version_and_pin_are_kept(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)

    filed = accept(reviewed(asked(tmp_path)), "one", "  first tune\n", load_config(tmp_path), pinned=True)

    kept = store.read_header(filed.path).snapshot
    assert kept == filed.snapshot
    assert kept is not None
    assert (kept.why, kept.pinned, kept.version, kept.place) == ("first tune", True, version(), 1)
    assert before <= datetime.fromisoformat(kept.accepted) <= datetime.now(UTC)


@pytest.mark.parametrize("why", ["", "  \n"])
def test_without_a_reason_nothing_is_accepted(why: str, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="a baseline needs a reason"):
        accept(reviewed(asked(tmp_path)), "one", why, load_config(tmp_path))

    assert not (tmp_path / "baselines").exists()


def test_of_two_who_looked_at_the_same_baseline_the_second_is_told(tmp_path: Path) -> None:
    one, two = reviewed(asked(tmp_path)), reviewed(asked(tmp_path, wrong=1))
    accept(one, "one", "a reason", load_config(tmp_path))

    with pytest.raises(StoreError, match="'one' was accepted in the meantime"):
        accept(two, "two", "a reason", load_config(tmp_path))


def test_going_back_is_one_more_acceptance(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    first = accept(reviewed(asked(tmp_path)), "one", "a reason", config)
    accept(reviewed(asked(tmp_path, wrong=2)), "two", "a reason", config)

    back = review(first.path, config)
    filed = accept(back, "three", "back to it", config)

    assert back.change is not None
    assert (back.change.comparisons[0].deltas[0].base, back.change.comparisons[0].deltas[0].tuned) == (0.5, 1.0)
    assert (filed.snapshot.place, filed.snapshot.why, filed.model.name) == (3, "back to it", "base")
    assert tuple(snapshots.read(filed).trials) == tuple(snapshots.read(first).trials)
    assert list(snapshots.shelf(config.baselines, "made").warnings()) == []
