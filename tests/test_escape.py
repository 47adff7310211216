"""Hostile text, made harmless: checked with a Markdown parser, the csv module and the json module, not with our own."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evalharness import escape
from tests.reports.examples import HOSTILE

anything = st.text(st.characters(), max_size=80) | st.sampled_from(sorted(HOSTILE.values()))
"""Any text, lone surrogates and controls among it."""


def github(text: str) -> str:
    """HTML as a forge makes it: tables, strikethrough and bare addresses as links, HTML passed on."""
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    return str(parser.render(text))


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


# --- terminal ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(anything)
def test_nothing_unseen_reaches_the_terminal(text: str) -> None:
    out = escape.terminal(text)

    unseen = [c for c in out if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066\u200b\ufeff"]
    assert unseen == []
    assert out.encode("utf-8").decode() == out


@settings(max_examples=100)
@given(anything)
def test_a_terminal_of_ascii_gets_ascii(text: str) -> None:
    assert escape.terminal(text, encoding="ascii").isascii()


def test_escapes_are_spelled_as_python_spells_them() -> None:
    assert escape.terminal("a\x1b[31mb\u202ec\ud800\U000e0041\r\n\t") == r"a\x1b[31mb\u202ec\ud800\U000e0041\r\n\t"


def test_letters_of_any_script_and_joined_emoji_stay() -> None:
    text = "naïve Ωmega שלום نیم\u200cفاصله 日本 👩\u200d🚀"

    assert escape.terminal(text) == text


def test_a_joiner_between_plain_letters_hides_nothing() -> None:
    assert escape.terminal("pay\u200dpal") == r"pay\u200dpal"


def test_lines_stay_where_a_message_has_several() -> None:
    assert escape.terminal("one\ntwo\r", lines=True) == "one\ntwo\\r"


def test_what_an_encoding_lacks_is_spelled_out() -> None:
    assert escape.terminal("é→", encoding="latin-1") == r"é\u2192"
    assert escape.terminal("é", encoding="no such encoding") == r"\xe9"


def test_a_line_is_shortened_at_a_word_and_says_so() -> None:
    assert escape.one_line("  the quick\n\tbrown   fox ", 12) == "the quick…"
    assert escape.one_line("the quick", 9) == "the quick"
    assert escape.one_line("x" * 10_000_000, 5) == "xxxx…"


# --- Markdown ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(anything)
@example("[a](b) ![c](d) <e> `f` *g* _h_ ~~i~~ &amp; \\")
def test_running_text_makes_no_markup_in_a_paragraph_or_a_cell(text: str) -> None:
    inert = escape.markdown(text)

    assert tags(github(f"word {inert}\n")) <= {"p"}
    assert tags(github(f"{inert}\n")) <= {"p"}
    assert tags(github(f"- {inert}\n")) <= {"ul", "li"}
    table = github(f"| a | b |\n|---|---|\n| {inert} | end |\n")
    assert tags(table) <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert table.count("<td>") == 2


@settings(max_examples=200)
@given(anything)
@example("`")
@example("`` ` ``")
def test_a_code_span_holds_the_text_as_it_is(text: str) -> None:
    html = github(f"x {escape.markdown_code(text)} y\n")

    assert tags(html) == {"p", "code"}
    assert html.count("<code>") == 1
    assert html.endswith("</code> y</p>\n")


@settings(max_examples=200)
@given(anything)
def test_a_block_ends_where_we_end_it(text: str) -> None:
    html = github(f"{escape.markdown_block(text, 'diff')}\nafter\n")

    assert tags(html) == {"pre", "code", "p"}
    assert html.endswith("<p>after</p>\n")


def test_mentions_references_and_addresses_are_parted() -> None:
    inert = escape.markdown("@octocat #12 GH-7 !5 https://example.com www.example.com me@example.com :smile:")

    seen = github(inert).replace("\u2060", "|")
    assert "@|octocat #|12 GH|-7 !|5 https:|//example.com www|.example.com me@|example.com :|smile:" in seen


def test_plain_text_stays_readable_as_source() -> None:
    assert escape.markdown("facts held: 1.2 points lower, at most 3.9 (n 200)") == (
        "facts held: 1.2 points lower, at most 3.9 (n 200)"
    )
    assert escape.markdown("0.0391") == "0.0391"
    assert escape.markdown("1. one") == r"1\. one"


# --- tables, scripts, file names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert escape.csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "72", "Paris - France", "שלום"])
def test_a_harmless_cell_stays_as_it_is(text: str) -> None:
    assert escape.csv_cell(text) == text


@settings(max_examples=100)
@given(anything)
def test_a_cell_can_be_written_and_read_again(text: str) -> None:
    cell = escape.csv_cell(text)
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow([cell, "end"])

    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [[cell, "end"]]
    assert out.getvalue().encode("utf-8")


@settings(max_examples=200)
@given(anything)
def test_xml_reads_a_text_back_with_what_it_cannot_carry_spelled_out(text: str) -> None:
    line = escape.one_line(text)

    out = f'<a b="{escape.xml(line)}">{escape.xml(text)}</a>'.encode()

    found = ElementTree.fromstring(out)
    assert (found.get("b"), found.text or "") == (escape.terminal(line), escape.terminal(text, lines=True))
    assert list(found) == []


@settings(max_examples=100)
@given(anything)
def test_json_in_a_script_keeps_its_value_and_closes_nothing(text: str) -> None:
    out = escape.script_json(json.dumps([text], ensure_ascii=False))

    assert json.loads(out) == [text]
    assert not set("<>&\u2028\u2029") & set(out)


@pytest.mark.parametrize("name", ["marv", "6b_verification", "gpt-4.1", "a-b_c.d"])
def test_a_name_that_is_a_slug_stays(name: str) -> None:
    assert escape.slug(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "/", "nul", "con.txt", "../../etc/passwd", "-rf", "Marv", "é" * 300])
def test_a_slug_is_a_plain_file_name_of_its_own(name: str) -> None:
    slug = escape.slug(name)

    assert re.fullmatch(r"[a-z0-9_][a-z0-9_.-]*-[0-9a-f]{8}", slug)
    assert len(slug) <= escape.LONGEST_SLUG


@settings(max_examples=300)
@given(anything, anything)
@example("Marv", "marv-" + "0" * 8)
@example("a/b", "a-b")
def test_different_names_have_different_slugs(one: str, other: str) -> None:
    assert (escape.slug(one) == escape.slug(other)) == (one == other)


def test_a_name_that_looks_like_the_slug_of_another_gets_its_own() -> None:
    assert escape.slug(escape.slug("Marv")) != escape.slug("Marv")
