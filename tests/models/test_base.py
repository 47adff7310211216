"""What all kinds of models share: opening one by its arm, and keeping secrets out of texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.config import Arm
from evalharness.errors import UnknownName
from evalharness.models.base import MODELS, open_model
from evalharness.records import ModelRef
from evalharness.secrecy import Secrets

keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20)


def test_a_kind_that_there_is_none_of_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownName) as caught:
        open_model(Arm(ModelRef("base", "opena:x")))

    assert str(caught.value) == "there is no kind of model 'opena'\n  hint: did you mean 'openai'?"
    assert {"openai", "replay", "command"} <= MODELS.names()


@given(keys, st.text(), st.text())
def test_a_secret_is_hidden_plain_and_in_json(key: str, before: str, after: str) -> None:
    secrets = Secrets([key])

    for text in (before + key + after, json.dumps(before + key + after), json.dumps(key).replace("/", "\\/")):
        assert key not in secrets.hide(text)
        assert json.dumps(key)[1:-1] not in secrets.hide(text)


@given(keys)
def test_a_secret_spelt_in_escapes_is_hidden(key: str) -> None:
    lower, upper = ("".join(form.format(ord(c)) for c in key) for form in ("\\u{:04x}", "\\u{:04X}"))

    assert Secrets([key]).hide(f"{lower} {upper}") == "[key] [key]"


def test_a_text_without_secrets_stays_as_it_is() -> None:
    secrets = Secrets(["sk-0123456789", "sk-0123456789-long", "", "short"])

    assert secrets.hide("a\\u0041 short sk-012345678") == "a\\u0041 short sk-012345678"
    assert secrets.hide("sk-0123456789-long!") == "[key]!"
    assert Secrets([]).hide("x") == "x"
