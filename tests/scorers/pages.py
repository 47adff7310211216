"""The reference page of the checks, made of their docstrings.

`python -m tests.scorers.pages > docs/scorers.md` writes it again.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass

from evalharness.scorers.base import SCORERS, kind

FAMILIES = {
    "What is said": ("mentions", "exact", "number", "matches", "similar", "likelihood"),
    "Its form": ("json", "json_schema", "fields", "max_words", "min_words"),
    "Its manner": ("language", "refuses", "max_repeats", "voice"),
    "What a model thinks of it": ("judge",),
    "Over a conversation": ("steady", "consistent"),
    "Checks of checks": ("any_of", "all_of", "none_of"),
}

OPENING = """# Checks

A check is `kind: subject`, with options beside it, and grades a reply from 0 to 1; `null` stands for unknown, which is
never a zero. Every check also takes `name`, `weight`, `pass_at` and `truncated` (see the suite format). Each kind below
says what it gives, in a suite that runs, with a reply that passes and one that fails; then its options; then what it
does not catch.

This page is made of the docstrings in `evalharness/scorers/`; a test holds it to them, and runs every suite on it.
`python -m tests.scorers.pages > docs/scorers.md` writes it again.
"""


@dataclass(frozen=True)
class Page:
    """One kind of check as its docstring tells it."""

    kind: str
    text: str
    first: str
    snippet: str
    passes: str
    fails: str


def page(name: str) -> Page:
    """The page of a kind; a docstring that lacks a part raises `AttributeError`. Replies that pass and fail are not
    asked of a kind that does not read them."""
    text = inspect.getdoc(SCORERS.get(name)) or ""
    replies = r"Passes: `(?P<passes>.*?)`\nFails: `(?P<fails>.*?)`\n"
    if kind(name).reads == "question":
        replies = "(?P<passes>)(?P<fails>)"
    found = re.search(rf"```yaml\n(?P<snippet>.*?)```\n{replies}", text, re.DOTALL)
    if found is None:
        raise AttributeError(f"{name} has no snippet with a reply that passes and one that fails")
    return Page(name, text, text.partition("\n")[0], found["snippet"], found["passes"], found["fails"])


def document() -> str:
    """The whole page, in Markdown."""
    parts = [OPENING, "| kind | subject | options |\n|---|---|---|"]
    parts[-1] += "".join(f"\n| [`{name}`](#{name}) | {_subject(name)} | {_options(name)} |" for name in _ordered())
    for family, names in FAMILIES.items():
        parts.append(f"\n## {family}")
        parts += [f"\n### `{name}`\n\n{_markdown(page(name))}" for name in names]
    return "\n".join(parts) + "\n"


def _ordered() -> list[str]:
    return [name for names in FAMILIES.values() for name in names]


def _subject(name: str) -> str:
    return "true or false" if kind(name).switch else kind(name).subject.name


def _options(name: str) -> str:
    takes = inspect.signature(SCORERS.get(name)).parameters
    return ", ".join(f"`{option.name}`{_default(takes[option.name].default)}" for option in kind(name).options[1:])


def _default(value: object) -> str:
    """What is taken where the option is left out, in brackets; nothing where that is nothing."""
    told = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f" ({told})" if told else ""


def _markdown(found: Page) -> str:
    """Line breaks that hold: what passes and what fails stand on lines of their own."""
    return found.text.replace("\nFails: ", "  \nFails: ").replace("```\nPasses: ", "```\n\nPasses: ")


if __name__ == "__main__":
    sys.stdout.write(document())
