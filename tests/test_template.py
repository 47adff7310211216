"""Templates: fields of a row in the text of a suite."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.template import LONGEST, TemplateError, compiled, place

ROW: dict[str, object] = {
    "name": " Ada ",
    "born": 1815,
    "share": 0.5,
    "known": True,
    "gone": None,
    "tags": ["a", "é"],
    "home": {"town": "London", "post code": "W1"},
    "First name": "Augusta",
    "due-date": "soon",
    "evil": "{{ name }} {% x %}",
}


def fill(text: str) -> str:
    template = compiled(text)
    assert template is not None
    return template.fill(ROW, "rows.jsonl:3")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ name }}", " Ada "),
        ("{{name|trim}}!", "Ada!"),
        ("{{ name | trim | upper }}, {{ name | lower }}", "ADA,  ada "),
        ("{{ born }} {{ share }} {{ known }}", "1815 0.5 true"),
        ("{{ home.town }} {{ home.post code }}", "London W1"),
        ("{{ First name }} {{ due-date }}", "Augusta soon"),
        ("{{ tags | json }} {{ home | json }}", '["a", "é"] {"town": "London", "post code": "W1"}'),
        ('{{ gone | default("no one") }} {{ lost | default(0) }}', "no one 0"),
        ("{{ lost.part | default('it\\'s') | upper }}", "IT'S"),
        ('{{ "{{" }} {{ name | trim }} {{ "}}" }}', "{{ Ada }}"),
        ("{{ evil }}", "{{ name }} {% x %}"),
        ("{ {# {{ born }} #", "{ {# 1815 #"),
        ("{{\n born\n}}", "1815"),
    ],
)
def test_a_template_is_filled_from_the_row(text: str, filled: str) -> None:
    assert fill(text) == filled


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ lost }}", "rows.jsonl:3 has no field 'lost'"),
        ("{{ home.street }}", "rows.jsonl:3 has no field 'home.street'"),
        ("{{ name.first }}", "rows.jsonl:3 has no field 'name.first'"),
        ("{{ tags.0 }}", "rows.jsonl:3 has no field 'tags.0'"),
        ("{{ name.__class__ }}", "rows.jsonl:3 has no field 'name.__class__'"),
        ("{{ gone }}", "rows.jsonl:3: the field 'gone' is null"),
        ("{{ gone | upper }}", "rows.jsonl:3: the field 'gone' is null"),
        ("a {{ tags }}", "rows.jsonl:3: the field 'tags' is a list"),
        ("a {{ home }}", "rows.jsonl:3: the field 'home' is a mapping"),
    ],
)
def test_what_a_row_does_not_hold_is_an_error_that_names_it(text: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        fill(text)

    assert caught.value.what == what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% for x in y %}", "a template holds fields and filters, no '{% %}'"),
        ("{# hidden #}", "a template holds fields and filters, no '{# #}'"),
        ("{{ f() }}", "a template calls nothing: '('"),
        ("{{ a.b('x') }}", "a template calls nothing: '('"),
        ("{{ a + b }}", "a template holds a field and filters, not '+'"),
        ("{{ a[0] }}", "a template holds a field and filters, not '['"),
        ("{{ 'a' ~ b }}", "a template holds a field and filters, not '~'"),
        ("{{ a if b else c }}", "a template has no operators: 'a if b else c'"),
        ("{{ not a }}", "a template has no operators: 'not a'"),
        ("{{ a | safe }}", "there is no filter 'safe'"),
        ("{{ a | upper() }}", "a template calls nothing: '('"),
        ("{{ a | default }}", "the filter 'default' takes one text"),
        ("{{ a | default(b) }}", "the filter 'default' takes one text"),
        ("{{ a", "the '{{' of a template is not closed"),
        ("{{ a | default('x }}", "the filter 'default' takes one text"),
        ("{{}}", "a template is empty: '{{ }}'"),
        ("{{ . }}", "a template holds a field and filters, not '.'"),
    ],
)
def test_a_template_is_fields_and_filters_and_nothing_else(text: str, what: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compiled(text)

    assert caught.value.what == what


def test_a_text_without_holes_is_no_template() -> None:
    assert compiled("{ one } {two} }} 100%") is None


def test_a_hole_alone_is_known_as_such() -> None:
    template = compiled("{{ born }}")
    assert template is not None
    assert template.whole is not None
    assert template.whole.value(ROW, "rows.jsonl:3") == 1815
    other = compiled(" {{ born }}")
    assert other is not None
    assert other.whole is None


def test_an_error_says_which_braces_it_is_about() -> None:
    text = 'x: "{{ a }} {{ "{{" }} {{ b + c }}"'
    with pytest.raises(TemplateError) as caught:
        compiled(text[4:-1])

    assert text[place(text, 4, caught.value.hole) :].startswith("{{ b + c }}")


def test_the_filled_text_has_a_limit() -> None:
    template = compiled("{{ big }}{{ big }}")
    assert template is not None

    with pytest.raises(TemplateError, match="longer than 16 MiB"):
        template.fill({"big": "x" * (LONGEST // 2 + 1)}, "rows.jsonl:1")


@given(st.text("{}%#| .'\"ab\\(+", max_size=40))
def test_any_text_is_a_template_or_not_or_an_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        template = compiled(text)
        assert (template is None) is ("{{" not in text)
        if template is not None:
            template.fill({"a": "x", "b": "{{ a }}"}, "rows.jsonl:1")


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=10), min_size=3))
def test_what_a_row_holds_is_put_in_as_it_is(row: dict[str, str]) -> None:
    template = compiled("<{{ a }}|{{ b }}|{{ c }}>")

    assert template is not None
    assert template.fill(row, "rows.jsonl:1") == f"<{row['a']}|{row['b']}|{row['c']}>"


def test_hostile_braces_take_time_in_proportion() -> None:
    for text in ("{#" * 200_000, "{{ a | " * 50_000, '{{ "' + "\\" * 200_000, "{{ a }}" * 50_000):
        with contextlib.suppress(TemplateError):
            compiled(text)
