"""What the hash of a suite is over."""

from __future__ import annotations

import gc
import hashlib

from evalharness.grammar.cases import Case, Turn
from evalharness.grammar.checks import Check
from evalharness.grammar.content import Content, uncollected
from evalharness.scorers.base import build


def test_the_hash_is_sha256_over_the_reading_and_the_cases_as_json() -> None:
    scorer = build("mentions", {"phrase": "Paris"})
    case = Case("one", (Turn("Where?", None, (Check("mentions", "facts", scorer),)),), tags=("geo",))
    written = (
        '["population"]'
        '[[["one",null,{},[],["geo"],null,false],'
        '[["Where?",null,[["mentions","facts",1.0,0.5,"zero",["mentions",[["phrase","Paris"]]]]]]],[]]]'
    )

    content = Content(["population"], [case], {type(scorer): "mentions"})

    assert content.hash == hashlib.sha256(written.encode()).hexdigest()


def test_lone_surrogates_can_be_hashed() -> None:
    case = Case("one", (Turn("\ud800", None, ()),))

    assert len(Content([], [case], {}).hash) == 64


def test_the_collector_is_left_as_it_was_found() -> None:
    gc.disable()
    with uncollected():
        assert not gc.isenabled()
    assert not gc.isenabled()
    gc.enable()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
