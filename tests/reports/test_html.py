from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from evalharness.findings import Panel
from evalharness.reports.html import LONGEST_REPLY, Limit, picture, render
from tests.reports import examples
from tests.reports.test_terminal import with_reply


class Page(HTMLParser):
    """What stands on a page without its script: elements, attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.kinds: list[str] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in self.inside:
            self._open = tag
            self.inside[tag].append("")
            self.kinds.append(dict(attrs).get("type") or tag)

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data
        else:
            self.words.append(data)

    def data(self, number: int = 0) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.scripts("application/json")[2 * number])
        return found

    def scripts(self, kind: str) -> list[str]:
        kinds = [kind for kind in self.kinds if kind != "style"]
        return [text for text, its in zip(self.inside["script"], kinds, strict=True) if its == kind]


def page_of(panel: Panel) -> Page:
    return Page("".join(render(panel)))


def test_the_policy_lets_nothing_run_but_the_pages_own_script() -> None:
    page = page_of(examples.one())

    (policy,) = (value for name, value in page.attributes if name == "content" and "default-src" in value)
    (script,), (style,) = page.scripts("script"), page.inside["style"]
    hashes = ["sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    assert policy == (
        f"default-src 'none'; style-src '{hashes[0]}'; script-src '{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_loaded_from_anywhere() -> None:
    text = "".join(render(examples.several()))
    page = Page(text)

    loads = [(n, v) for n, v in page.attributes if n in ("src", "srcset", "action", "data", "poster", "ping", "style")]
    links = [value for name, value in page.attributes if name in ("href", "xlink:href")]
    assert loads == []
    assert all(link.startswith("#comparison-") for link in links)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import", page.inside["style"][0])


def test_the_script_makes_text_only_of_text() -> None:
    (script,) = page_of(examples.one()).scripts("script")

    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|fetch|XMLHttp", script
    )


def test_verdict_table_and_flips_read_without_the_script() -> None:
    words = " ".join(" ".join(page_of(examples.one()).words).split())

    for fact in ("? INCONCLUSIVE", "format undecided: 10 points lower", "−1.2 [−3.9, +0.8]", "197 of 200",
                 "✗ FAIL boiling-point-of-water : had to pass and did not with tuned: facts: no mention of the answer",
                 "INCOMPLETE: answers are missing", "tuned: 2 limit: 429 after 5 tries → run again: only the missing",
                 "tuned: 3 invalid: not a completion but an HTML page: <html><title>502</title> → mend this first",
                 "2 of 3 tags, checks and turns stand out;", "about 640 cases would decide",
                 "whats-the-capital-of-australia facts ✗ broke no mention of 'Canberra'", "p (Holm) 0.7266",
                 "2 cases, tuned only: limit: 429 after 5 tries", "203 sent, 0 known before"):  # fmt: skip
        assert fact in words


def test_of_many_notable_slices_the_first_are_open_and_the_rest_a_click_away() -> None:
    notable = replace(examples.DELTAS[0], part="tag", p_adjusted=0.001)
    deltas = tuple(replace(notable, slice=f"facts · tag t{place}") for place in range(20))
    page = "".join(render(Panel(examples.COMPARISON.verdict, (replace(examples.COMPARISON, deltas=deltas),))))

    first, rest = page.split("<h3>Look here</h3>")[1].split("</section>")[0].split("<details>")

    assert (first.count(" · tag t"), rest.count(" · tag t")) == (12, 8)
    assert "<summary>8 more slices, the most notable first</summary>" in rest


def test_the_interval_is_drawn_against_the_margin() -> None:
    place = picture(examples.DELTAS[0], examples.RULINGS[0])

    # a scale of 1.15 x 1.5 x 5 points on each side of 130
    assert place is not None
    assert (place.low, place.at, place.high, place.zero, place.width) == (71.1, 111.5, 141.8, 130.0, 260.0)
    assert place.limits == (Limit(54.6, "margin −5", "end", 0.0, 54.6),)


def test_each_kind_of_criterion_is_drawn_as_what_it_asks() -> None:
    delta = replace(examples.DELTAS[0], low=-0.02, high=0.02, change=0.0)

    def limits(asked: str) -> list[tuple[str, float, float]]:
        place = picture(delta, replace(examples.RULINGS[0], asked=asked))
        return [] if place is None else [(limit.label, limit.start, limit.length) for limit in place.limits]

    # 1.5 times the limit, and 15 % of air: limits stand at 130 -/+ 130 / 1.725 = 54.6 and 205.4
    assert limits("drop_at_most: 0.05") == [("margin −5", 0.0, 54.6)]
    assert limits("gain_at_least: 0.2") == [("asked +20", 0.0, 205.4)]
    assert limits("both_within: 0.1") == [("−10", 0.0, 54.6), ("+10", 205.4, 54.6)]
    assert limits("at_least: 0.9") == []


def test_each_card_names_its_criterion() -> None:
    words = " ".join(" ".join(page_of(examples.every_kind()).words).split())

    for fact in ("facts = HELD asked: drop_at_most: 0.05 −1.2 points [−3.9, +0.8] margin −5 0",
                 "facts = HELD asked: at_least: 0.9 95.2 % tuned at least 90 % asked for 96.4 % → 95.2 %",
                 "style ▲ IMPROVED asked: gain_at_least: 0.2 +42.0 points [+35.1, +48.2] asked +20 0",
                 "format ? INCONCLUSIVE asked: both_within: 0.1 −10.0 points [−25.4, +4.6] −10 +10 0"):  # fmt: skip
        assert fact in words


def test_a_card_of_drift_or_of_a_win_rate_shows_no_change_that_is_not_asked_about() -> None:
    def card(asked: str) -> str:
        ruling = replace(examples.RULINGS[0], asked=asked, sentence="as told")
        panel = Panel(examples.COMPARISON.verdict, (replace(examples.COMPARISON, rulings=(ruling,)),))
        return " ".join(" ".join(page_of(panel).words).split()).partition("asked: ")[2].partition(" as told")[0]

    assert card("drift_at_most: 0.35") == "drift_at_most: 0.35"
    assert (
        card("win_at_least: 0.6")
        == "win_at_least: 0.6 95.2 % tuned at least 60 % asked for 96.4 % → 95.2 % over 197 cases, 3 left out"
    )


def test_what_survived_a_new_base_is_a_table() -> None:
    words = " ".join(" ".join(page_of(examples.rebased()).words).split())

    assert (
        "What survived the new base the new tune kept 331 of 343 that 'v3' passed; gpt-5-mini alone keeps 160" in words
    )
    assert "facts 190 96.3 % 80.0 % 95.3 % 176 of 183 148 of 183" in words
    assert "via model openai:gpt-5-mini" in words


def test_that_a_verdict_rests_on_seen_prompts_is_said_below_it_and_the_gap_further_down() -> None:
    words = " ".join(" ".join(page_of(examples.trained()).words).split())

    told = "HELD rests on prompts the training file had: on the 40 unseen cases alone it is INCONCLUSIVE"
    assert words.index(told) < words.index("asked:")
    assert words.count(told) == 1
    assert "facts −0.6 (157) −3.8 (40) +3.2 [−4.1, +10.5]" in words
    assert "oh what a joy 5 % 0 % 41 %" in words


def test_cases_travel_as_json_with_scores_and_flips() -> None:
    rows = page_of(examples.one()).data()

    assert [row["case"] for row in rows] == [case for case, _, _ in examples.QUESTIONS]
    assert rows[0]["aspects"] == [
        ["facts", 1.0, 0.0, "broke", "no mention of 'Canberra'"],
        ["style", 0.0, 1.0, "fixed", "judge: sarcastic"],
    ]


def test_a_system_text_is_written_once() -> None:
    text = "".join(render(examples.many(200)))

    assert text.count("You are Marv.") == 1


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_no_text_adds_an_element_or_an_attribute(text: str) -> None:
    whole = "".join(render(examples.hostile(text)))
    page, plain = Page(whole), page_of(examples.hostile("plain"))

    assert page.elements == plain.elements
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert page.data()[0]["case"] == text
    assert whole.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", whole)


def test_a_reply_of_ten_megabytes_is_cut_with_its_length() -> None:
    text = "".join(render(with_reply("y" * 10_000_000)))

    said = Page(text).data()[0]["tuned"]
    assert isinstance(said, list)
    assert said[0]["said"][2] == ["reply", "y" * LONGEST_REPLY, 10_000_000 - LONGEST_REPLY]
    assert len(text) < 300_000


def test_ten_thousand_pairs_come_in_small_pieces() -> None:
    sizes = [len(piece) for piece in render(examples.many(2_000))]

    assert max(sizes) < 100_000
    assert len(sizes) > 30


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_published() -> None:
    # the extremes by definition, and the well-known lightest grey that passes on white
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_every_ground_it_is_put_on(scheme: str) -> None:
    (style,) = page_of(examples.one()).inside["style"]
    light, dark, *_ = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))

    tones = ("ink", "soft", "held", "improved", "regressed", "undecided", "base", "tuned")
    put_on = [(text, ground) for text in tones for ground in ("paper", "card")]
    put_on += [(text, ground) for text in ("ink", "soft") for ground in ("wash", "base-wash", "tuned-wash")]
    faint = {pair: ratio for pair in put_on if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert faint == {}
