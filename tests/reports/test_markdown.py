from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from evalharness.findings import Panel
from evalharness.reports.markdown import render
from tests.reports import examples
from tests.reports.test_terminal import with_reply

OURS = {"h1", "h2", "h3", "p", "ul", "li", "strong", "code", "pre", "br", "table", "thead", "tbody", "tr", "th", "td"}
"""What the report itself is made of: no link, no image, nothing of HTML's own."""


def html_of(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text))


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


def test_the_verdict_stands_first_with_a_sentence_a_criterion() -> None:
    lines = "".join(render(examples.one())).splitlines()

    assert lines[0] == "# ? INCONCLUSIVE: marv: base → tuned"
    assert lines[2] == "- **= HELD** facts held: 1.2 points lower, at most 3.9, margin 5"
    assert lines[4].startswith("- **? INCONCLUSIVE** format undecided: 10 points lower")
    assert lines[4].endswith("→ about 640 cases would decide (there are 40); these already show a margin of 25.4")
    fail = "- **✗ FAIL** `boiling-point-of-water`: had to pass and did not with tuned: facts: no mention of the answer"
    assert fail in lines


def test_what_is_missing_is_told_by_arm_and_kind_with_what_to_do() -> None:
    lines = "".join(render(examples.one())).splitlines()

    at = next(at for at, line in enumerate(lines) if line.startswith("- **INCOMPLETE** answers are missing"))
    assert lines[at + 1 : at + 4] == [
        "- **missing** base: 1 timeout: no answer within 120 s → run again: only the missing answers are asked",
        "- **missing** tuned: 3 invalid: not a completion but an HTML page: &lt;html&gt;&lt;title&gt;502&lt;/title&gt; "
        "→ mend this first: asking again gives the same",
        "- **missing** tuned: 2 limit: 429 after 5 tries → run again: only the missing answers are asked",
    ]


def test_no_absolute_path_stands_in_it(tmp_path: Path) -> None:
    (comparison,) = examples.one().comparisons
    run = replace(comparison.base, path=str(tmp_path / "runs" / "base.jsonl"))

    text = "".join(render(Panel(comparison.verdict, (replace(comparison, base=run),))))

    assert "- base run file: `base.jsonl`\n" in text
    assert str(tmp_path) not in text


def test_slices_that_stand_out_and_are_not_listed_are_counted() -> None:
    (comparison,) = examples.held().comparisons
    notable = tuple(replace(examples.DELTAS[5], slice=f"facts · tag t{n}") for n in range(12))

    text = "".join(render(Panel(comparison.verdict, (replace(comparison, deltas=notable),))))

    assert "12 of 12 tags, checks and turns stand out; " in text
    assert "… and 2 more.\n" in text


def test_the_table_is_a_table() -> None:
    html = html_of("".join(render(examples.one())))

    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert cells[:7] == ["facts", "197 of 200", "96.4 %", "95.2 %", "-1.2 [-3.9, +0.8]", "5", "= HELD"]


def test_flips_come_with_a_word_diff_in_a_block() -> None:
    text = "".join(render(examples.one()))

    assert "```diff\n- About 384,400 km on average.\n+ About 384,400 km on average. {+Pack a lunch.+}\n```\n" in text
    assert "why: `no mention of 'Canberra'`\n" in text


def test_it_fits_a_comment_of_a_forge_however_many_cases_there_are() -> None:
    text = "".join(render(examples.many()))

    assert len(text) < 65_536
    assert "… and 2,490 more." in text


def test_several_arms_begin_with_a_table_of_verdicts() -> None:
    text = "".join(render(examples.several()))

    assert text.startswith("# ▼ REGRESSED: 2 comparisons\n")
    assert "| marv: base → lora-r8-long-name | ▼ -25.4 \\[-31.0, -19.0\\] |" in text


def test_that_a_verdict_rests_on_seen_prompts_is_the_first_line_below_the_title() -> None:
    text = "".join(render(examples.trained()))

    first = "- **HELD rests on prompts the training file had: on the 40 unseen cases alone it is INCONCLUSIVE**\n"
    assert text.partition("\n\n")[2].startswith(first)
    assert text.count("rests on prompts") == 1


def test_the_held_out_gap_is_a_table_beside_the_training_file() -> None:
    text = "".join(render(examples.trained()))

    assert "| aspect | seen + near | unseen | held-out gap in points |\n" in text
    assert "| facts | -0.6 (157) | -3.8 (40) | +3.2 \\[-4.1, +10.5\\] |\n" in text
    assert "| oh what a joy | 5 % | 0 % | 41 % |\n" in text


def test_what_survived_a_new_base_is_a_table_below_its_sentence() -> None:
    text = "".join(render(examples.rebased()))

    assert (
        "## What survived the new base\n\n"
        "the new tune kept 331 of 343 that 'v3' passed; gpt-5-mini alone keeps 160\n\n"
        "- old tune: `v3`\n- new base: `gpt-5-mini`\n- new tune: `tuned`\n\n"
        "| aspect | cases | old tune | new base | new tune | kept of what the old passed | new base alone keeps |\n"
        "| :-- | --: | --: | --: | --: | --: | --: |\n"
        "| facts | 190 | 96.3 % | 80.0 % | 95.3 % | 176 of 183 | 148 of 183 |\n"
    ) in text
    assert "- base baseline: `v3, accepted 2026-09-02: the voice of autumn`\n" in text
    assert "- via model: `openai:gpt-5-mini`\n" in text


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_nothing_a_model_wrote_becomes_markup(text: str) -> None:
    report = "".join(render(examples.hostile(text)))
    plain = "".join(render(examples.hostile("plain")))

    html = html_of(report)
    assert tags(html) <= OURS
    assert report.encode("utf-8")
    for tag in ("h1", "h2", "h3", "table", "td", "pre"):
        assert html.count(f"<{tag}") == html_of(plain).count(f"<{tag}"), tag


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_mention_reference_or_address_stands_outside_code(text: str) -> None:
    html = html_of("".join(render(examples.hostile(text))))

    running = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
    assert not re.search(r"@\w|#\d|https?://|www\.|GH-\d", running)


def test_a_reply_of_ten_megabytes_is_elided_with_a_note() -> None:
    text = "".join(render(with_reply("long " * 2_000_000)))

    assert re.search(r"… 9,99\d,\d{3} characters …", text)
    assert len(text) < 20_000
