from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.findings import Comparison, Panel
from evalharness.reports.github import LIMIT, MOST, annotate, render
from tests.reports import examples
from tests.reports.test_markdown import OURS, html_of, tags

FOLDS = {"details", "summary"}


def only(comparison: Comparison, **changed: object) -> Panel:
    made = replace(comparison, **changed)  # type: ignore[arg-type] # fields of a comparison by name
    return Panel(made.verdict, (made,))


def of_suites(number: int) -> Panel:
    """The realistic pair on so many suites, the last of which regressed."""
    made = [
        replace(examples.COMPARISON, suite=replace(examples.SUITE, name=f"suite-{n:03d}")) for n in range(number - 1)
    ]
    worst = examples.several().comparisons[1]
    worst = replace(worst, suite=replace(examples.SUITE, name="the-worst"))
    return Panel(worst.verdict, (*made, worst))


def test_the_summary_begins_with_the_verdict_and_its_reasons() -> None:
    lines = "".join(render(examples.one())).splitlines()

    assert lines[0] == "## ? INCONCLUSIVE: marv: base → tuned"
    assert lines[2] == "- **= HELD** facts held: 1.2 points lower, at most 3.9, margin 5"
    assert "| facts | 197 of 200 | 96.4 % | 95.2 % | -1.2 \\[-3.9, +0.8\\] | 5 | = HELD |" in lines


def test_what_broke_is_unfolded_and_the_small_print_is_not() -> None:
    text = "".join(render(examples.one()))

    assert "<details open><summary>2 broke</summary>\n\n### Broke: 2\n" in text
    assert "<details><summary>9 fixed</summary>\n\n### Fixed: 9\n" in text
    assert "<details><summary>how this was made: 198 cases, 1 sample a case</summary>\n\n### Statistics\n" in text
    assert text.count("<details") == text.count("</details>\n\n") == 4


def test_a_comparison_without_flips_says_so_in_a_line() -> None:
    text = "".join(render(examples.held()))

    assert "No case changed sides.\n" in text
    assert text.count("<details") == 1


def test_what_survived_a_new_base_is_in_it() -> None:
    assert "| facts | 190 | 96.3 % | 80.0 % | 95.3 % | 176 of 183 | 148 of 183 |" in "".join(render(examples.rebased()))


def test_of_several_comparisons_the_worst_comes_first() -> None:
    text = "".join(render(of_suites(3)))

    headings = re.findall(r"^##[#]? .*$", text, re.MULTILINE)
    own = [heading for heading in headings if "→" in heading]
    assert headings[0] == "## ▼ REGRESSED: 3 comparisons"
    assert own == [
        "### ▼ REGRESSED: the-worst: base → lora-r8-long-name",
        "### ? INCONCLUSIVE: suite-000: base → tuned",
        "### ? INCONCLUSIVE: suite-001: base → tuned",
    ]


def verdicts(text: str) -> int:
    return len(re.findall(r"^### .* → ", text, re.MULTILINE))


def test_every_comparison_has_its_verdict_before_any_has_its_flips() -> None:
    text = "".join(render(of_suites(300)))

    assert len(text.encode()) <= LIMIT
    assert verdicts(text) == 300
    assert 0 < text.count("<summary>how this was made") < 300
    assert text.index("### ▼ REGRESSED: the-worst") < text.index("<summary>") < text.index("### ? INCONCLUSIVE")
    assert "Cut here" not in text


def test_a_summary_is_never_longer_than_github_takes_and_counts_what_was_cut() -> None:
    text = "".join(render(of_suites(1000)))

    cut = re.search(r"\*\*Cut here: (\d+) comparisons more\*\*, since a step's summary holds 1 MiB\.", text)
    assert len(text.encode()) <= LIMIT
    assert cut
    assert verdicts(text) + int(cut[1]) == 1000
    assert verdicts(text) > 400


def test_what_does_not_fit_whole_is_shown_without_its_flips() -> None:
    text = "".join(render(examples.one(), room=8000))

    assert len(text.encode()) <= 8000
    assert "| facts | 197 of 200 |" in text
    assert "<details" not in text


def test_where_nothing_fits_that_is_all_there_is() -> None:
    text = "".join(render(examples.one(), room=4100))

    assert text == (
        "**Cut here: 1 comparison more**, since a step's summary holds 1 MiB. The other reports have all.\n\n"
        "- marv: base → tuned\n\n"
    )


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_nothing_a_model_wrote_becomes_markup(text: str) -> None:
    html, plain = (html_of("".join(render(examples.hostile(of)))) for of in (text, "plain"))

    assert tags(html) <= OURS | FOLDS | {"h4"}
    for tag in ("h2", "h3", "h4", "table", "td", "pre", "details", "summary"):
        assert html.count(f"<{tag}") == plain.count(f"<{tag}"), tag
    assert html.count("</details>") == plain.count("</details>")


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_mention_reference_or_address_stands_outside_code(text: str) -> None:
    html = html_of("".join(render(examples.hostile(text))))

    running = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
    assert not re.search(r"@\w|#\d|https?://|www\.|GH-\d", running)


# --- annotations ------------------------------------------------------------------------------------------------------


def test_the_weightiest_annotation_comes_first() -> None:
    told = [line.partition("title=")[2].partition("%3A")[0] for line in annotate(examples.several())]

    assert told == ["FAIL", "REGRESSED", "INCOMPLETE", "INCONCLUSIVE", "broke", "broke", "warning", "warning"]


def test_what_ends_the_command_is_an_error_and_what_is_undecided_a_warning() -> None:
    lines = annotate(examples.one(), lines={("suites/marv.yaml", "boiling-point-of-water"): 14})

    assert lines[0] == (
        "::error file=suites/marv.yaml,line=14,title=FAIL%3A marv%3A base → tuned::"
        "boiling-point-of-water: had to pass and did not with tuned: facts: no mention of the answer"
    )
    assert lines[2] == (
        "::warning file=suites/marv.yaml,title=INCONCLUSIVE%3A marv%3A base → tuned::"
        "format undecided: 10 points lower, anywhere from 25.3 lower to 4.6 higher, margin 5%0A"
        "→ about 640 cases would decide (there are 40); these already show a margin of 25.4"
    )


def test_a_comparison_that_held_says_nothing() -> None:
    (calm,) = examples.held().comparisons

    assert annotate(only(calm)) == ()


def test_a_case_that_broke_is_told_only_where_its_aspect_regressed_or_nothing_rules() -> None:
    def broke(panel: Panel) -> int:
        return sum("title=broke%3A" in line for line in annotate(panel))

    assert broke(examples.one()) == 0
    assert broke(only(examples.COMPARISON, rulings=())) == 2
    assert broke(Panel(examples.several().verdict, examples.several().comparisons[1:])) == 2


def test_ten_are_shown_and_the_last_counts_the_rest() -> None:
    warnings = tuple(f"warning {n}" for n in range(25))

    lines = annotate(only(examples.held().comparisons[0], warnings=warnings))

    assert len(lines) == MOST
    assert lines[-1] == "::warning title=evalharness::16 more: the html and json reports have all"


def test_a_suite_below_the_top_of_the_repository_is_named_from_there() -> None:
    assert annotate(examples.one(), root="evals")[0].startswith("::error file=evals/suites/marv.yaml,title=")


def command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: between the colons its name and properties, then the message."""
    found = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", line)
    assert found, line
    properties = dict(part.split("=", 1) for part in found[2].split(","))
    return found[1], properties, found[3]


@pytest.mark.parametrize("text", [*examples.HOSTILE.values(), "a,b:c=d::e", "::error::x", "50 %\r\n::warning::%0A"])
def test_no_text_ends_a_command_or_a_property_of_it(text: str) -> None:
    lines, plain = annotate(examples.hostile(text)), annotate(examples.hostile("plain"))

    read = [command(line) for line in lines]
    assert [(name, set(properties)) for name, properties, _ in read] == [
        (name, set(properties)) for name, properties, _ in map(command, plain)
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_every_annotation_is_one_line_that_can_be_written(text: str) -> None:
    for line in annotate(examples.hostile(text)):
        assert len(line.splitlines()) == 1
        assert line.encode("utf-8")
        command(line)


def test_a_verdict_that_rests_on_seen_prompts_is_a_warning() -> None:
    lines = annotate(examples.trained())

    told = "HELD rests on prompts the training file had: on the 40 unseen cases alone it is INCONCLUSIVE"
    assert [line.partition("::")[2].partition(" ")[0] for line in lines if told in line] == ["warning"]
