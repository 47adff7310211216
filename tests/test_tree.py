"""YAML text to a tree with places."""

from __future__ import annotations

import pytest

from evalharness.errors import Faults
from evalharness.schema import plain
from evalharness.tree import DEEPEST, Broken, Mapping, Node, Sequence, Text, parse


def read(text: str) -> Node:
    source, root = parse(text, "a.yaml")
    assert source.faults() == ()
    return root


def faults(text: str) -> list[str]:
    try:
        source, _ = parse(text, "a.yaml")
    except Faults as error:
        return [str(fault).partition("\n")[0] for fault in error.faults]
    return [str(fault).partition("\n")[0] for fault in source.faults()]


def test_scalars_keep_the_characters_as_typed() -> None:
    typed = ["NO", "1.10", "12:30", "010", "2024-01-01", "null", "~", "0x1F", "1_000", "True", "=", ".inf"]

    assert plain(read("\n".join(f"- {text}" for text in typed))) == typed


def test_quotes_blocks_and_comments_are_read_as_yaml_has_them() -> None:
    text = "a: 'it''s'\nb: \"x\\ty\"\nc: |\n  one\n  two\nd: >\n  one\n  two\n# nothing\ne: plain # comment\nf:\n"

    assert plain(read(text)) == {
        "a": "it's",
        "b": "x\ty",
        "c": "one\ntwo\n",
        "d": "one two\n",
        "e": "plain",
        "f": "",
    }


def test_a_node_knows_where_it_begins_and_how_it_was_written() -> None:
    root = read("suite: a\ncases:\n  - ask: 'Why?'\n")

    assert isinstance(root, Mapping)
    assert (root.key("cases").line, root.key("cases").column) == (1, 0)
    cases = root.entries["cases"]
    assert isinstance(cases, Sequence)
    case = cases.items[0]
    assert isinstance(case, Mapping)
    ask = case.entries["ask"]
    assert isinstance(ask, Text)
    assert (ask.mark.line, ask.mark.column, ask.style) == (2, 9, "'")


def test_nesting_ends_at_a_hundred() -> None:
    assert faults("[" * DEEPEST + "]" * DEEPEST) == []
    assert faults("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)) == ["a.yaml:1:101: this is nested more than 100 deep"]
    assert faults("{a: " * 200_000) == ["a.yaml:1:401: this is nested more than 100 deep"]
    assert len(faults("- " * 200_000)) == 1


def test_what_stood_before_broken_syntax_is_told_with_it() -> None:
    text = "a: *x\nb: 1\nb: 2\nc: [1, 2\n"

    assert faults(text) == [
        "a.yaml:1:4: aliases are not read: '*x'",
        "a.yaml:3:1: the key 'b' stands twice",
        "a.yaml:5:1: the list '[' is not closed here, nor does a comma follow (it begins on line 4)",
    ]


def test_a_billion_laughs_are_refused_at_the_first() -> None:
    text = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

    assert [fault.split(": ", 1)[1] for fault in faults(text)] == [
        "anchors are not read: '&a'",
        "anchors are not read: '&b'",
        "aliases are not read: '*a'",
        "aliases are not read: '*a'",
        "aliases are not read: '*b'",
        "aliases are not read: '*b'",
    ]


def test_the_first_of_two_equal_keys_is_kept() -> None:
    source, root = parse("a: 1\na: 2\n", "a.yaml")

    assert plain(root) == {"a": "1"}
    assert [fault.hint for fault in source.faults()] == ["it is on line 1 already"]


def test_an_unquoted_template_is_told_to_be_quoted() -> None:
    source, root = parse("a: {{ field }}\n", "a.yaml")

    assert [(f.column, f.hint) for f in source.faults()] == [(5, 'quote a template: "{{ field }}"')]
    assert isinstance(root, Mapping)
    assert isinstance(root.entries["a"], Broken)


def test_reading_ends_after_a_thousand_faults() -> None:
    found = faults("".join(f"k{n}: *x\n" for n in range(5_000)))

    assert len(found) == 1_000


def test_a_file_of_too_many_values_is_refused() -> None:
    found = faults("[" + "[a,a,a,a,a,a,a,a,a,a]," * 50_001 + "]")

    assert [fault.split(": ", 1)[1] for fault in found] == ["this file holds more than 500000 values"]


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\x80", "\ufffe"])
def test_control_characters_are_refused_with_their_place(sign: str) -> None:
    assert faults(f"a: é\nb: x{sign}y\n")[0].startswith("a.yaml:2:5: ")
