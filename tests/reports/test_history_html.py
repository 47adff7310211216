"""The page of a history, in a real browser: plots, hostile texts, both schemes, telephone and desk."""

from __future__ import annotations

import re
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from evalharness.history import History
from evalharness.reports.history.html import render
from tests.reports.examples import HOSTILE
from tests.reports.histories import SLIDING, STEADY, TWO_SERIES, hostile
from tests.reports.test_html_browser import browser
from tests.shelved import charted, scored

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

__all__ = ["browser"]

PAPER: dict[Literal["light", "dark"], str] = {"light": "rgb(250, 249, 246)", "dark": "rgb(21, 23, 26)"}
"""The colour of the page in each scheme."""


class Shown:
    """A page that is open, and everything on it that should not have happened."""

    def __init__(self, browser: Browser, history: History, folder: Path, **context: object) -> None:
        self.trouble: list[str] = []
        self._file = folder / "index.html"
        self.page: Page = browser.new_page(**context)  # type: ignore[arg-type] # options of a page by name
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.trouble.append(f"request: {request.url[:80]}"))
        self.show(history)

    def show(self, history: History) -> None:
        """Another history in the same window."""
        self._file.write_text("".join(render(history)), "utf-8")
        self.page.goto(self._file.as_uri())
        self.trouble.remove(f"request: {self._file.as_uri()[:80]}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.trouble.append("dialog")
        dialog.dismiss()

    def boxes(self, selector: str) -> list[tuple[float, float]]:
        """Left and right of each element that is shown, in the order of the page."""
        found: list[tuple[float, float]] = self.page.locator(selector).evaluate_all(
            "all => all.filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect())"
            ".filter((box) => box.width && box.height).map((box) => [box.left, box.right])"
        )
        return found


def test_it_forbids_everything_and_has_no_script() -> None:
    text = "".join(render(SLIDING))

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert re.fullmatch(
        r"default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;; "
        r"base-uri &#39;none&#39;; form-action &#39;none&#39;",
        policy[1],
    )
    assert "<script" not in text
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"https?://", text)


def test_the_page_fits_its_window_and_its_style_applies(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, SLIDING, tmp_path)
    for history in (SLIDING, TWO_SERIES, charted([scored(20)] * 40), hostile("long" * 200)):
        shown.show(history)
        for width, scheme in product((400, 1400), PAPER):
            shown.page.set_viewport_size({"width": width, "height": 900})
            shown.page.emulate_media(color_scheme=scheme)
            assert shown.page.evaluate("document.documentElement.scrollWidth") == width
            assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]
    assert shown.trouble == []
    shown.page.close()


def test_hostile_texts_stay_texts_and_ask_for_nothing(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, hostile("plain"), tmp_path)
    for name, text in HOSTILE.items():
        shown.show(hostile(text))

        assert shown.trouble == [], name
        assert shown.page.locator("script, img, a, iframe, foreignObject, [onload], [onerror]").count() == 0, name
        body = shown.page.locator("body").inner_text()
        assert not re.search("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u202e\u2066\ud800-\udfff]", body), name
    shown.page.close()


def test_names_below_a_plot_never_run_into_each_other(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, SLIDING, tmp_path)
    for number in (1, 3, 12, 40):
        shown.show(charted([scored(20)] * number))
        for width in (400, 800, 1400):
            shown.page.set_viewport_size({"width": width, "height": 900})

            labels = shown.boxes(".plot > text")
            assert len(labels) >= min(number, 3)
            assert all(right < left for (_, right), (left, _) in pairwise(labels)), (number, width)
            assert labels[0][0] >= 0
            assert labels[-1][1] <= width
    shown.page.close()


def test_points_stand_where_their_scores_are(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, SLIDING, tmp_path, viewport={"width": 1400, "height": 900})

    area = shown.page.locator(".area").first.evaluate("each => each.getScreenCTM().f")
    height = shown.page.locator(".plot").first.evaluate("each => each.clientHeight") * 0.91
    ticks = [float(text.split()[0]) for text in shown.page.locator(".area > text").all_text_contents()]
    low, high = min(ticks), max(ticks)
    middles = []
    for each in shown.page.locator(".dot .target").all():
        box = each.bounding_box()
        assert box is not None
        middles.append(box["y"] + box["height"] / 2)
    expected = [area + height * (high - share) / (high - low) for share in range(90, 73, -2)]
    assert middles == pytest.approx(expected, abs=1.5)
    shown.page.close()


def test_an_alarm_has_a_shape_of_its_own_and_is_told_in_words(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, SLIDING, tmp_path)

    kinds = [str(each.get_attribute("class")) for each in shown.page.locator(".dot").all()]
    assert kinds == ["dot reference", "dot plain", "dot plain", *["dot below"] * 6]
    shapes = [each.get_attribute("d") or "circle" for each in shown.page.locator(".dot .shape").all()]
    assert len({shapes[0], shapes[1], shapes[3]}) == 3
    title = shown.page.locator(".dot title").nth(3).text_content()
    assert title == (
        "2026-04, 2026-04-01, replay:base.jsonl; 84.0 % [78.3, 88.4] over 200 cases; EWMA 87.9 %, CUSUM 4.2; "
        "▼ EWMA CUSUM first"
    )
    shown.page.close()


def test_points_are_reached_by_keyboard_and_say_what_they_are(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, STEADY, tmp_path)

    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Tab")
    said = shown.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert said.startswith("2026-02, 2026-02-01, replay:base.jsonl; ")
    shown.page.close()


def test_a_new_series_is_a_rule_with_its_reason(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, TWO_SERIES, tmp_path, viewport={"width": 1400, "height": 900})

    rules = shown.page.locator(".break")
    dots = shown.boxes(".dot .target")
    assert rules.count() == 1
    assert dots[1][1] < rules.evaluate("each => each.getBoundingClientRect().left") < dots[2][0]
    assert shown.page.locator(".break title").text_content() == "series 2: the suite changed (10 cases more)"
    assert "the suite changed (10 cases more)" in shown.page.locator("main").inner_text()
    shown.page.close()


def test_on_paper_nothing_is_cut_off(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, SLIDING, tmp_path, viewport={"width": 718, "height": 1000})  # A4 less its margins

    shown.page.emulate_media(media="print")
    assert max(right for _, right in shown.boxes("table, .plot")) <= 718
    shown.page.close()
