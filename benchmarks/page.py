"""The HTML report as its reader meets it: seconds in a real Chromium, beside what the same browser cannot do faster.

A page of so many cases (replies of about 200 characters, one case in twenty changed sides) is opened several times, and
so is a plain file of the same size: the verdict over the same bytes as data that nothing reads. A filter's time runs
from the choice, or the last key, to the painted list, the pause that waits for a next key included. Beside it stands a
bare loop over the same cases with the same question, painted as one line.
"""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.findings import Flip, Pair, Panel
from evalharness.records import Asked
from evalharness.reports.html import render
from tests.reports import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FILTERS = (("show", "broke"), ("aspect", "style"), ("tag", "tag-3"), ("text", "word-12 "))
MOST_PAINT, MOST_FILTER = 2.0, 0.3
"""Seconds to the first paint, and of a filter, that 10,000 cases keep within on a quiet machine of two cores."""

WATCH = """new MutationObserver((_, watch) => {
  if (document.querySelector(".case")) { window.listed = performance.now(); watch.disconnect(); }
}).observe(document, { childList: true, subtree: true })"""

PAINTED = """() => new Promise((done) => new PerformanceObserver((list) => {
  for (const entry of list.getEntriesByName("first-contentful-paint")) done(entry.startTime / 1000);
}).observe({ type: "paint", buffered: true }))"""

FILTER = """async ([name, value]) => {
  const form = document.querySelector(".filters");
  form.reset();
  form.elements.aspect.dispatchEvent(new Event("input", { bubbles: true }));
  form.elements.text.dispatchEvent(new Event("focus"));
  await new Promise((done) => setTimeout(done, 1000));
  const list = document.querySelector(".list");
  const changed = new Promise((done, fail) => {
    new MutationObserver(done).observe(list, { childList: true });
    setTimeout(fail, 20000, new Error(`the list did not follow ${name}`));
  });
  const began = performance.now();
  if (name === "show") form.querySelector(`input[value="${value}"]`).click();
  else {
    form.elements[name].value = value;
    form.elements[name].dispatchEvent(new Event("input", { bubbles: true }));
  }
  await changed;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return (performance.now() - began) / 1000;
}"""

LOOP = """async ([name, value]) => {
  window.rows ??= JSON.parse(document.getElementById("cases-1").textContent);
  window.lower ??= window.rows.map((row) => JSON.stringify(row).toLowerCase());
  const fits = {
    show: (row) => row.aspects.some((aspect) => aspect[3] === value),
    aspect: (row) => row.aspects.some((aspect) => aspect[0] === value),
    tag: (row) => row.tags.includes(value),
    text: (row, place) => window.lower[place].includes(value),
  };
  const began = performance.now();
  document.querySelector("h1").textContent = window.rows.filter(fits[name]).length;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return (performance.now() - began) / 1000;
}"""


def page(cases: int, rounds: int) -> float:
    """Prints the figures; gives the ratio of the first paints."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("page: no browser: install chromium")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, sync_playwright() as play:
        report, plain = Path(folder, "index.html"), Path(folder, "plain.html")
        panel = panel_of(cases)
        began = time.perf_counter()
        with report.open("w", encoding="utf-8") as file:
            file.writelines(render(panel))
        seconds, size = time.perf_counter() - began, report.stat().st_size
        plain.write_text(bare(size), encoding="utf-8")
        print(f"page, {cases:,} cases: written in {seconds:.2f} s, a file of {size / 2**20:.1f} MB")
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        floors, paints, lists = opened(browser, report, plain, rounds)
        print(f"  first paint {paints:.2f} s{over(paints, MOST_PAINT)}, list of cases {lists:.2f} s; ", end="")
        print(f"plain file of the same size {floors:.2f} s = {paints / floors:.2f}")
        for (name, value), ours, loop in filtered(browser, report, rounds):
            print(f"  filter {name}={value.strip()}: {ours:.3f} s{over(ours, MOST_FILTER)}, bare loop {loop:.3f} s")
        browser.close()
    return paints / floors


def opened(browser: Browser, report: Path, plain: Path, rounds: int) -> tuple[float, float, float]:
    """Medians of the plain file's first paint, the report's, and when its list stands: in turn, each page fresh."""
    floors: list[float] = []
    paints: list[float] = []
    lists: list[float] = []
    for _ in range(rounds):
        for file in (plain, report):
            shown = browser.new_page(viewport={"width": 1400, "height": 900})
            shown.add_init_script(WATCH)
            shown.goto(file.as_uri())
            (paints if file == report else floors).append(float(shown.evaluate(PAINTED)))
            if file == report:
                lists.append(float(shown.evaluate("window.listed")) / 1000)
            shown.close()
    return statistics.median(floors), statistics.median(paints), statistics.median(lists)


def filtered(browser: Browser, report: Path, rounds: int) -> list[tuple[tuple[str, str], float, float]]:
    """Each filter with its median, and that of the bare loop."""
    shown = browser.new_page(viewport={"width": 1400, "height": 900})
    shown.goto(report.as_uri())
    found = []
    for asked in FILTERS:
        ours = [float(shown.evaluate(FILTER, list(asked))) for _ in range(rounds)]
        loops = [float(shown.evaluate(LOOP, list(asked))) for _ in range(rounds)]
        found.append((asked, statistics.median(ours), statistics.median(loops)))
    shown.close()
    return found


def over(seconds: float, most: float) -> str:
    """A word where a figure is beyond what it should keep within."""
    return f" (more than {most:g} s)" if seconds > most else ""


def bare(size: int) -> str:
    """A page of so many bytes: a verdict to read, and data that nothing reads."""
    head = '<!doctype html><meta charset="utf-8"><title>plain</title><h1>HELD</h1><script type="application/json">["'
    return head + "x" * (size - len(head) - 11) + '"]</script>'


def panel_of(cases: int) -> Panel:
    """A comparison with replies of 26 words drawn from 3,000; every fortieth case broke, every fortieth was fixed."""
    draw = random.Random(1)
    known = [f"word-{number}" for number in range(3000)]
    pairs, flips = [], []
    for place in range(cases):
        base = " ".join(draw.choices(known, k=26))
        tuned = f"{base} indeed" if place % 2 else " ".join(draw.choices(known, k=26))
        side = {0: "broke", 1: "fixed"}.get(place % 40)
        asked = Asked(f"case-{place}", f"What is {place}?", ("facts", "style"), (f"tag-{place % 12}",))
        trials = [
            (examples.said(asked.case, asked.question, reply, examples.facts(right), examples.style(style)),)
            for reply, right, style in ((base, side != "fixed", 0.0), (tuned, side != "broke", float(place % 3 == 0)))
        ]
        pairs.append(Pair(asked, trials[0], trials[1]))
        if side == "broke":
            flips.append(Flip(asked.case, "facts", "broke", 1.0, 0.0, "no mention", asked.question, asked.tags))
        elif side == "fixed":
            flips.append(Flip(asked.case, "facts", "fixed", 0.0, 1.0, "a mention", asked.question, asked.tags))
    verdict = replace(examples.COMPARISON.verdict, must_pass=())
    comparison = replace(examples.COMPARISON, pairs=tuple(pairs), flips=tuple(flips), verdict=verdict)
    return Panel(verdict, (comparison,))
