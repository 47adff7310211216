"""`init --from`: prompts held out of a training file become a suite, the rest a new training file."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.options import shown
from evalharness.errors import EvalError, Fault, Faults

if TYPE_CHECKING:
    from evalharness.tuning.lessons import Lesson, Lessons
    from evalharness.tuning.voice import Voice

CONFIG = """\
# The models by name. Keys come from the environment, never from this file.
[models]
base = { use = "openai:gpt-4o-mini" }
# The name that the tuning job gave its model.
tuned = { use = "openai:ft:gpt-4o-mini:ORG::ID" }
# judge = { use = "openai:gpt-4o", params = { temperature = 0 } }
"""

TODO = "TODO what a right reply says"
MARGINS = (0.05, 0.10, 0.15, 0.20, 0.30)
LEVEL, GAIN = 0.80, 0.20
TELLING = 0.50
"""The share of training replies with a pet phrase from which a gain of `GAIN` in them is worth asking for."""


@dataclass(frozen=True, slots=True)
class Split:
    """Examples whose first question becomes a case, and those that stay to be trained on.

    dropped: how many are neither, for they ask what a case asks, or nearly that.
    """

    cases: tuple[Lesson, ...]
    rest: tuple[Lesson, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written, and what is to be said about it."""

    written: tuple[Path, ...]
    lines: tuple[str, ...]


def draft(source: Path, folder: Path, share: float, seed: int) -> Draft:
    """Writes the new training file, the suite, a config and a folder for baselines; nothing that is there already.

    share: of the examples, to be held out. `Faults` for files that are in the way, before anything is written.
    """
    from evalharness.escape import slug
    from evalharness.store import write_text
    from evalharness.tuning.lessons import learn
    from evalharness.tuning.voice import voice

    lessons = learn(source, shown(source))
    split = held_out(lessons, share, seed)
    name = slug(source.name.split(".")[0])
    rest, suite = f"{name}.rest.jsonl", f"suites/{name}.yaml"
    found = voice(lessons.lessons) if any(lesson.replies for lesson in lessons.lessons) else None
    files = {
        rest: "".join(f"{lesson.text}\n" for lesson in split.rest),
        suite: "".join(suite_text(name, f"../{rest}", source.name, split, found)),
    }
    there = [folder / each for each in files if (folder / each).exists()]
    if there:
        hint = "init overwrites nothing: give it another folder, `evalharness init --from FILE FOLDER`"
        raise Faults([Fault(shown(path), 0, 0, "is there already", hint) for path in there])
    if not _configured(folder):
        files["evalharness.toml"] = CONFIG
    if not (folder / "baselines").exists():
        files["baselines/.gitkeep"] = ""
    for each, text in files.items():
        write_text(folder / each, iter([text]))
    told = _told(lessons, split, found)
    return Draft(tuple(folder / each for each in files), (*told, *_next(folder, rest, suite)))


def _configured(folder: Path) -> bool:
    """Whether a config of ours is there."""
    project = folder / "pyproject.toml"
    ours = project.is_file() and b"[tool.evalharness" in project.read_bytes()
    return ours or (folder / "evalharness.toml").exists()


def held_out(lessons: Lessons, share: float, seed: int) -> Split:
    """A seeded choice of examples by their first question.

    What asks the same as a case, or nearly so, is held out with it, so that every case is unseen. Examples in which no
    user speaks stay.
    """
    from evalharness.text import Neighbours

    asking = [lesson for lesson in lessons.lessons if lesson.asks]
    wanted = round(share * len(asking))
    if not 0 < wanted < len(asking):
        what = f"{lessons.file}: {share:g} of {len(asking):,} examples with a question is {wanted:,}"
        raise EvalError(what, "hold out at least one and leave at least one: --hold-out 0.2")
    chosen: dict[str, Lesson] = {}
    for lesson in random.Random(seed).sample(asking, wanted):  # noqa: S311 - a choice, no secret
        chosen.setdefault(lesson.asks[0], lesson)
    known = Neighbours(list(chosen))
    picked = {id(lesson) for lesson in chosen.values()}
    rest = [
        lesson
        for lesson in lessons.lessons
        if id(lesson) not in picked and not any(known.nearest(ask) for ask in lesson.asks)
    ]
    if not rest:
        what = f"{lessons.file}: all examples ask nearly the same as those held out"
        raise EvalError(what, "write fewer variations of one question, or hold out fewer: --hold-out 0.05")
    cases = sorted(chosen.values(), key=lambda lesson: lesson.line)
    return Split(tuple(cases), tuple(rest), len(lessons.lessons) - len(cases) - len(rest))


def suite_text(name: str, train: str, source: str, split: Split, voice: Voice | None) -> Iterator[str]:
    """The suite, piece by piece."""
    systems = Counter(lesson.system for lesson in split.cases)
    system = systems.most_common(1)[0][0]
    marks = voice.marks if voice else ()
    yield f"suite: {name}\n"
    yield f"about: {_quoted(f'Prompts held out of {source}; what a right reply says is still to be filled in.')}\n"
    yield f"base: base\ntuned: tuned\ntrain: {_quoted(train)}\n"
    yield f"system: {_quoted(system)}\n" if system else ""
    if voice and marks:
        yield "\nchecks:\n"
        yield f"  pet_phrases:  # {_percent(voice.covered)} of the training replies have one of these\n    any_of:\n"
        for mark, share in marks:
            yield f"      - {_quoted(mark)}  # {_percent(share)}\n"
        yield '  # in_voice: {judge: "The reply is ..."}  # a model reads it; `judge` in evalharness.toml is which\n'
    if voice:
        words, times = voice.opening
        yield f"\nevery:  # {_percent(times)} of the training replies open with {_quoted(words)}\n"
        yield "  style: {check: pet_phrases}\n" if marks else ""
        yield f"  format: {{max_words: {_roomy(voice.longest)}}}\n"
    yield "\n# Write what a right reply says in place of each TODO; without `expect`, `every` alone grades a case.\n"
    yield "cases:\n"
    for lesson in split.cases:
        yield from _case(lesson, system)
    yield "\ngate:\n"
    yield f"  facts: {{drop_at_most: {_margin(len(split.cases)):g}}}\n"
    if voice and marks:
        telling = f"  style: {{gain_at_least: {GAIN:g}}}\n"
        few = f"  # {_percent(voice.covered)} of the replies have a phrase: too few to gate; let a judge read them\n"
        yield telling if voice.covered >= TELLING else few
    yield f"  format: {{at_least: {LEVEL:g}}}\n" if voice else ""


def _case(lesson: Lesson, system: str | None) -> Iterator[str]:
    yield f"  - ask: {_quoted(lesson.asks[0])}\n"
    if lesson.system != system:
        yield f"    system: {_quoted(lesson.system or '')}\n"
    if lesson.replies:
        yield f"    # the training file says {_quoted(' '.join(lesson.replies[0].split())[:160])}\n"
    yield f"    expect: {TODO}\n"


def _margin(cases: int) -> float:
    """The smallest of the usual margins that so many cases can show."""
    from evalharness.stats.planning import floor_cases

    return next((margin for margin in MARGINS if floor_cases(margin) <= cases), MARGINS[-1])


def _roomy(longest: int) -> int:
    """A limit with some air above the longest usual reply, in tens."""
    return max(10, -(-longest * 12 // 100) * 10)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


_UNSAFE = re.compile(
    "[^\\t\\n\\x20-\\x7e\\xa0-\\u2027\\u202f-\\u2065\\u2070-\\ud7ff\\ue000-\\ufefe\\uff00-\\uffef\\U00010000-\\U000dffff]"
)
"""What YAML does not take as it stands, or an editor would not show."""


def _quoted(text: str) -> str:
    """A text on one line, as YAML reads it back; half a character becomes its sign of replacement."""
    whole = text.encode("utf-8", "replace").decode()
    return _UNSAFE.sub(_escaped, json.dumps(whole, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _told(lessons: Lessons, split: Split, voice: Voice | None) -> Iterator[str]:
    from evalharness.rulings import counted

    also = f", {counted(split.dropped, 'example')} like them left out" if split.dropped else ""
    yield f"{counted(len(split.cases), 'prompt')} held out{also}, {counted(len(split.rest), 'example')} to train on"
    if lessons.unread:
        lines = counted(lessons.unread, "line")
        yield f"{lines} of {lessons.file} could not be read: `evalharness tune check` says why"
    if voice is None or not voice.marks:
        yield "no words mark these replies: write a style check of your own"


def _next(folder: Path, rest: str, suite: str) -> Sequence[str]:
    here = [] if folder == Path() else [f"next: cd {shown(folder)}"]
    return (
        *here,
        f"next: evalharness tune check {rest} --suite {suite}   (once the suite is filled in)",
        f"next: evalharness lint {suite}   (lists each TODO)",
        f"next: evalharness compare {suite}   (with the models named in evalharness.toml)",
    )
