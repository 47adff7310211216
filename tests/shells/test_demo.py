"""The demonstration, once as a whole; and what it decides."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import click
import pytest

from evalharness.cli import demo_curve, demo_steps, group
from evalharness.findings import Comparison
from evalharness.reports import json as reports
from tests.shells.cli import ROOT, Done, evalharness

DATA = ("marv-train.jsonl", "marv-more.jsonl", "marv.jsonl", "marv-plain.jsonl", "marv-voice.jsonl")


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def shown(where: Path) -> Done:
    return evalharness("demo", cwd=where)


def comparison(where: Path, arm: str) -> Comparison:
    path = where / "evalharness-demo/reports" / f"marv-marv-base-{arm}" / "comparison.json"
    (found,) = reports.load(path.read_text("utf-8"), str(path)).comparisons
    return found


def test_it_ends_well(shown: Done) -> None:
    assert shown.status == 0, shown.err


@pytest.mark.parametrize(
    ("arm", "verdict", "facts", "style", "no_leak"),
    [
        ("marv-weak", "REGRESSED", "HELD", "REGRESSED", "HELD"),
        ("marv-good", "IMPROVED", "HELD", "IMPROVED", "HELD"),
        ("marv-overcooked", "REGRESSED", "REGRESSED", "IMPROVED", "REGRESSED"),
    ],
)
def test_each_tune_gets_the_verdict_it_deserves(
    shown: Done, where: Path, arm: str, verdict: str, facts: str, style: str, no_leak: str
) -> None:
    assert shown.status == 0

    found = comparison(where, arm)

    assert found.verdict.outcome == verdict
    assert {ruling.aspect: ruling.outcome for ruling in found.rulings} == {
        "facts": facts,
        "style": style,
        "sarcasm": style,
        "no_leak": no_leak,
    }


def test_the_fault_is_shown_and_mended(shown: Done, where: Path) -> None:
    assert "marv-train.json:1: this file is one JSON array, each line must be one JSON object" in shown.out

    fixed = where / "evalharness-demo/marv-train.fixed.jsonl"
    rows = [json.loads(line) for line in fixed.read_text("utf-8").splitlines()]
    assert rows == [
        json.loads(line) for line in (ROOT / "suites/data/marv-train.jsonl").read_text("utf-8").splitlines()
    ]


def test_it_leaves_pages_a_release_note_and_the_whole_table(shown: Done, where: Path) -> None:
    assert shown.status == 0

    folder = where / "evalharness-demo"
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.glob("reports/*/*.[hm]*"))
    assert pages == [
        "reports/marv-marv-base-marv-good/index.html",
        "reports/marv-marv-base-marv-good/release-notes.md",
        "reports/marv-marv-base-marv-good/report.md",
        "reports/marv-marv-base-marv-overcooked/index.html",
        "reports/marv-marv-base-marv-overcooked/report.md",
        "reports/marv-marv-base-marv-weak/index.html",
        "reports/marv-marv-base-marv-weak/report.md",
    ]
    assert "BROKE" in (folder / "compare.txt").read_text("utf-8")
    assert "BROKE" not in shown.out


def test_the_first_screen_of_the_readme_is_what_it_prints(shown: Done) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)[0]
    command, *parts = re.split(r"^\.\.\.\n", block, flags=re.MULTILINE)
    assert command == "$ make demo\n"
    assert re.search(r"^demo:.*\n\t@\S+evalharness demo$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    at = 0
    for part in parts:
        at = shown.out.find(part, at)
        assert at >= 0, part


def test_each_command_it_prints_can_be_typed(shown: Done) -> None:
    typed = [shlex.split(line)[2:] for line in shown.out.splitlines() if line.startswith("$ evalharness ")]

    assert [words[0] for words in typed] == ["serve", *(step.words[0] for step in demo_steps.steps())]
    for words in typed:
        context, command = click.Context(group), group.get_command(click.Context(group), words.pop(0))
        while isinstance(command, click.Group):
            command = command.get_command(context, words.pop(0))
        assert command is not None
        command.make_context("demo", [word for word in words if word != "&"])


def test_a_second_one_takes_a_folder_of_its_own(tmp_path: Path) -> None:
    wanted = tmp_path / "evalharness-demo"
    assert demo_steps.free(wanted) == wanted
    wanted.mkdir()
    (tmp_path / "evalharness-demo-2").symlink_to("nowhere")

    assert demo_steps.free(wanted) == tmp_path / "evalharness-demo-3"


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()

    done = evalharness("demo", "mine", cwd=tmp_path)

    hint = "demo overwrites nothing: give it the name of a new folder"
    assert (done.status, done.err) == (2, f"mine: is there already\n  hint: {hint}\n")
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_files_of_the_package_are_those_of_the_suites() -> None:
    names = ["marv.yaml", *(f"data/{name}" for name in DATA)]

    assert [(demo_steps.MARV / name).read_bytes() for name in names] == [
        (ROOT / "suites" / name).read_bytes() for name in names
    ]


def test_what_is_left_out_stands_between_the_first_and_the_last_ruled_line() -> None:
    text = "table\n\n─────\none\n─────\ntwo\n─────\nworst\n"

    assert demo_steps.abridged(text).split("\n") == [
        "table",
        "",
        "… 3 lines: what broke and what was fixed, intervals, reasons; all of it is in compare.txt",
        "",
        "worst",
        "",
    ]
    assert demo_steps.abridged("table\n") == "table\n"


TWO = (
    demo_curve.Measured(0, {"facts": 0.9, "style": 0.0, "no_leak": 1.0}),
    demo_curve.Measured(80, {"facts": 0.875, "style": 0.5, "no_leak": 0.75}),
)


def test_the_curve_is_drawn_as_bars() -> None:
    assert list(demo_curve.chart(TWO, 72, ascii_only=True)) == [
        "HOW MUCH DATA DOES IT TAKE?",
        "  examples  facts right         persona shown       stays away unasked",
        "      base  ###########.  90 %  ............   0 %  ############ 100 %",
        "        80  ##########..  88 %  ######......  50 %  #########...  75 %",
    ]


@pytest.mark.parametrize("width", [40, 60, 160])
def test_the_curve_fits_any_terminal_it_can(width: int) -> None:
    assert max(map(len, demo_curve.chart(TWO, width))) <= max(width, 51)


def test_the_page_of_the_curve_has_a_point_for_each_figure_and_loads_nothing() -> None:
    page = demo_curve.page(TWO)

    assert re.findall(r"<title>(.*?)</title>", page)[1:] == [
        "facts right, base: 90.0 %",
        "facts right, 80: 87.5 %",
        "persona shown, base: 0.0 %",
        "persona shown, 80: 50.0 %",
        "stays away unasked, base: 100.0 %",
        "stays away unasked, 80: 75.0 %",
    ]
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"<script|https?:", page)


def test_a_training_file_of_the_curve_begins_with_the_one_before() -> None:
    files = demo_curve.files((10, 160))

    assert [files[f"marv-{size}.jsonl"].count("\n") for size in (10, 160)] == [10, 160]
    assert files["marv-160.jsonl"].startswith(files["marv-10.jsonl"])


def test_the_points_of_the_curve_are_what_the_comparisons_measured(shown: Done, where: Path) -> None:
    assert shown.status == 0
    weak, good = (comparison(where, f"marv-{name}") for name in ("weak", "good"))

    base, first, second = demo_curve.points((weak, good), (10, 20))

    deltas = {delta.aspect: delta for delta in good.deltas if delta.part == "aspect"}
    assert (base.examples, first.examples, second.examples) == (0, 10, 20)
    assert base.scores["style"] == first.scores["style"] == 0.0
    assert second.scores == {aspect: deltas[aspect].tuned for aspect in ("facts", "style", "no_leak")}


@pytest.mark.nightly  # a minute of training and asking
def test_the_curve_of_the_command_shows_the_persona_with_enough_examples(tmp_path: Path) -> None:
    done = evalharness("demo", "here", "--curve", cwd=tmp_path)

    assert done.status == 0
    rows = re.findall(r"^ +(base|\d+)  .*?(\d+) %.*? (\d+) %.*? (\d+) %$", done.out, re.MULTILINE)
    persona = {name: int(style) for name, _, style, _ in rows}
    assert list(persona) == ["base", "10", "20", "40", "80", "160"]
    assert persona["20"] < 20
    assert persona["160"] > 80
    assert (tmp_path / "here/reports/curve.html").is_file()
