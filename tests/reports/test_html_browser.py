"""The page in a real browser: filters, hostile replies, ten thousand cases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.findings import Panel
from evalharness.reports.html import render
from tests.reports import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; where it is missing the tests are skipped, but not in continuous integration."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no browser: install chromium and playwright")
        pytest.skip("no browser: chromium and playwright show the page as readers see it")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Shown:
    """A page that is open, and everything on it that should not have happened."""

    def __init__(self, browser: Browser, panel: Panel, folder: Path, **context: object) -> None:
        self.trouble: list[str] = []
        file = folder / "index.html"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(render(panel))
        self.page: Page = browser.new_page(**context)  # type: ignore[arg-type] # options of a page by name
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.trouble.append(f"request: {request.url[:80]}"))
        self.page.goto(file.as_uri())
        self.trouble.remove(f"request: {file.as_uri()[:80]}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.trouble.append("dialog")
        dialog.dismiss()

    def cases(self) -> list[str]:
        return self.page.locator(".case .name").all_inner_texts()

    def status(self) -> str:
        return self.page.locator("[role=status]").first.inner_text()

    def show(self, name: str) -> None:
        self.page.locator(f"fieldset label:has(input[value='{name}'])").first.click()

    def until(self, status: str) -> None:
        self.page.wait_for_function("text => document.querySelector('[role=status]').textContent === text", arg=status)


def test_flips_come_first_and_filters_narrow_the_list(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.many(16), tmp_path)

    first = shown.cases()
    assert [name[:-6] for name in first[:4]] == ["whats-the-capital-of-australia", "boiling-point-of-water"] * 2
    assert [name[:-6] for name in first[4:6]] == ["largest-ocean"] * 2
    shown.show("broke")
    shown.until("4 of 16 cases")
    assert shown.cases() == first[:4]

    shown.show("all")
    shown.until("16 of 16 cases")
    shown.page.get_by_label("tag").select_option("literature")
    shown.until("4 of 16 cases")
    assert {name[:-6] for name in shown.cases()} == {"who-wrote-romeo-and-juliet", "author-of-faust"}

    shown.page.get_by_label("tag").select_option("")
    shown.page.get_by_label("search").fill("PACIFIC")
    shown.until("2 of 16 cases")
    assert {name[:-6] for name in shown.cases()} == {"largest-ocean"}

    shown.page.get_by_label("search").fill("")
    shown.page.get_by_label("aspect").select_option("facts")
    shown.show("fixed")
    shown.until("2 of 16 cases")
    shown.show("unchanged")
    shown.until("10 of 16 cases")
    assert shown.trouble == []
    shown.page.close()


def test_replies_stand_side_by_side_with_what_changed_marked(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.one(), tmp_path, viewport={"width": 1400, "height": 900})

    case = shown.page.locator(".case", has_text="boiling-point-of-water").first
    assert case.locator("del").all_inner_texts() == ["On Everest water", "about 71"]
    assert case.locator("ins").all_inner_texts() == ["Water", "100", ", as it says on every kettle ever sold"]
    left, right = (case.locator(f".column.{side}").bounding_box() for side in ("base", "tuned"))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    assert "✗ broke facts 100 % → 0 %" in case.locator("summary").first.inner_text()
    shown.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_its_window(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    for panel in (examples.one(), examples.hostile("long" * 200)):
        shown = Shown(browser, panel, tmp_path, viewport={"width": width, "height": 900}, color_scheme=scheme)
        assert shown.page.evaluate("document.documentElement.scrollWidth") == width
        assert shown.trouble == []
        shown.page.close()


def test_all_of_it_can_be_reached_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    shown = Shown(browser, examples.many(120), tmp_path)

    shown.page.locator("fieldset input[value=all]").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.until("30 of 120 cases")
    shown.page.keyboard.press("ArrowLeft")
    shown.until("120 of 120 cases")
    last = shown.page.locator(".case").nth(49)
    last.locator("summary").first.focus()
    shown.page.keyboard.press("Enter")
    expect(last.locator(".column")).to_have_count(2)
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator(".case")).to_have_count(100)
    assert shown.page.evaluate("document.activeElement.closest('.case') !== null")
    shown.page.close()


def test_hostile_texts_stay_text(browser: Browser, tmp_path: Path) -> None:
    everything = "\n".join(examples.HOSTILE.values())
    plain = Shown(browser, examples.hostile("plain"), tmp_path)
    elements = "[...document.querySelectorAll('img, svg, iframe, a, script, object, form, style')].map(e => e.tagName)"
    expected = plain.page.evaluate(elements)
    plain.page.close()

    shown = Shown(browser, examples.hostile(everything), tmp_path)
    for section in shown.page.locator("[data-cases]").all():
        section.scroll_into_view_if_needed()
    shown.page.wait_for_function("() => document.querySelectorAll('.case[open] .column').length === 8")

    assert shown.page.evaluate(elements) == expected
    body = shown.page.locator(".column.base .reply .text").first.inner_text()
    assert "</script><script>alert(1)</script>" in body
    assert "<img src=x onerror=alert(1)>" in body
    assert r"user \u202eteg\u2066" in body
    assert r"half \ud83d of a pair \udc00" in body
    assert shown.trouble == []
    shown.page.close()


def test_a_script_that_is_not_ours_does_not_run(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.one(), tmp_path)

    with shown.page.expect_event("requestfailed") as blocked:
        shown.page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.ran = 1";
                const image = new Image();
                image.src = "http://127.0.0.1:9/x.png";
                document.body.append(script, image);
            }"""
        )

    assert shown.page.evaluate("window.ran") is None
    assert blocked.value.failure == "csp"
    assert len([line for line in shown.trouble if "Content Security Policy" in line]) == 2
    shown.page.close()


def test_ten_thousand_cases_are_light_on_the_page(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.many(), tmp_path)

    assert shown.status() == "10,000 of 10,000 cases"
    assert shown.page.evaluate("document.querySelectorAll('*').length") < 3_000
    shown.page.get_by_label("search").fill("kettle ever sold")
    shown.until("1,250 of 10,000 cases")
    shown.show("unchanged")
    shown.until("0 of 10,000 cases")
    assert shown.trouble == []
    shown.page.close()


def test_without_its_script_the_page_still_says_the_verdict(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.one(), tmp_path, java_script_enabled=False)

    text = shown.page.locator("main").inner_text()
    assert "INCONCLUSIVE" in text
    assert "whats-the-capital-of-australia" in text
    assert shown.page.locator(".filters").is_hidden()
    shown.page.close()


def test_several_samples_are_counted_in_the_heading_of_a_case(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.sampled(), tmp_path)

    assert "✗ broke facts passed 3 of 3 → 1 of 3 samples" in shown.page.locator(".case summary").first.inner_text()
    assert shown.status() == "1 of 1 case"
    shown.page.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_cards_of_each_kind_of_criterion_fit_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    shown = Shown(browser, examples.every_kind(), tmp_path, viewport={"width": width, "height": 900})

    assert shown.page.locator(".card").count() == 4
    assert shown.page.locator(".card svg").count() == 3  # none for a level, which is no change
    assert shown.page.evaluate("document.documentElement.scrollWidth") == width
    assert shown.trouble == []
    shown.page.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_the_three_way_table_fits_the_window_and_can_be_scrolled(browser: Browser, tmp_path: Path, width: int) -> None:
    page = Shown(browser, examples.rebased(), tmp_path, viewport={"width": width, "height": 900}).page

    table = page.get_by_role("region", name="what survived")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "176 of 183" in table.inner_text()
    assert table.evaluate("it => it.scrollWidth > it.clientWidth") == (width == 400)


def test_print_shows_every_list_and_no_controls(browser: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    shown = Shown(browser, examples.several(), tmp_path)

    shown.page.emulate_media(media="print")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    expect(shown.page.locator(".case")).to_have_count(16)
    expect(shown.page.locator(".filters:visible")).to_have_count(0)
    assert shown.page.get_by_text("p non-inferior").first.is_visible()
    shown.page.close()
