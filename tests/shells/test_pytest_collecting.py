"""`pytest suites/`: what is found, under which names, and what is asked of it."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from tests.loopback import Loopback
from tests.shells.cli import ROOT, numbered, replies
from tests.shells.plugin import PLUGIN, apart, here, planted, recorded, served

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")

MARV = """\
suite: marv
tuned: tuned
cases:
  - ask: What's the capital of France?
    expect: Paris
    tags: [geo, two words]
  - {id: moon, ask: How far is the moon?, expect: "384400", tags: [space]}
gate: {facts: {at_least: 0.5}}
"""
SAID = {"whats-the-capital-of-france": "Paris", "moon": "384400 km"}


def listed(pytester: pytest.Pytester, *arguments: str) -> list[str]:
    """The node ids that a session would run."""
    done = here(pytester, "--collect-only", "-q", *arguments)
    assert done.err == ""
    return [line for line in done.out.splitlines() if "::" in line]


@pytest.fixture
def marv(pytester: pytest.Pytester) -> Path:
    planted(pytester.path, marv=MARV)
    recorded(pytester.path, tuned=SAID)
    return pytester.path


def test_a_case_is_an_item_and_so_is_each_aspect_of_the_gate(pytester: pytest.Pytester, marv: Path) -> None:
    assert listed(pytester, "suites") == [
        "suites/marv.yaml::whats-the-capital-of-france",
        "suites/marv.yaml::moon",
        "suites/marv.yaml::gate[facts]",
    ]


def test_a_suite_without_a_gate_of_its_own_has_only_cases(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(2, gate=""))

    assert listed(pytester) == ["suites/made.yaml::c0", "suites/made.yaml::c1"]


def test_ids_that_would_break_node_ids_are_spelled_so_that_they_can_be_chosen(pytester: pytest.Pytester) -> None:
    ids = ["a::b", "gate[facts]", "x[1]", "a]b[", "blank here", "übel", "-k"]
    cases = "".join(f"  - {{id: {json.dumps(each)}, ask: 'q{at}', expect: yes}}\n" for at, each in enumerate(ids))
    planted(pytester.path, odd=f"suite: odd\ntuned: tuned\ncases:\n{cases}gate: {{facts: {{at_least: 0.1}}}}\n")
    recorded(pytester.path, tuned=dict.fromkeys(ids, "yes"))

    names = listed(pytester)
    assert names == [
        "suites/odd.yaml::a:.:b",
        "suites/odd.yaml::gate[facts]",
        "suites/odd.yaml::x[1]",
        "suites/odd.yaml::a]b[",
        "suites/odd.yaml::blank here",
        "suites/odd.yaml::übel",
        "suites/odd.yaml::-k",
        "suites/odd.yaml::gate[facts]~2",
    ]
    for name in names:
        done = here(pytester, name, "--eval-allow-inconclusive")
        assert sum(done.counts.values()) - done.counts.get("deselected", 0) == 1, name


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (["-k", "moon"], ["moon"]),
        (["-k", "words"], ["whats-the-capital-of-france"]),
        (["-k", "gate"], ["gate[facts]"]),
        (["-m", "geo", "--strict-markers"], ["whats-the-capital-of-france"]),
        (["-m", "space and not geo", "--strict-markers"], ["moon"]),
        (["suites/marv.yaml::moon"], ["moon"]),
        (["suites/marv.yaml::gate[facts]"], ["gate[facts]"]),
        (["--deselect", "suites/marv.yaml::moon"], ["whats-the-capital-of-france", "gate[facts]"]),
    ],
    ids=" ".join,
)
def test_items_are_chosen_as_pytest_chooses(
    pytester: pytest.Pytester, marv: Path, chosen: list[str], found: list[str]
) -> None:
    assert listed(pytester, *chosen) == [f"suites/marv.yaml::{name}" for name in found]


@pytest.mark.parametrize("tag", ["skip", "xfail", "skipif", "usefixtures", "filterwarnings", "parametrize"])
def test_a_tag_chooses_and_never_acts(pytester: pytest.Pytester, tag: str) -> None:
    case = f"{{id: moon, ask: How far?, expect: '384400', tags: [{tag}]}}"
    planted(pytester.path, marv=f"suite: marv\ntuned: tuned\ncases:\n  - {case}\n")
    recorded(pytester.path, tuned={"moon": "no idea"})

    done = here(pytester, "-k", tag, "--strict-markers")

    assert done.counts == {"failed": 1}


def test_looking_asks_nothing_and_loads_nothing_that_asks(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(3, head="tuned: tuned"))
    report = "import sys\n\ndef pytest_unconfigure():\n    print('LOADED', *sorted(sys.modules))\n"
    (tmp_path / "conftest.py").write_text(report)
    with Loopback() as server:
        served(tmp_path, server)
        done = apart(tmp_path, "--collect-only", "-q", "-s")

        assert server.count == 0
    loaded = set(done.out.partition("LOADED ")[2].split())
    assert "evalharness.suite" in loaded
    assert loaded & {"openai", "aiohttp", "asyncio", "scipy", "numpy", "diskcache", "jinja2", "rich"} == set()
    assert not (tmp_path / ".evalharness").exists()


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_what_is_only_planned_is_not_asked(pytester: pytest.Pytester, option: str) -> None:
    planted(pytester.path, made=numbered(3, head="tuned: tuned"))
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester, option)

        assert server.count == 0
    assert (done.status, done.err) == (0, "")


def test_a_session_of_python_tests_loads_nothing_of_ours_but_the_plugin(tmp_path: Path) -> None:
    planted(tmp_path)
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n    print('LOADED', *sorted(sys.modules), 'END')\n"
    )

    done = apart(tmp_path, "-s")

    loaded = set(done.out.partition("LOADED ")[2].partition(" END")[0].split())
    assert {name for name in loaded if name.startswith("evalharness")} == {
        "evalharness",
        "evalharness.pytest_plugin",
        "evalharness.pytest_plugin.state",
    }
    assert done.status == 0
    assert " evalharness ===" not in done.out


def test_suites_and_python_tests_stand_side_by_side(pytester: pytest.Pytester, marv: Path) -> None:
    (marv / "test_own.py").write_text("def test_own():\n    pass\n")

    done = here(pytester, "--eval-allow-inconclusive")

    assert done.counts == {"passed": 3, "skipped": 1}


def test_yaml_elsewhere_is_a_suite_only_where_it_is_named_and_begins_like_one(pytester: pytest.Pytester) -> None:
    planted(pytester.path)
    (pytester.path / "other").mkdir()
    (pytester.path / "other/made.yaml").write_text(numbered(1, gate=""))
    (pytester.path / "other/compose.yaml").write_text("services: {}\n")

    assert listed(pytester, ".") == []
    assert listed(pytester, "other/made.yaml") == ["other/made.yaml::c0"]
    assert "not found" in here(pytester, "other/compose.yaml").err


def test_suites_may_lie_in_several_folders(pytester: pytest.Pytester) -> None:
    planted(pytester.path, one=numbered(1, gate="").replace("made", "one"))
    (pytester.path / "pytest.ini").write_text("[pytest]\neval_suites = suites more\n")
    (pytester.path / "more").mkdir()
    (pytester.path / "more/two.yml").write_text(numbered(1, gate="").replace("made", "two"))

    assert listed(pytester) == ["more/two.yml::c0", "suites/one.yaml::c0"]


@pytest.mark.parametrize("named", ["suites", "suites/marv.yaml", "suites/marv.yaml::moon"])
def test_pytest_may_be_started_in_a_subfolder(
    pytester: pytest.Pytester, marv: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    (marv / "deep").mkdir()
    monkeypatch.chdir(marv / "deep")

    done = here(pytester, f"../{named}", "--eval-allow-inconclusive")

    assert done.status == 0
    assert done.told[0].startswith(str(marv / "suites/marv.yaml"))


def test_pytest_may_be_started_outside_the_project(
    pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = pytester.mkdir("project")
    planted(inner, marv=MARV)
    recorded(inner, tuned=SAID)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    done = here(pytester, str(inner / "suites"), "--eval-allow-inconclusive")

    assert (done.status, done.counts) == (0, {"passed": 2, "skipped": 1})
    assert (inner / ".evalharness/runs/marv/tuned.jsonl").is_file()


def test_a_conftest_among_the_suites_has_its_hooks_called(pytester: pytest.Pytester, marv: Path) -> None:
    hook = "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name == 'moon']\n"
    (marv / "suites/conftest.py").write_text(hook)

    assert here(pytester, "suites").counts == {"passed": 1}


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_fault_in_a_suite_is_a_collection_error_with_its_place_and_no_traceback(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(1).replace("expect:", "exepct:"))

    done = here(pytester)

    assert done.status == 2
    assert "suites/made.yaml:5:5: a case has no field 'exepct'\n  hint: did you mean 'expect'?\n" in done.out
    assert "Traceback" not in done.out
    assert ".py" not in done.out


def test_a_fault_quotes_nothing_that_moves_the_cursor(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(1).replace("expect:", '"ex\\e[2Jp":'))

    assert "\x1b" not in here(pytester).out


def test_a_fault_in_the_config_is_a_collection_error(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(1))
    (pytester.path / "evalharness.toml").write_text("[models]\nbase = { uze = 'openai:x' }\n")

    done = here(pytester)

    assert done.status == 2
    assert "evalharness.toml: models.base" in done.out
    assert "Traceback" not in done.out


def test_two_suites_of_one_name_are_a_fault(pytester: pytest.Pytester) -> None:
    planted(pytester.path, one=numbered(1), two=numbered(1))

    done = here(pytester)

    assert done.status == 2
    assert "suites/two.yaml:1:1: suite 'made' is also the name of suites/one.yaml" in done.out


def test_one_suite_may_be_named_twice(pytester: pytest.Pytester, marv: Path) -> None:
    path = "suites/marv.yaml"

    assert listed(pytester, path, path) == listed(pytester, path)
    assert here(pytester, f"{path}::moon", f"{path}::moon", "--keep-duplicates").status == 0


def test_nothing_is_asked_after_a_collection_error_anywhere(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(3, head="tuned: tuned"))
    (pytester.path / "test_broken.py").write_text("import no_such_module\n")
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester)
        asked = server.count
        forced = here(pytester, "--continue-on-collection-errors", "-k", "c0 or broken")

        assert (asked, server.count) == (0, 1)
    assert (done.status, done.counts) == (2, {"error": 1})
    assert forced.counts["passed"] == 1


# --- what is asked ----------------------------------------------------------------------------------------------------


def asked(server: Loopback) -> list[str]:
    return sorted(seen.ask.partition(":")[0] for seen in server.seen)


def test_only_what_is_chosen_is_asked(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(5, head="tuned: tuned"), other=numbered(5).replace("made", "other"))
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester, "suites/made.yaml::c1", "suites/made.yaml::c3")

        assert asked(server) == ["n1", "n3"]
    assert done.counts == {"passed": 2}
    assert done.told[1].startswith("  2 of 5 cases, 0 missed; 2 requests sent, 0 known before")


def test_a_gate_has_all_cases_of_its_suite_asked_and_none_of_another(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(5, head="tuned: tuned"), other=numbered(5).replace("made", "other"))
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester, "suites/made.yaml::gate[facts]")

        assert asked(server) == ["n0", "n1", "n2", "n3", "n4"]
    assert done.counts == {"failed": 1}  # INCONCLUSIVE: there is no base


def test_running_the_failed_again_asks_what_they_rest_on(pytester: pytest.Pytester) -> None:
    plain = numbered(3, head="tuned: tuned", gate="").replace("made", "plain").replace("expect: n1", "expect: no")
    gated = numbered(3, head="tuned: tuned", gate="facts: {at_least: 1.0}")
    fine = numbered(3, head="tuned: tuned", gate="").replace("made", "fine").replace("say it", "say it again")
    planted(pytester.path, plain=plain, gated=gated.replace("say it", "tell"), fine=fine)
    with Loopback() as server:
        served(pytester.path, server)
        first = here(pytester)
        before = len(server.seen)
        again = here(pytester, "--lf", "--eval-cache", "refresh")

        rest = sorted(seen.ask for seen in server.seen[before:])
    assert (first.counts["failed"], before) == (2, 9)
    assert again.counts["failed"] == 2
    assert rest == ["n0: tell", "n1: say it", "n1: tell", "n2: tell"]


def test_answers_that_are_known_are_not_asked_again(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(4, head="tuned: tuned", gate=""))
    with Loopback() as server:
        served(pytester.path, server)
        here(pytester)
        again = here(pytester)

        assert server.count == 4
    assert again.told[1] == "  4 cases, 0 missed; nothing sent, 4 known before"


def test_more_samples_ask_only_the_new_ones(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(4, head="tuned: tuned", gate=""))
    with Loopback() as server:
        served(pytester.path, server)
        here(pytester)
        more = here(pytester, "--eval-samples", "3")

        assert server.count == 12
    assert more.told[1] == "  4 cases x 3, 0 missed; 8 requests sent, 4 known before"


def test_no_processes_of_xdist_is_this_process(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(4, head="tuned: tuned", gate=""))
    recorded(pytester.path, tuned=replies(4))

    assert here(pytester, "-p", "xdist.plugin", "-n0").counts == {"passed": 4}


def test_replies_are_those_of_the_model_that_is_tested(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(4, head="base: base\ntuned: tuned", gate=""))
    recorded(pytester.path, base=replies(4), tuned=replies(4, wrong=1))

    assert here(pytester).counts == {"failed": 1, "passed": 3}
    assert here(pytester, "--eval-model", "base").counts == {"passed": 4}


# --- being found ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [(), PLUGIN], ids=["found", "found-and-named"])
def test_the_plugin_is_found_where_it_is_installed_and_may_be_named_too(tmp_path: Path, named: tuple[str, ...]) -> None:
    planted(tmp_path, made=numbered(1, head="tuned: tuned", gate=""))
    recorded(tmp_path, tuned=replies(1))
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    installed = tmp_path / "site/made_up-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]) + "\n")

    path = os.pathsep.join([str(installed.parent), str(ROOT)])
    others = ("-p", "no:evalharness")  # an entry of that name, which an older installation has
    done = apart(tmp_path, *others, plugins=named, PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="")

    assert (done.status, done.counts) == (0, {"passed": 1})
