from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from evalharness.findings import Comparison, LeftOut, Panel, Ruling, Trained
from evalharness.reports.release_notes import render
from tests.reports import examples
from tests.reports.test_markdown import OURS, html_of, tags

HELD = """\
## = HELD: marv: base → tuned

facts held: 1.2 points lower, at most 3.9, margin 5

| aspect | cases | base | tuned | change in points | margin | verdict |
| :-- | --: | --: | --: | :-- | --: | :-- |
| facts | 197 of 200 | 96.4 % | 95.2 % | -1.2 \\[-3.9, +0.8\\] | 5 | = HELD |

Both models were asked the same cases. Rates are percent of the best score; changes are points, with a 95 % interval.
= HELD: a loss larger than the margin is ruled out.

No case that passed with base fails with tuned.

### Not shown by this

- some replies were graded by a model, not by a rule: judge
- each case was asked once: how much replies vary from one time to the next was not measured
- whether the cases, or some like them, were in the training data was not looked at

### How to make it again

```text
command        evalharness compare suites/marv.yaml --base base --tuned tuned --seed 7
suite          marv 3f9c0d1e5ab7 (suites/marv.yaml)
gate           facts drop_at_most: 0.05
compared       197 cases, 1 sample a case
judges         judge
reading        scope population, alpha 0.05, test exact, seed 7
evalharness    0.1.0
base           base
  model        openai:gpt-4o-mini
  served as    gpt-4o-mini-2024-07-18
  fingerprint  fp_1
  parameters   temperature=0
  began        2026-11-20T09:12:44+00:00
  requests     203 sent, 0 known before; 0.0071 USD; 12,040 tokens in, 8,841 out
tuned          tuned
  model        openai:ft:gpt-4o-mini:acme::abc123
  served as    ft:gpt-4o-mini:acme::abc123
  fingerprint  fp_1
  parameters   temperature=0
  began        2026-11-20T09:12:44+00:00
  requests     0 sent, 198 known before; 12,040 tokens in, 15,210 out
```
"""


def only(comparison: Comparison, **changed: object) -> Panel:
    made = replace(comparison, **changed)  # type: ignore[arg-type] # fields of a comparison by name
    return Panel(made.verdict, (made,))


def notes(panel: Panel) -> str:
    return "".join(render(panel))


def part(text: str, heading: str) -> list[str]:
    """The lines below a heading."""
    _, _, rest = text.partition(f"\n### {heading}")
    return [line for line in rest.partition("\n### ")[0].splitlines()[1:] if line]


def test_the_whole_notes_of_a_tune_that_held() -> None:
    assert notes(examples.held()) == HELD


def test_the_first_line_is_the_verdict_and_the_next_its_sentence() -> None:
    lines = notes(examples.one()).splitlines()

    assert lines[0] == "## ? INCONCLUSIVE: marv: base → tuned"
    assert lines[2] == "format undecided: 10 points lower, anywhere from 25.3 lower to 4.6 higher, margin 5"


def test_cases_that_broke_are_named_with_their_question_and_without_a_reply() -> None:
    text = notes(examples.one())

    assert part(text, "Broke: 2 cases") == [
        "- `whats-the-capital-of-australia` (facts): What's the capital of Australia?",
        "- `boiling-point-of-water` (facts): At what temperature does water boil on Everest?",
        "Fixed: 8 cases (facts 1, style 8).",
    ]
    assert not any(reply in text for both in examples.REPLIES for reply in both)


def test_a_case_that_broke_in_two_aspects_is_named_once() -> None:
    flips = (examples.FLIPS[0], replace(examples.FLIPS[0], aspect="style"))

    assert part(notes(only(examples.COMPARISON, flips=flips)), "Broke: 1 case") == [
        "- `whats-the-capital-of-australia` (facts, style): What's the capital of Australia?"
    ]


def test_a_case_that_had_to_pass_is_told_with_its_check() -> None:
    assert part(notes(examples.one()), "Had to pass and did not: 1 case") == [
        "- `boiling-point-of-water` with tuned: facts: no mention of the answer"
    ]


def test_what_nobody_knows_is_listed() -> None:
    assert part(notes(examples.one()), "Not shown by this")[:7] == [
        "- **format** is undecided: about 640 cases would decide (there are 40); these already show a margin of 25.4",
        "- **INCOMPLETE**: answers are missing (base 1 timeout; tuned 3 invalid, 2 limit); "
        "they count neither as right nor as wrong",
        "- left out: 2 cases, tuned only: limit: 429 after 5 tries",
        "- left out: 1 case, base only: timeout: no answer within 120 s",
        "- some replies were graded by a model, not by a rule: judge",
        "- each case was asked once: how much replies vary from one time to the next was not measured",
        "- whether the cases, or some like them, were in the training data was not looked at",
    ]


def test_nothing_is_called_unknown_that_was_measured() -> None:
    suite = replace(examples.SUITE, judges=(), samples=3, train="train.jsonl")

    looked_up = Trained("train.jsonl", "5f1c", seen=0, near=0, unseen=197)
    panel = only(examples.held().comparisons[0], suite=suite, trained=looked_up)

    assert part(notes(panel), "Not shown by this") == []
    assert "Not shown" not in notes(panel)


def test_a_training_file_that_was_named_and_not_there_was_not_looked_at() -> None:
    suite = replace(examples.SUITE, train="train.jsonl")

    text = notes(only(examples.held().comparisons[0], suite=suite))

    assert "in the training data was not looked at" in text


def test_a_selection_a_scope_and_an_aspect_without_a_gate_are_told() -> None:
    suite = replace(examples.SUITE, selected=("--tag trap",), scope="suite")
    idle = replace(examples.DELTAS[2], gates=False)
    silent = replace(examples.DELTAS[2], aspect="tone", slice="tone", change=None)

    lines = part(notes(only(examples.COMPARISON, suite=suite, deltas=(idle, silent))), "Not shown by this")

    assert "- only a selection of the cases was looked at: `--tag trap`" in lines
    assert "- scope suite: the intervals are about these very cases, not about other prompts" in lines
    assert "- measured, but the verdict does not rest on it: format" in lines
    assert "- no case could be compared in tone" in lines


def test_a_criterion_without_a_remedy_gives_its_reason() -> None:
    ruling = Ruling("wins", "win_at_least: 0.5", "INCONCLUSIVE", "wins undecided: no duel was judged")

    lines = part(notes(only(examples.COMPARISON, rulings=(ruling,))), "Not shown by this")

    assert lines[0] == "- **wins** is undecided: wins undecided: no duel was judged"


def test_many_causes_are_counted() -> None:
    lost = tuple(LeftOut(f"c{n}", "facts", "tuned", f"cause {n}") for n in range(9))

    lines = part(notes(only(examples.COMPARISON, left_out=lost)), "Not shown by this")

    assert [line for line in lines if "left out" in line][-1] == "- left out for 5 more causes"


def test_a_run_that_was_cut_short_is_told() -> None:
    panel = only(examples.COMPARISON, tuned=replace(examples.TUNED, failures={}, tally=None))

    assert "(base 1 timeout; tuned a run that was cut short)" in notes(panel)


def test_an_accepted_baseline_and_a_third_arm_are_in_the_block() -> None:
    text = notes(examples.rebased())

    block = text[text.index("```text") :].splitlines()
    assert "  baseline     v3, accepted 2026-09-02: the voice of autumn" in block
    assert "via            gpt-5-mini" in block
    assert "| facts | 190 | 96.3 % | 80.0 % | 95.3 % | 176 of 183 | 148 of 183 |" in text


def test_a_verdict_on_seen_prompts_opens_the_notes_with_the_gap_and_without_replies() -> None:
    text = notes(examples.trained())

    assert text.splitlines()[2].startswith("HELD rests on prompts the training file had: on the 40 unseen cases")
    assert "| facts | -0.6 (157) | -3.8 (40) | +3.2 \\[-4.1, +10.5\\] |" in text
    assert "Pack a lunch, it is about" not in text
    assert "was not looked at" not in text


def test_the_command_can_be_typed_again() -> None:
    suite = replace(examples.SUITE, path="my suites/it's.yaml", samples=3, selected=("--tag trap", "--case who is it"))

    (row,) = (row for row in notes(only(examples.COMPARISON, suite=suite)).splitlines() if row.startswith("command"))

    assert shlex.split(row)[1:] == [
        *("evalharness", "compare", "my suites/it's.yaml", "--base", "base", "--tuned", "tuned"),
        *("--samples", "3", "--tag", "trap", "--case", "who is it", "--seed", "7"),
    ]
    assert " --base v3 --via gpt-5-mini --tuned tuned " in notes(examples.rebased())


def test_no_server_and_no_run_file_is_named() -> None:
    model = replace(examples.BASE.model, base_url="http://gpu7.internal:8000/v1")

    text = notes(only(examples.COMPARISON, base=replace(examples.BASE, model=model)))

    assert "gpu7" not in text
    assert ".jsonl" not in text


@pytest.mark.parametrize(("panel", "most"), [("one", 62), ("held", 45), ("every_kind", 62), ("many", 82)])
def test_it_is_short(panel: str, most: int) -> None:
    assert len(notes(getattr(examples, panel)()).splitlines()) <= most


def test_ten_of_many_that_broke_are_named_and_the_rest_counted() -> None:
    lines = part(notes(examples.many()), "Broke: 2,500 cases")

    assert len([line for line in lines if line.startswith("- `")]) == 10
    assert "- … and 2,490 more" in lines


def test_several_comparisons_are_one_table_and_then_each_in_short() -> None:
    text = notes(examples.several())

    assert text.startswith("## ▼ REGRESSED: 2 comparisons\n\n| comparison | facts | style | format | verdict |\n")
    assert text.count("| verdict |") == 1
    assert part(text, "▼ REGRESSED: marv: base → lora-r8-long-name")[:2] == [
        "facts regressed: 25.4 points lower, at least 19 and at most 31, margin 5",
        "- broke: 2 cases, `whats-the-capital-of-australia`, `boiling-point-of-water`",
    ]
    assert "▼ REGRESSED: worse than asked for, and not by chance" in text


def test_what_several_comparisons_share_stands_once_in_the_block() -> None:
    block = notes(examples.several()).partition("```text")[2].splitlines()

    assert [line for line in block if line.startswith(("base ", "tuned "))] == [
        "base           base",
        "tuned          tuned",
        "tuned          lora-r8-long-name",
    ]


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
@pytest.mark.parametrize("alone", [True, False])
def test_nothing_a_model_wrote_becomes_markup(text: str, *, alone: bool) -> None:
    def made(of: str) -> str:
        panel = examples.hostile(of)
        return html_of(notes(Panel(panel.verdict, panel.comparisons[:1]) if alone else panel))

    html, plain = made(text), made("plain")

    assert tags(html) <= OURS | {"h4"}
    for tag in ("h2", "h3", "h4", "table", "td", "pre", "li", "code"):
        assert html.count(f"<{tag}") == plain.count(f"<{tag}"), tag


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_mention_reference_or_address_stands_outside_code(text: str) -> None:
    html = html_of(notes(examples.hostile(text)))

    running = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
    assert not re.search(r"@\w|#\d|https?://|www\.|GH-\d", running)
