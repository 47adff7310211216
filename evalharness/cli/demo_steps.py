"""What `demo` decides: the files it writes, the commands it types, and what it says was seen."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.findings import Comparison

FOLDER = Path("evalharness-demo")
MARV = Path(__file__).parent / "marv"
"""The persona's suite, its questions and its training file, as they are in the repository's `suites/`."""

BASE, ASKED, TRAIN = "marv-base", "suites/marv.yaml", "marv-train.json"
FIXED = "marv-train.fixed.jsonl"
FULL = "compare.txt"


@dataclass(frozen=True, slots=True)
class Tune:
    """A way to tune, as options of `tune start`. about: what is to be expected of it."""

    name: str
    options: tuple[str, ...]
    about: str

    @property
    def arm(self) -> str:
        """What the config calls its model."""
        return f"marv-{self.name}"


TUNES = (
    Tune(
        "weak",
        ("--epochs", "1", "--learning-rate", "0.1"),
        "too weak: one look at each example, at a tenth of the rate",
    ),
    Tune("good", (), "with the settings that the server chooses"),
    Tune("overcooked", ("--learning-rate", "7"), "overcooked: at seven times that rate"),
)
GOOD = TUNES[1]
ARMS = tuple(tune.arm for tune in TUNES)


@dataclass(frozen=True, slots=True)
class Step:
    """A command that is typed. why: said before it. ends: the statuses with which the demonstration goes on. brief:
    only the beginning and the end of what it prints are shown, all of it is in `FULL`."""

    why: str
    words: tuple[str, ...]
    ends: tuple[int, ...] = (0,)
    brief: bool = False

    @property
    def line(self) -> str:
        """As it is typed."""
        return shlex.join(("evalharness", *self.words))


def files() -> dict[str, str]:
    """The text of each file by its name. The training file has a fault: it is one JSON array, not an object a line."""
    lines = (MARV / "data/marv-train.jsonl").read_text("utf-8").split("\n")[:-1]
    models = {BASE: "openai:tiny", **{tune.arm: f"job:{tune.name}" for tune in TUNES}, "judge": JUDGE}
    config = [
        "# The base is a model of the server that OPENAI_BASE_URL names; a tune is what a tuning job left there.",
        "# The judge learnt one question from labelled replies; a model that reads is --judge openai:NAME.",
        "[models]",
        *(f'{name} = {{ use = "{use}" }}' for name, use in models.items()),
    ]
    asked = {f"suites/data/{name}": (MARV / "data" / name).read_text("utf-8") for name in (*QUESTIONS, VOICE)}
    return {
        "evalharness.toml": "\n".join([*config, ""]),
        ASKED: (MARV / "marv.yaml").read_text("utf-8"),
        **asked,
        TRAIN: "[\n" + ",\n".join(lines) + "\n]\n",
    }


QUESTIONS = ("marv.jsonl", "marv-plain.jsonl")
VOICE = "marv-voice.jsonl"
JUDGE = f"classifier:suites/data/{VOICE}"


def steps() -> tuple[Step, ...]:
    """The commands of the whole loop, in their order."""
    arms = tuple(word for tune in TUNES for word in ("--tuned", tune.arm))
    return (
        Step("A training file that a server would reject: what is wrong with it?", ("tune", "check", TRAIN), (2,)),
        Step("That can be repaired without guessing.", ("tune", "check", TRAIN, "--fix")),
        *(Step(f"A tune {tune.about}.", ("tune", "start", FIXED, *_job(tune))) for tune in TUNES),
        Step(
            "Did they hold? The base and all three are asked the same 400 questions, none of which was an example.",
            ("compare", ASKED, "--base", BASE, *arms),
            (0, 1, 4),
            brief=True,
        ),
        Step(
            "What to publish with the good one.",
            ("report", f"reports/{folder(GOOD.arm)}", "--format", "release-notes", "-q"),
            (0, 1, 4),
        ),
    )


def folder(arm: str) -> str:
    """What the folder of an arm's reports is called."""
    return f"marv-{BASE}-{arm}"


def free(wanted: Path) -> Path:
    """The first folder of that name, or with a number behind it, that is not there."""
    number, found = 1, wanted
    while found.exists() or found.is_symlink():
        number += 1
        found = wanted.with_name(f"{wanted.name}-{number}")
    return found


def abridged(text: str) -> str:
    """What stands before the first and behind the last ruled line, with how much was left out; all where none is."""
    lines = text.split("\n")
    ruled = [place for place, line in enumerate(lines) if line.startswith("───")]
    if not ruled:
        return text
    first, last = ruled[0], ruled[-1]
    between = f"… {last - first - 1} lines: what broke and what was fixed, intervals, reasons; all of it is in {FULL}"
    return "\n".join([*lines[:first], between, "", *lines[last + 1 :]])


def seen(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """A line for each tune: its verdict, and what that says of facts, persona and leak."""
    widest = max(len(each.tuned.model.name) for each in comparisons)
    for each in comparisons:
        words = {ruling.aspect: ruling.outcome for ruling in each.rulings}
        said = ", ".join(SAID[aspect][_place(words[aspect])] for aspect in SAID)
        yield f"  {each.tuned.model.name:{widest}}  {each.verdict.outcome:12}  {said}"


SAID = {
    "facts": ("the facts stayed", "facts were lost", "whether the facts stayed is open"),
    "style": ("Marv came", "Marv did not come", "whether Marv came is open"),
    "no_leak": ("he keeps away unasked", "he comes unasked", "whether he comes unasked is open"),
}
"""What is said of an aspect that held or improved, regressed, or is open."""


def _place(word: str) -> int:
    return {"REGRESSED": 1, "INCONCLUSIVE": 2}.get(word, 0)


def _job(tune: Tune) -> tuple[str, ...]:
    quiet = () if tune is GOOD else ("-q",)
    return ("--model", BASE, "--name", tune.name, "--suffix", tune.name, *tune.options, *SEED, *POLL, *quiet)


SEED, POLL = ("--seed", "0"), ("--poll", "0.2")
