from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness import snapshots, store
from evalharness.errors import EvalError, Faults, StoreError
from evalharness.records import Conversation, Message, Run, SuiteRef, Trial
from evalharness.snapshots import Shelf, shelf
from tests import runs
from tests.accepted import DAY, filed, snapshot

ROOT = Path(__file__).parents[1]


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    return tmp_path / "baselines"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that the test owns while it is nobody in particular: root may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        before = os.geteuid()
        if before == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name) / "baselines"
        finally:
            os.seteuid(before)


def made(*, wrong: int = 0) -> Run:
    """A run of suite `made` of three cases."""
    return runs.run([0.0] * wrong + [1.0] * (3 - wrong))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the chain --------------------------------------------------------------------------------------------------------


def test_each_snapshot_follows_the_one_accepted_before_it(baselines: Path) -> None:
    first = filed(baselines, made(), "a")
    second = filed(baselines, made(wrong=1), "b")

    assert (first.snapshot.place, first.snapshot.parent) == (1, "")
    assert (second.snapshot.place, second.snapshot.parent) == (2, sha256(baselines / "made/a.jsonl"))
    assert [each.name for each in shelf(baselines, "made").filed] == ["a", "b"]


def test_order_is_that_of_acceptance_whatever_the_clocks_said(baselines: Path) -> None:
    filed(baselines, made(), "z", at="2031-01-01T00:00:00+00:00")
    filed(baselines, made(), "a", at="2001-01-01T00:00:00+00:00")

    found = shelf(baselines, "made")

    assert [each.name for each in found.filed] == ["z", "a"]
    assert found.get("baseline").name == "a"


def test_the_reference_is_the_first_until_one_is_pinned_and_then_the_one_pinned_last(baselines: Path) -> None:
    seen = []
    for name, pinned in (("a", False), ("b", False), ("c", True), ("d", False), ("e", True)):
        filed(baselines, made(), name, pinned=pinned)
        seen.append(shelf(baselines, "made").get("reference").name)

    assert seen == ["a", "a", "c", "c", "e"]


def test_what_was_accepted_comes_back_whole_under_the_name_of_the_snapshot(baselines: Path) -> None:
    run = made(wrong=1)

    back = snapshots.read(filed(baselines, run, "a"))

    assert back.model == replace(run.model, name="a")
    assert (tuple(back.trials), back.cases, back.gate, back.began) == (run.trials, run.cases, run.gate, run.began)
    assert back.snapshot == replace(snapshot("a"), place=1)


def test_an_unknown_snapshot_is_met_with_the_nearest_and_an_empty_shelf_with_the_way_to_fill_it(
    baselines: Path,
) -> None:
    with pytest.raises(Faults) as empty:
        shelf(baselines, "made").get("baseline")
    filed(baselines, made(), "tuned-1")
    with pytest.raises(Faults) as unknown:
        shelf(baselines, "made").get("tuned-2")

    hint = "accept a run of it first: `evalharness accept RUN -m WHY`"
    assert str(empty.value) == f"suite 'made': there is no baseline yet\n  hint: {hint}"
    assert str(unknown.value) == "suite 'made': there is no snapshot 'tuned-2'\n  hint: did you mean 'tuned-1'?"


def test_a_chain_that_is_whole_warns_of_nothing(baselines: Path) -> None:
    for name in "abc":
        filed(baselines, made(), name)

    assert list(shelf(baselines, "made").warnings()) == []


def test_an_edited_parent_and_one_that_was_removed_are_told(baselines: Path) -> None:
    for name in "abc":
        filed(baselines, made(), name)
    edited = baselines / "made/a.jsonl"
    edited.write_text(edited.read_text().replace("ask 0", "ASK 0"))
    (baselines / "made/b.jsonl").unlink()

    broken = list(shelf(baselines, "made").warnings())

    assert broken == ["'c' follows a snapshot that was edited or taken away since"]
    (baselines / "made/c.jsonl").unlink()
    assert list(shelf(baselines, "made").warnings()) == []


def branched(baselines: Path, *names: str, start: str = "a") -> Shelf:
    """As after a merge of branches on each of which another snapshot was accepted after `start`."""
    first = filed(baselines, made(), start)
    kept = []
    for hour, name in enumerate(names):
        path = filed(baselines, made(), name, at=f"2026-11-26T1{hour}:00:00+00:00").path
        kept.append((path, path.read_bytes()))
        path.unlink()
    for path, text in kept:
        path.write_bytes(text)
    assert first.path.is_file()
    return shelf(baselines, "made")


def test_two_snapshots_after_one_are_told_and_the_later_date_is_the_baseline(baselines: Path) -> None:
    found = branched(baselines, "y", "x")

    assert list(found.warnings()) == ["y and x both follow 'a', as after a merge; 'x' counts as the latest of them"]
    assert found.get("baseline").name == "x"
    after = filed(baselines, made(), "b")
    assert (after.snapshot.place, after.snapshot.parent) == (3, sha256(baselines / "made/x.jsonl"))


def test_three_after_one_and_two_that_are_both_the_first_are_told(baselines: Path) -> None:
    assert list(branched(baselines, "y", "x", "w").warnings()) == [
        "y, x and w all follow 'a', as after a merge; 'w' counts as the latest of them"
    ]
    other = replace(made(), suite=SuiteRef("other", "other.yaml", "1" * 64))
    for name in ("p", "q"):
        text = filed(baselines, other, name).path.read_bytes()
        (baselines / f"other/{name}.jsonl").unlink()
        (baselines / f"{name}.kept").write_bytes(text)
    for name in ("p", "q"):
        (baselines / f"{name}.kept").rename(baselines / f"other/{name}.jsonl")
    assert list(shelf(baselines, "other").warnings()) == [
        "p and q both are the first, as after a merge; 'q' counts as the latest of them"
    ]


def test_a_checkout_with_other_line_ends_keeps_digests_and_replies(baselines: Path) -> None:
    first = filed(baselines, made(), "a")
    filed(baselines, made(wrong=2), "b")
    before = snapshots.digest(first.path), tuple(snapshots.read(first).trials)
    for path in (baselines / "made").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    found = shelf(baselines, "made")

    assert list(found.warnings()) == []
    assert (snapshots.digest(first.path), tuple(snapshots.read(found.filed[0]).trials)) == before
    assert filed(baselines, made(), "c").snapshot.parent == found.last


# --- compare and swap -------------------------------------------------------------------------------------------------


def refused(before: Shelf, name: str = "late") -> str:
    """What somebody is told who looked at the shelf too early; nothing may come of it."""
    files = {path.name: path.read_bytes() for path in before.folder.iterdir()}
    with pytest.raises(EvalError) as error:
        snapshots.accept(before, made(), snapshot(name))
    assert {path.name: path.read_bytes() for path in before.folder.iterdir()} == files
    return str(error.value)


def test_the_second_of_two_who_looked_at_one_baseline_is_told(baselines: Path) -> None:
    filed(baselines, made(), "a")
    before = shelf(baselines, "made")
    filed(baselines, made(wrong=1), "b")

    assert refused(before) == (
        f"{baselines}/made: 'b' was accepted in the meantime, so this change was not to the last snapshot\n"
        "  hint: run the same command again and look at the change anew"
    )


def test_the_second_of_two_who_would_be_the_first_is_told(baselines: Path) -> None:
    before = shelf(baselines, "made")
    filed(baselines, made(), "a")

    assert "'a' was accepted in the meantime" in refused(before)


def test_a_baseline_that_was_edited_since_it_was_looked_at_is_told(baselines: Path) -> None:
    path = filed(baselines, made(), "a").path
    before = shelf(baselines, "made")
    path.write_text(path.read_text().replace("ask 0", "ASK 0"))

    assert refused(before).startswith(f"{baselines}/made: the last snapshot was changed or taken away in the meantime")


def test_a_baseline_that_was_taken_away_since_it_was_looked_at_is_told(baselines: Path) -> None:
    filed(baselines, made(), "a")
    path = filed(baselines, made(), "b").path
    before = shelf(baselines, "made")
    path.unlink()

    assert "the last snapshot was changed or taken away in the meantime" in refused(before)


def test_a_name_that_is_taken_is_refused(baselines: Path) -> None:
    filed(baselines, made(), "a")

    assert refused(shelf(baselines, "made"), "a").splitlines()[0] == (
        f"{baselines}/made/a.jsonl: there is a snapshot of that name"
    )


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "a b", "-x", ".x", "x" * 61, "naïve", "a\n", "baseline", "reference", "\0"]
)
def test_a_name_that_no_file_or_command_should_have_is_refused(name: str, baselines: Path) -> None:
    with pytest.raises(EvalError, match="is no name for a snapshot"):
        snapshots.accept(shelf(baselines, "made"), made(), snapshot(name))

    assert not baselines.exists()


ACCEPTING = """
import sys
from pathlib import Path
from evalharness import snapshots
from evalharness.errors import StoreError
from tests import runs
from tests.accepted import snapshot
before = snapshots.shelf(Path(sys.argv[1]), "made")
run = runs.run([1.0] * 2000)
print("looked", flush=True)
sys.stdin.readline()
try:
    print("accepted", snapshots.accept(before, run, snapshot(sys.argv[2])).name, flush=True)
except StoreError as error:
    print(error.what, flush=True)
"""


def process(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def heard(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def tell(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()


def test_of_two_processes_that_accept_at_once_one_wins_and_no_reader_sees_half_a_file(baselines: Path) -> None:
    filed(baselines, made(), "a")
    with process(ACCEPTING, str(baselines), "one") as one, process(ACCEPTING, str(baselines), "two") as two:
        assert (heard(one), heard(two)) == ("looked", "looked")
        tell(one)
        tell(two)
        while one.poll() is None or two.poll() is None:
            for path in (baselines / "made").glob("*.jsonl"):
                whole = store.read(path)
                assert whole.tally is not None
                assert len(whole.trials) in (3, 2000)
        said = {heard(one), heard(two)}

    names = [each.name for each in shelf(baselines, "made").filed]
    assert names in (["a", "one"], ["a", "two"])
    what = f"'{names[1]}' was accepted in the meantime, so this change was not to the last snapshot"
    assert said == {f"accepted {names[1]}", f"{baselines}/made: {what}"}
    assert sorted(path.name for path in (baselines / "made").iterdir()) == sorted(f"{name}.jsonl" for name in names)


STUCK = """
import sys
from dataclasses import replace
from pathlib import Path
from evalharness import snapshots
from tests import runs
from tests.accepted import snapshot
run = runs.run([1.0] * 2000)
def trials():
    for place, trial in enumerate(run.trials):
        if place == 1500:
            print("half", flush=True)
            sys.stdin.readline()
        yield trial
snapshots.accept(snapshots.shelf(Path(sys.argv[1]), "made"), replace(run, trials=trials()), snapshot("b"))
"""


def test_a_kill_within_the_write_leaves_no_broken_snapshot_and_no_litter_for_long(baselines: Path) -> None:
    filed(baselines, made(), "a")
    with process(STUCK, str(baselines)) as stuck:
        assert heard(stuck) == "half"
        stuck.kill()

    found = shelf(baselines, "made")
    assert [each.name for each in found.filed] == ["a"]
    assert snapshots.accept(found, made(), snapshot("c")).snapshot.place == 2
    assert sorted(path.name for path in (baselines / "made").iterdir()) == ["a.jsonl", "c.jsonl"]


def test_a_disk_that_fills_is_one_line_and_leaves_what_was_there(baselines: Path) -> None:
    filed(baselines, made(), "a")
    before = shelf(baselines, "made")
    large = runs.of([Trial(Conversation("0", 0, (Message("user", "x" * 400_000),)))])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    try:
        with pytest.raises(StoreError) as full:
            snapshots.accept(before, large, snapshot("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert full.value.exit_code == 3
    assert full.value.what == f"{baselines}/made/b.jsonl: File too large"
    assert [path.name for path in (baselines / "made").iterdir()] == ["a.jsonl"]
    assert filed(baselines, made(), "b").snapshot.place == 2


def test_a_file_where_the_folder_should_be_is_one_line(baselines: Path) -> None:
    baselines.write_text("a file")

    with pytest.raises(StoreError, match="evalharness writes below the project's folder") as error:
        snapshots.accept(shelf(baselines, "made"), made(), snapshot("a"))

    assert "\n" not in error.value.what


def test_a_folder_that_is_read_only_is_one_line(unprivileged: Path) -> None:
    filed(unprivileged, made(), "a")
    (unprivileged / "made").chmod(0o500)

    with pytest.raises(StoreError) as error:
        filed(unprivileged, made(), "b")

    (unprivileged / "made").chmod(0o700)
    assert error.value.what == f"{unprivileged}/made/b.jsonl: Permission denied"
    assert error.value.hint == "evalharness writes below the project's folder: make it writable, and no file in the way"


# --- what lies in the folder ------------------------------------------------------------------------------------------


def strange(kind: str, path: Path) -> None:
    """Writes something that is no snapshot of suite `made` called `x`."""
    run, accepted = made(), replace(snapshot("x"), place=1)
    header = {"evalharness": 1, "suite": {"name": "made", "path": "made.yaml", "hash": "0"}, "began": DAY}
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "bytes":
            path.write_bytes(b"\xff\xfe\x00\x01")
        case "rows":
            path.write_bytes(b'{"case": "a", "text": "b"}\n')
        case "deep":
            path.write_bytes(b"[" * 100_000)
        case "newer":
            path.write_text(json.dumps({**header, "evalharness": 99}))
        case "half a header":
            path.write_text(json.dumps(header))
        case "a run":
            store.write(path, run)
        case "another suite":
            store.write(path, replace(run, suite=replace(run.suite, name="o\x1bther"), snapshot=accepted))
        case _:
            store.write(path, replace(run, snapshot=replace(accepted, name="y\x1b[2J")))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("empty", ":1: a line that is no JSON object"),
        ("bytes", ":1: a line that is no JSON object"),
        ("rows", ": this is no run file"),
        ("deep", ":1: a line that is no JSON object"),
        ("newer", ": written by a newer evalharness (format 99)"),
        ("half a header", ":1: model: Field required"),
        ("a run", ": a run file that was never accepted"),
        ("another suite", ": a snapshot of suite 'o\\x1bther'"),
        ("another name", ": the file says that it is called 'y\\x1b[2J'"),
    ],
)
def test_a_strange_file_among_the_baselines_is_one_line_that_names_it(kind: str, what: str, baselines: Path) -> None:
    filed(baselines, made(), "a")
    path = baselines / "made/x.jsonl"
    strange(kind, path)

    with pytest.raises(StoreError) as error:
        shelf(baselines, "made")

    assert error.value.what == f"{path}{what}"
    assert error.value.hint


@pytest.mark.parametrize("what", ["a file", "a folder", "the folder of all"])
def test_links_are_followed_neither_to_read_nor_to_write(what: str, tmp_path: Path, baselines: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    real = filed(elsewhere, made(), "a")
    match what:
        case "a file":
            filed(baselines, made(), "b")
            (baselines / "made/a.jsonl").symlink_to(real.path)
        case "a folder":
            baselines.mkdir()
            (baselines / "made").symlink_to(elsewhere / "made")
        case _:
            baselines.symlink_to(elsewhere)

    with pytest.raises(StoreError, match=r"link.* followed|links are not followed") as read:
        shelf(baselines, "made")
    with pytest.raises(StoreError, match="link"):
        snapshots.accept(Shelf("made", baselines / "made", ()), made(), snapshot("c"))

    assert "link" in str(read.value)
    assert [path.name for path in (elsewhere / "made").iterdir()] == ["a.jsonl"]


def test_a_pipe_among_the_baselines_is_told_and_not_waited_for(baselines: Path) -> None:
    filed(baselines, made(), "a")
    os.mkfifo(baselines / "made/b.jsonl")

    with pytest.raises(StoreError, match=r"b\.jsonl: a link, or no regular file"):
        shelf(baselines, "made")


def test_other_files_and_hidden_folders_are_let_alone(baselines: Path) -> None:
    filed(baselines, made(), "a")
    for name in ("README.md", "made/notes.txt", ".judges/j.jsonl", "empty/none.txt"):
        (baselines / name).parent.mkdir(exist_ok=True)
        (baselines / name).write_text("not a snapshot")

    assert [found.suite for found in snapshots.shelves(baselines)] == ["made"]


def test_a_folder_that_was_renamed_is_told(baselines: Path) -> None:
    filed(baselines, made(), "a")
    (baselines / "made").rename(baselines / "other")

    with pytest.raises(StoreError) as error:
        list(snapshots.shelves(baselines))

    assert error.value.what == f"{baselines}/other/a.jsonl: a snapshot of suite 'made'"
    assert error.value.hint == "its folder is baselines/made/"


@pytest.mark.parametrize("name", ["../../up", "CON", "Ünï cödé", "a/b", "x\x1b[2J", "made-0123abcd", "." * 300])
def test_a_suite_of_any_name_has_a_folder_of_its_own_inside_baselines(name: str, baselines: Path) -> None:
    run = replace(made(), suite=replace(made().suite, name=name))

    path = filed(baselines, run, "a").path

    assert path.parent.parent == baselines
    assert path.parent.resolve().parent == baselines.resolve()
    assert [found.suite for found in snapshots.shelves(baselines)] == [name]


# --- replies ----------------------------------------------------------------------------------------------------------


def said(text: str) -> Run:
    talk = Conversation("0", 0, (Message("user", "ask"), Message("assistant", text)), (1,), ("answered",))
    return runs.of([Trial(talk)])


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters()))
def test_law_any_reply_is_accepted_byte_exact(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any") / "baselines"

    assert snapshots.read(filed(folder, said(text), "a")).trials[0].conversation.reply == text


def test_a_reply_of_ten_megabytes_of_the_worst_is_accepted_byte_exact(baselines: Path) -> None:
    worst = '\0\ud83d"\r\n\u2028\u202e\x1b[2J' * 1_000_000

    assert snapshots.read(filed(baselines, said(worst), "a")).trials[0].conversation.reply == worst


# --- baselines that no suite belongs to -------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "suites").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unused(*suites: str) -> list[str]:
    return [str(fault) for fault in snapshots.unused(Path("baselines"), suites, [Path("suites")])]


def test_a_baseline_that_no_suite_belongs_to_is_told(project: Path) -> None:
    filed(Path("baselines"), made(), "a")
    filed(Path("baselines"), made(), "b")

    assert unused("made") == []
    assert unused("other") == [
        "baselines/made: 2 snapshots of suite 'made', and there is no such suite\n"
        "  hint: remove the folder with git, or give the suite that name again"
    ]


def test_a_renamed_suite_leaves_its_old_baselines_behind(project: Path) -> None:
    filed(Path("baselines"), made(), "a")
    Path("suites/made.yaml").write_text("suite: new")  # the file is there, and is read as another suite

    assert [line.splitlines()[0] for line in unused("new")] == [
        "baselines/made: 1 snapshot of suite 'made', and there is no such suite"
    ]


def test_a_baseline_whose_suite_lies_elsewhere_is_none_of_this_folder(project: Path) -> None:
    filed(Path("baselines"), replace(made(), suite=replace(made().suite, path="more/made.yaml")), "a")
    Path("more").mkdir()

    assert len(unused()) == 1
    Path("more/made.yaml").write_text("suite: made")
    assert unused() == []


def test_a_folder_that_cannot_be_read_hides_no_other(project: Path) -> None:
    filed(Path("baselines"), made(), "a")
    Path("baselines/broken").mkdir()
    Path("baselines/broken/x.jsonl").write_text("nothing")

    assert [line.splitlines()[0] for line in unused()] == [
        "baselines/broken/x.jsonl:1: a line that is no JSON object",
        "baselines/made: 1 snapshot of suite 'made', and there is no such suite",
    ]
