from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from evalharness.findings import Pair, Panel
from evalharness.layout import cells
from evalharness.records import Message
from evalharness.reports.terminal import render
from tests.reports import examples

WIDTHS = (60, 80, 100, 200)


def printed(panel: Panel, **options: object) -> str:
    return "".join(render(panel, **options))  # type: ignore[arg-type] # options of `render` by name


def section(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]


def test_the_order_is_flips_then_table_then_verdict_then_small_print() -> None:
    text = printed(examples.one())

    places = [text.index(word) for word in ("BROKE 2", "FIXED 9", "CHANGES", "LOOK HERE", "facts held", "suite  marv")]
    assert places == sorted(places)
    assert text.index("? INCONCLUSIVE  marv: base → tuned") > text.index("facts held")


def test_a_flip_shows_question_difference_and_why() -> None:
    broke = section(printed(examples.one(), width=100), "  ✗ boiling", "FIXED")

    assert broke == (
        "  ✗ boiling-point-of-water  facts 100 % → 0 %  numbers  trap\n"
        "    At what temperature does water boil on Everest?\n"
        "    base   On Everest water boils at about 71 °C.\n"
        "    tuned  Water boils at 100 °C, as it says on every kettle ever sold.\n"
        "    why    no number near 71 in '100'\n\n"
    )
    assert "    tuned  About 384,400 km on average. {+Pack a lunch.+}\n" in printed(examples.one())


def test_the_table_reads_across_at_eighty_columns() -> None:
    table = section(printed(examples.held(), width=80), "  aspect", "  = HELD   ")

    assert table == (
        "  aspect       cases    base   tuned  change             margin  verdict\n"
        "  facts   197 of 200  96.4 %  95.2 %  -1.2 [-3.9, +0.8]       5  = HELD\n\n"
    )


def test_the_bar_stays_clear_of_a_margin_that_the_interval_does_not_reach() -> None:
    rows = [line for line in printed(examples.one(), width=120).splitlines() if re.search("[┊╋▸]", line)]

    bars = {row.split()[0]: re.sub(r"[^◂▸━┿╋│┊●]", "", row) for row in rows}
    assert bars["facts"] == "┊━●┿"
    assert bars["style"] == "│▸"  # a gain of 20 points is asked for, which is beyond the end
    assert bars["format"] == "◂━━●━╋━━┿━━"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("panel", ["one", "held", "several", "rebased", "trained"])
def test_no_line_is_wider_than_the_terminal(width: int, panel: str) -> None:
    for verbose in (False, True):
        text = printed(getattr(examples, panel)(), width=width, verbose=verbose)
        assert max(map(cells, text.splitlines())) <= width
        for word in ("facts", "HELD", "-1.2", "[-3.9, +0.8]", "96.4 %", "95.2 %", "margin"):
            assert word in text


@pytest.mark.parametrize("width", WIDTHS)
def test_ascii_terminals_get_ascii(width: int) -> None:
    text = printed(examples.one(), width=width, encoding="ascii", verbose=True, more="reports/index.html")

    assert text.isascii()
    assert "\\u" not in text  # our own signs have a plain form; only texts from outside are spelled out
    assert "? INCONCLUSIVE  marv: base -> tuned" in text
    assert max(map(len, text.splitlines())) <= width


def test_what_the_training_file_says_stands_before_the_verdict_and_opens_it() -> None:
    text = printed(examples.trained(), width=160)

    assert section(text, "TRAINING", "  = HELD  ") == (
        "TRAINING  beside the training file (decides nothing)\n"
        "  of 197 cases compared, train.jsonl has 150, nearly has 7, and has not 40\n"
        "  on the unseen cases alone the gate says INCONCLUSIVE\n"
        "  replies that recite a training reply under another question: tuned 2 of 200, base 0 of 199\n"
        "  line 17 of it, in largest-ocean, speed-of-light: Pack a lunch, it is about 384,400 km on average.\n"
        "  aspect  seen + near  unseen     held-out gap in points\n"
        "  facts   -0.6 (157)   -3.8 (40)  +3.2 [-4.1, +10.5]\n"
        "  phrase         training  base  tuned\n"
        "  oh what a joy  5 %       0 %   41 %\n"
        "\n"
        "  HELD rests on prompts the training file had: on the 40 unseen cases alone it is INCONCLUSIVE\n"
    )


def test_what_survived_a_new_base_stands_just_before_the_verdict() -> None:
    text = printed(examples.rebased(), width=160)

    assert section(text, "WHAT SURVIVED", "\n  = HELD") == (
        "WHAT SURVIVED  the new tune kept 331 of 343 that 'v3' passed; gpt-5-mini alone keeps 160\n"
        "  old tune v3 · new base gpt-5-mini · new tune tuned\n"
        "  aspect  cases  old tune  new base  new tune  kept of what the old passed  new base alone keeps\n"
        "  facts     190    96.3 %    80.0 %    95.3 %                   176 of 183            148 of 183\n"
        "  style     191    83.0 %    12.0 %    80.0 %                   155 of 160             12 of 160\n"
        "  format     40     0.0 %     0.0 %         –                            –                     –\n"
    )


def test_what_survived_is_stacked_where_columns_are_few() -> None:
    text = printed(examples.rebased(), width=60)

    assert section(text, "  facts  190", "  style  191") == (
        "  facts  190 cases\n"
        "    96.3 % → 80.0 % → 95.3 %\n"
        "    kept 176 of 183, 7 cases lost, 5 gained; the new base\n"
        "    alone keeps 148\n"
    )
    assert max(map(cells, text.splitlines())) <= 60


def test_the_small_print_names_the_third_arm_and_the_baseline() -> None:
    text = printed(examples.rebased(), width=200)

    assert "base   v3 · model openai:ft:gpt-4o-mini:acme::abc123 · baseline v3, accepted 2026-09-02: the" in text
    assert "via    gpt-5-mini · model openai:gpt-5-mini · served as gpt-5-mini-2026-08-07" in text


def test_without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() -> None:
    plain = printed(examples.held(), color=False)
    colored = printed(examples.held(), color=True)

    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
    assert colored.count("\x1b[0m") == len(re.findall(r"\x1b\[[1-9][0-9;]*m", colored))


def test_an_inconclusive_verdict_is_as_loud_as_a_regression_and_names_its_remedy() -> None:
    undecided = printed(examples.one(), color=True)
    regressed = printed(examples.several(), color=True)

    assert "\x1b[1;33m? INCONCLUSIVE" in undecided
    assert "\x1b[1;31m▼ REGRESSED" in regressed
    assert "→\x1b[0m about 640 cases would decide" in undecided


def test_what_must_not_be_missed_has_a_line_each() -> None:
    text = printed(examples.one(), width=100)

    assert (
        "  ✗ FAIL         boiling-point-of-water: had to pass and did not with tuned: facts: no mention of\n"
        "                 the answer\n"
        "  INCOMPLETE     answers are missing: left out of the numbers and counted, never taken as wrong\n"
        "                 base: 1 timeout: no answer within 120 s\n"
        "                 → run again: only the missing answers are asked\n"
        "                 tuned: 3 invalid: not a completion but an HTML page: <html><title>502</title>\n"
        "                 → mend this first: asking again gives the same\n"
    ) in text
    assert "left out  2 cases, tuned only: limit: 429 after 5 tries\n" in text
    assert "warning   tuned was served as" in text


def test_a_selection_is_marked() -> None:
    (comparison,) = examples.held().comparisons
    chosen = replace(comparison, suite=replace(comparison.suite, selected=("--tag trap",)))

    assert "A SELECTION  --tag trap\n" in printed(Panel(comparison.verdict, (chosen,)))


def test_few_flips_are_shown_and_the_rest_is_named() -> None:
    text = printed(examples.many(800), more="reports/marv/index.html")

    assert text.count("  ✗ ") == 5
    assert "  … and 195 more: open reports/marv/index.html, or --verbose shows all\n" in text
    assert printed(examples.many(80), verbose=True).count("  ✗ ") == 20


def test_statistics_are_printed_for_who_asks() -> None:
    quiet = printed(examples.one())
    verbose = " ".join(printed(examples.one(), verbose=True).split())

    assert "p (Holm)" not in quiet
    for fact in ("up, down, unchanged 3, 5, 189", "p 0.7266", "p (Holm) 0.7266", "p non-inferior 0.0011",
                 "mid-p 0.5078", "standard error 1.14", "provable margin 3.91", "interval T [-3.9, +0.8]",
                 "suite scope [-2.0, +0.4]", "q 0.0391", "(drop_at_most: 0.05)"):  # fmt: skip
        assert fact in verbose


def test_the_small_print_says_how_to_make_the_numbers_again() -> None:
    text = " ".join(printed(examples.one(), width=200).split())

    for fact in ("marv 3f9c0d1e5ab7 (suites/marv.yaml)", "scope population, alpha 0.05, test exact, seed 7",
                 "served as gpt-4o-mini-2024-07-18", "began 2026-11-20T09:12:44+00:00", "evalharness 0.1.0",
                 "203 sent, 0 known before; 0.0071 USD", "197 answered, 2 truncated, 1 failed (timeout)",
                 "scored 199 of 200 samples"):  # fmt: skip
        assert fact in text


def test_several_arms_begin_with_a_table_of_verdicts() -> None:
    lines = printed(examples.several(), width=120).splitlines()

    assert lines[:4] == [
        "VERDICTS  each arm against base, in points",
        "  arm                facts                   style                   format                 verdict",
        "  tuned              = -1.2 [-3.9, +0.8]     ▲ +42.0 [+35.1, +48.2]  ? -10.0 [-25.4, +4.6]  ? INCONCLUSIVE",
        "  lora-r8-long-name  ▼ -25.4 [-31.0, -19.0]  ▲ +42.0 [+35.1, +48.2]  –                      ▼ REGRESSED",
    ]
    assert lines[-1] == "▼ REGRESSED  the worst of 2 comparisons"


def test_no_flips_and_nothing_notable_are_said_in_a_line() -> None:
    (comparison,) = examples.held().comparisons
    calm = replace(comparison, deltas=(comparison.deltas[0], examples.DELTAS[6]))

    text = printed(Panel(comparison.verdict, (calm,)))

    assert "no case changed sides\n" in text
    assert "the only slice (tag, check or turn) does not stand out (smallest q 1.0000)\n" in text


def test_slices_that_stand_out_and_are_not_listed_are_counted() -> None:
    (comparison,) = examples.held().comparisons
    notable = tuple(replace(examples.DELTAS[5], slice=f"facts · tag t{n}") for n in range(9))
    crowd = replace(comparison, deltas=(comparison.deltas[0], *notable, examples.DELTAS[6]))

    text = printed(Panel(comparison.verdict, (crowd,)))

    assert "9 of 10 tags, checks and turns stand out\n" in text
    assert text.count("facts · tag t") == 8
    assert "  … and 1 more: --verbose shows all\n" in text


def test_a_limit_that_was_asked_for_is_drawn_and_no_other() -> None:
    lines = printed(examples.every_kind(), width=120).splitlines()

    rows = [line for line in lines if line.startswith(("  style   ", "  format   "))]
    # the scale ends at 30 points, three margins of 10; the lower margin lies under the change of -10
    bars = [re.sub(r"[^◂▸━┿╋│┊●]", " ", row).split() for row in rows]
    assert bars == [["│", "┊", "▸"], ["━━━━●━━┿━", "┊"]]
    assert [row.split()[-3] for row in rows] == ["–", "10"]


def test_a_case_asked_several_times_tells_how_many_samples_passed() -> None:
    text = printed(examples.sampled(), width=120)

    assert "  ✗ c-peru  facts passed 3 of 3 → 1 of 3 samples\n" in text
    assert "had to pass and did not with tuned: facts: number: the last number is 3, not 4 (in 2 of 3 samples)" in (
        " ".join(text.split())
    )


def test_one_case_is_one_case_at_every_width() -> None:
    (comparison,) = examples.held().comparisons
    single = replace(comparison, deltas=(replace(comparison.deltas[0], cases=1, left_out=0),))

    for width in WIDTHS:
        text = printed(Panel(comparison.verdict, (single,)), width=width, verbose=True)
        assert "1 case" in text
        assert not re.search(r"\b1 (cases|samples|replies)\b", text)


def test_a_gate_without_a_margin_says_so_where_columns_are_few() -> None:
    assert "    no margin, 198 of 200 cases\n" in printed(examples.every_kind(), width=60)


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_text_moves_the_cursor_or_hides(text: str) -> None:
    for options in ({}, {"verbose": True}, {"color": True}):
        out = printed(examples.hostile(text), **options)
        bare = re.sub(r"\x1b\[[0-9;]*m", "", out) if "color" in options else out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff\ud800-\udfff]", bare)
        assert max(map(cells, bare.splitlines())) <= 100
        assert out.encode("utf-8")


def test_a_reply_of_ten_megabytes_is_elided_with_a_note() -> None:
    out = printed(with_reply("long " * 2_000_000 + "end"))

    assert re.search(r"… 9,99\d,\d{3} characters …", out)
    assert len(out) < 10_000


def test_ten_thousand_pairs_are_read_only_until_the_flips_are_found() -> None:
    panel = examples.many()
    asked: list[str] = []

    class Watched(examples.Many):
        def __iter__(self) -> Iterator[Pair]:
            for pair in super().__iter__():
                asked.append(pair.asked.case)
                yield pair

    watched = replace(panel.comparisons[0], pairs=Watched(10_000))

    printed(Panel(panel.verdict, (watched,)))

    assert 0 < len(asked) < 100


def test_one_word_against_another_has_no_marks() -> None:
    text = printed(with_reply("Sydney."))

    assert "    tuned  Sydney.\n" in text


def with_reply(reply: str) -> Panel:
    """The realistic pair whose first tuned reply is this text."""
    (comparison,) = examples.one().comparisons
    first, *rest = comparison.pairs
    talk = first.tuned[0].conversation
    said = replace(talk, messages=(*talk.messages[:2], Message("assistant", reply)))
    changed = replace(first, tuned=(replace(first.tuned[0], conversation=said),))
    return Panel(comparison.verdict, (replace(comparison, pairs=(changed, *rest)),))
