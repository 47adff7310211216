"""The page in a real browser: filters, hostile replies, ten thousand cases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.findings import Pair, Panel
from evalharness.records import Asked, Conversation, Failure, Message, Outcome, Trial
from evalharness.reports.html import render
from tests.reports import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

ELEMENTS = """[...document.querySelectorAll("article")].map((article) => {
  const counted = {};
  article.querySelectorAll("*:not(.hidden, ins, del)").forEach(({ tagName }) => {
    counted[tagName] = (counted[tagName] ?? 0) + 1;
  });
  return counted;
})"""
"""How often each element occurs in each comparison, but for those that mark what differs or cannot be seen."""

CONTRAST = """(() => {
  const channels = (color) => {
    const [red, green, blue, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const over = (top, share, below) => top.map((value, at) => share * value + (1 - share) * below[at]);
  const light = (rgb) => rgb.map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    if (!one) return [255, 255, 255];
    const { rgb, alpha } = channels(getComputedStyle(one).backgroundColor);
    return alpha === 1 ? rgb : over(rgb, alpha, behind(one.parentElement));
  };
  const faint = [];
  let texts = 0;
  const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !one.checkVisibility() || one.closest("script, noscript, option")) continue;
    texts += 1;
    const style = getComputedStyle(one);
    const ground = behind(one);
    const ink = channels(one.closest("svg") ? style.fill : style.color);
    const seen = over(ink.rgb, ink.alpha * style.opacity, ground);
    const [dark, bright] = [light(seen), light(ground)].sort((one, other) => one - other);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${one.className} ${walk.currentNode.data.trim()}`);
  }
  return { texts, faint, paper: getComputedStyle(document.body).backgroundColor };
})()"""
"""Every text on the page that stands out too little from what is behind it."""

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


def talks() -> Panel:
    """A case of two turns whose second reply was cut off and is wrong with tuned, and one that tuned never answered."""
    said = (Message("system", "You are Marv."), Message("user", "Hi."), Message("assistant", "Hello there."))
    sides = []
    endings: tuple[tuple[str, bool, Outcome], ...] = (("4", True, "answered"), ("5", False, "truncated"))
    for answer, right, ending in endings:
        messages = (*said, Message("user", "And 2+2?"), Message("assistant", f"The answer is {answer}."))
        score = replace(examples.facts(right), turn=2)
        sides.append(Trial(Conversation("chat", 0, messages, (2, 4), ("answered", ending)), None, (score,)))
    lost = Trial(Conversation("gone", 0, (Message("user", "Who?"),)), Failure("limit", "429 after 5 tries", 5))
    pairs = (
        Pair(Asked("chat", "Hi.", ("facts",)), (sides[0],), (sides[1],)),
        Pair(
            Asked("gone", "Who?", ("facts",)),
            (examples.said("gone", "Who?", "Nobody.", examples.facts(True)),),
            (lost,),
        ),
    )
    flip = replace(examples.FLIPS[0], case="chat")
    panel = examples.one()
    return replace(panel, comparisons=(replace(panel.comparisons[0], pairs=pairs, flips=(flip,)),))


def with_replies(panel: Panel, reply: str) -> Panel:
    """The same cases, each with this reply on both sides."""
    pairs = []
    for pair in panel.comparisons[0].pairs:
        case, question = pair.asked.case, pair.asked.question
        sides = [(examples.said(case, question, reply, *side[0].scores),) for side in (pair.base, pair.tuned)]
        pairs.append(replace(pair, base=sides[0], tuned=sides[1]))
    return replace(panel, comparisons=(replace(panel.comparisons[0], pairs=tuple(pairs)),))


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

    def counts(self) -> dict[str, str]:
        """How many cases each choice of what to show would show."""
        labels = self.page.locator("fieldset").first.locator("label").all_inner_texts()
        return {name: number for name, _, number in (label.rpartition(" ") for label in labels)}

    def all_lists(self) -> None:
        """Fills the lists of every comparison, those far below the window too."""
        self.page.evaluate("dispatchEvent(new Event('beforeprint'))")

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


def test_filters_narrow_together_and_count_what_each_choice_would_show(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.many(16), tmp_path)

    shown.page.get_by_label("aspect").select_option("facts")
    shown.page.get_by_label("tag").select_option("trap")
    shown.until("4 of 16 cases")
    shown.page.get_by_label("search").fill("kettle")
    shown.until("2 of 16 cases")

    # of each eight questions two are traps, both broke in facts, and one of them got the reply with the kettle
    assert shown.counts() == {"all": "2", "broke": "2", "fixed": "0", "changed": "2", "unchanged": "0", "left out": "0"}
    assert shown.cases() == ["boiling-point-of-water-00003", "boiling-point-of-water-00011"]
    assert shown.trouble == []
    shown.page.close()


def test_a_conversation_is_compared_turn_by_turn(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, talks(), tmp_path)

    chat, gone = (
        shown.page.locator(".case", has=shown.page.get_by_text(name, exact=True)) for name in ("chat", "gone")
    )
    assert chat.locator(".said.user .text").all_inner_texts() == ["Hi.", "And 2+2?"] * 2
    assert chat.locator("del").all_inner_texts() == ["4"]
    assert chat.locator("ins").all_inner_texts() == ["5"]
    assert "✗ facts 0 % in turn 2 no mention of the answer" in chat.locator(".column.tuned .scores").inner_text()
    assert chat.locator(".column.tuned .ending").all_inner_texts() == ["truncated"]
    gone.locator("summary").first.click()
    assert gone.locator(".column.tuned .ending").inner_text() == "no answer: limit: 429 after 5 tries"
    shown.show("left out")
    shown.until("1 of 2 cases")
    assert shown.trouble == []
    shown.page.close()


def test_long_replies_are_opened_a_few_at_a_time(browser: Browser, tmp_path: Path) -> None:
    long = with_replies(examples.many(120), "word " * 2_000)
    shown = Shown(browser, long, tmp_path)

    # 20,000 characters a case, and no further case once 40,000 are exceeded
    assert shown.page.locator(".case").count() == 50
    assert shown.page.locator(".case[open]").count() == 3
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


@pytest.mark.parametrize("panel", [examples.one(), examples.hostile("long" * 200), examples.every_kind(), talks()])
def test_the_page_fits_its_window(browser: Browser, tmp_path: Path, panel: Panel) -> None:
    shown = Shown(browser, panel, tmp_path)

    for width in (400, 800, 1400):
        shown.page.set_viewport_size({"width": width, "height": 900})
        assert shown.page.evaluate("document.documentElement.scrollWidth") == width
    assert shown.trouble == []
    shown.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(browser: Browser, tmp_path: Path, scheme: str) -> None:
    shown = Shown(browser, talks(), tmp_path, color_scheme=scheme)
    shown.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    found = shown.page.evaluate(CONTRAST)

    # WCAG 2.1, criterion 1.4.3 (AA): 4.5 to 1, and 3 to 1 for large letters
    assert found["texts"] > 100
    assert found["faint"] == []
    assert found["paper"] == {"light": "rgb(250, 249, 246)", "dark": "rgb(21, 23, 26)"}[scheme]
    shown.page.close()


def test_a_table_wider_than_a_phone_scrolls_and_keeps_the_names_of_its_rows(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.one(), tmp_path, viewport={"width": 400, "height": 900})
    table = shown.page.get_by_role("region", name="changes")
    name = table.get_by_role("rowheader", name="facts", exact=True)
    left = "(one) => one.getBoundingClientRect().left"
    before = name.evaluate(left)

    table.evaluate("(region) => { region.scrollLeft = 200; }")

    assert table.evaluate("(region) => region.scrollLeft") == 200
    assert name.evaluate(left) == before
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
    assert shown.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
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
    shown = Shown(browser, examples.hostile(everything), tmp_path)
    shown.all_lists()

    body = shown.page.locator(".column.base .reply .text").first.inner_text()
    assert "</script><script>alert(1)</script>" in body
    assert "<img src=x onerror=alert(1)>" in body
    assert r"user \u202eteg\u2066" in body
    assert r"half \ud83d of a pair \udc00" in body
    assert shown.trouble == []
    shown.page.close()


def test_no_hostile_text_adds_an_element(browser: Browser, tmp_path: Path) -> None:
    texts = {"harmless": "plain", **examples.HOSTILE}
    one_each = tuple(examples.hostile(text).comparisons[0] for text in texts.values())
    shown = Shown(browser, replace(examples.hostile("plain"), comparisons=one_each), tmp_path)
    shown.all_lists()

    counted = dict(zip(texts, shown.page.evaluate(ELEMENTS), strict=True))

    assert counted["harmless"]["LI"] > 5
    assert [name for name in texts if counted[name] != counted["harmless"]] == []
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
    # of each eight questions two broke and one was fixed in facts, and the style of all changed
    assert list(shown.counts().values()) == ["10,000", "2,500", "1,250", "10,000", "0", "0"]
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


def test_each_criterion_that_is_about_a_change_is_drawn(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.every_kind(), tmp_path)

    assert shown.page.locator(".card").count() == 4
    assert shown.page.locator(".card svg").count() == 3  # none for a level, which is no change
    shown.page.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_the_three_way_table_fits_the_window_and_can_be_scrolled(browser: Browser, tmp_path: Path, width: int) -> None:
    page = Shown(browser, examples.rebased(), tmp_path, viewport={"width": width, "height": 900}).page

    table = page.get_by_role("region", name="what survived")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "176 of 183" in table.inner_text()
    assert table.evaluate("it => it.scrollWidth > it.clientWidth") == (width == 400)


@pytest.mark.parametrize("width", [400, 1400])
def test_what_the_training_file_says_fits_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    page = Shown(browser, examples.trained(), tmp_path, viewport={"width": width, "height": 900}).page

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "oh what a joy" in page.get_by_role("region", name="phrase beside the training file").inner_text()


def test_print_shows_every_list_and_no_controls(browser: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    shown = Shown(browser, examples.several(), tmp_path)

    shown.page.emulate_media(media="print")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    expect(shown.page.locator(".case")).to_have_count(16)
    expect(shown.page.locator(".filters:visible")).to_have_count(0)
    assert shown.page.get_by_text("p non-inferior").first.is_visible()
    shown.page.close()


def test_paper_shows_the_replies_of_every_listed_flip_and_says_what_it_leaves_out(
    browser: Browser, tmp_path: Path
) -> None:
    shown = Shown(browser, examples.many(120), tmp_path, viewport={"width": 680, "height": 900}, color_scheme="dark")
    shown.page.emulate_media(media="print")

    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    # of 120 cases 45 changed sides, and 50 are listed
    assert shown.page.locator(".case[open] .pair:visible").count() == 45
    assert shown.page.locator(".paper").inner_text() == (
        "Printed: 50 of 120 cases, 45 with their replies. “Show more” before printing gives more. "
        "System texts are not printed."
    )
    for part in (".outcome", ".card svg", "h3 + .scroll table"):
        assert shown.page.locator(part).first.is_visible()
    assert shown.page.locator(".filters:visible, .more:visible, [role=status]:visible").count() == 0
    wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
    assert shown.page.evaluate(wide) == 0
    left, right = (shown.page.locator(f".column.{side}").first.bounding_box() for side in ("base", "tuned"))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.page.locator(".case[open]").count() == 20
    shown.page.close()


def test_paper_names_the_filters_that_chose_its_cases(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, examples.many(16), tmp_path)
    shown.page.get_by_label("tag").select_option("trap")
    shown.show("broke")
    shown.page.get_by_label("search").fill("Kettle")
    shown.until("2 of 16 cases")

    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert shown.page.locator(".paper").text_content() == (
        "Printed: 2 of 16 cases, 2 with their replies. Chosen: broke, tag trap, text “Kettle”; 2 fit. "
        "System texts are not printed."
    )
    shown.page.close()
