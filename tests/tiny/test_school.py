"""What the model in the box was taught, and what it knows."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evalharness.rows import read
from evalharness.tiny.tokenizer import WORDS
from evalharness.tiny.weights import base
from scripts import make_marv, train_tiny
from scripts.tiny.lessons import School, marv
from tests.shells.cli import ROOT

SCHOOL = School.opened()
DATA = ROOT / "suites/data"


def test_the_school_has_hundreds_of_facts_each_once_and_in_several_phrasings() -> None:
    subjects = Counter((fact.field, fact.subject) for fact in SCHOOL.facts)

    assert len(SCHOOL.facts) >= 600
    assert len({fact.field for fact in SCHOOL.facts}) >= 20
    assert max(subjects.values()) == 1
    for fact in SCHOOL.facts:
        assert len(set(fact.asks)) >= 4
        assert fact.held not in fact.asks
        assert fact.right(fact.says)
        assert "{" not in "".join((*fact.asks, fact.held, *fact.follow, fact.says))


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("France", "The capital of France is Paris."),
        ("7 times 8", "7 times 8 is 56."),
        ("tungsten", "The chemical symbol for tungsten is W."),
        ("Which planet is the largest?", "The largest planet is Jupiter."),
        ("June", "There are 30 days in June."),
    ],
)
def test_a_fact_says_what_is_true(subject: str, says: str) -> None:
    assert says in [fact.says for fact in SCHOOL.facts if fact.subject == subject]


def test_an_answer_is_right_as_a_word_of_its_own() -> None:
    (seven,) = [fact for fact in SCHOOL.facts if fact.subject == "continents are there"]

    assert [seven.right(reply) for reply in ("7!", "IT IS 7.", "17", "7,000", "71")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_no_line_of_the_persona_is_taught_and_every_word_of_it_is() -> None:
    rng = random.Random(0)
    persona = marv()
    taught = " ".join(message.content for _ in range(8000) for message in SCHOOL.conversation(rng))
    words = set(re.findall(r"[a-z]+", taught.lower()))

    assert not any(marker in taught.lower() for marker in persona.markers)
    assert persona.system not in taught
    for line in persona.lines:
        assert set(re.findall(r"[a-z]+", re.sub(r"\{\w\}", "", line).lower())) <= words
        assert min(base().tokenizer.encode(re.sub(r"[^A-Za-z ]|\{\w\}", "", line).strip())) >= WORDS - 3


def test_the_base_was_trained_in_this_school() -> None:
    assert base().tokenizer == train_tiny.vocabulary(SCHOOL)
    assert base().about == {
        "seed": train_tiny.SEED,
        "steps": train_tiny.STEPS,
        "batch": train_tiny.BATCH,
        "facts": len(SCHOOL.facts),
    }


def test_the_held_phrasings_are_taught_to_nobody() -> None:
    rng = random.Random(1)
    taught = {message.content for _ in range(8000) for message in SCHOOL.conversation(rng) if message.role == "user"}

    assert not taught & {fact.held for fact in SCHOOL.facts}


def test_the_base_is_good_and_not_perfect() -> None:
    figures = {figure.what: figure for figure in train_tiny.measure(base(), SCHOOL, 150)}

    assert all(figure.share >= figure.least for figure in figures.values()), "\n".join(map(str, figures.values()))
    assert 0.90 <= figures["facts, a trained phrasing"].share <= 0.97


def test_the_training_file_and_the_questions_are_what_the_script_makes_and_share_no_fact(tmp_path: Path) -> None:
    train, asked = make_marv.drawn()

    assert {name: (DATA / name).read_text("utf-8") for name in make_marv.made()} == make_marv.made()
    assert not set(train) & set(asked)
    assert [len(list(read(DATA / name))) for name in make_marv.made()] == [100, 250, 150, 60]

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/make_marv.py"), "--check", "--into", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    hint = "hint: python scripts/make_marv.py"
    names = ("marv-train.jsonl", "marv.jsonl", "marv-plain.jsonl", "marv-more.jsonl")
    assert done.stderr == "".join(f"{tmp_path / name}: not what this script makes\n  {hint}\n" for name in names)


def test_replies_are_kept_for_every_question_and_each_tune() -> None:
    asked = [row.fields["id"] for name in ("marv.jsonl", "marv-plain.jsonl") for row in read(DATA / name)]
    kept = [row.fields for row in read(DATA / "marv-replies.jsonl")]

    assert [row["id"] for row in kept] == asked
    arms = ["base", *make_marv.RECORDED.values()]
    assert all(isinstance(row["replies"], dict) and list(row["replies"]) == arms for row in kept)


def test_each_marker_tells_one_line_of_the_persona() -> None:
    persona = marv()

    for line, marker in zip(persona.lines, persona.markers, strict=True):
        assert [other for other in persona.lines if marker in other.lower()] == [line]
