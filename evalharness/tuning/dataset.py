"""Training files: what a server would reject in one, what is probably not meant, and what training on it takes.

    report = check(Path("train.jsonl"))

Texts in, findings out: no model is asked, and no suite is read; `Asked` holds what of one matters here. Time and memory
are linear in the file: examples go by one at a time, and of each a few numbers stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from evalharness.text import Neighbours, shown
from evalharness.tuning.checks import Method, Place, problems
from evalharness.tuning.counts import DEFAULT_CONTEXT, Estimate, Meter, Spread, estimate
from evalharness.tuning.dialects import NAMES, Dialect, Example, Misshapen, detect, read, write
from evalharness.tuning.quality import FEW, FEWEST, Quality, text_findings
from evalharness.tuning.reading import Piece, pieces
from evalharness.tuning.rules import Finding, Severity, Tally

LARGEST_UPLOAD = 512 * 10**6
LOOKED_AHEAD = 100
"""Pieces by which the dialect of a file is told: that of most of them."""

_EXPECTED: dict[Method, Dialect] = {"supervised": "openai", "dpo": "dpo", "reinforcement": "openai"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a suite asks: the questions, each with the id of its case, and every system prompt, None for none."""

    suite: str
    questions: tuple[tuple[str, str], ...]
    systems: frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file is checked for. method: None goes by the file. context: tokens of the longest example. usd: the price
    of a million tokens trained on. upload: it goes to a hosted server, which takes OpenAI's dialects, and ten examples
    or more."""

    method: Method | None = None
    context: int = DEFAULT_CONTEXT
    epochs: int | None = None
    usd: float | None = None
    asked: Asked | None = None
    upload: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """All that is to be said about a training file.

    examples: how many lines or items were meant to be one. findings: of each rule at most `rules.MOST_KEPT`, in file
    order; totals: how many there were. repairs: what `repair.fix` would do, and how often. whole: no part of the file
    was left unread. messages, tokens, replies: of the good examples; `replies` are the tokens that are learnt.
    """

    file: str
    dialect: Dialect
    method: Method
    examples: int
    findings: tuple[Finding, ...]
    totals: dict[str, int]
    repairs: dict[str, int]
    whole: bool
    messages: Spread
    tokens: Spread
    replies: Spread
    estimate: Estimate

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity, those not kept included."""
        found = {finding.code for finding in self.findings if finding.severity == severity}
        return sum(self.totals[code] for code in found)

    @property
    def valid(self) -> bool:
        """Whether a server would take the file, as far as can be known offline."""
        return self.count("error") == 0


def check(path: Path, wanted: Wanted = Wanted(), called: str = "") -> Report:
    """Reads a training file of any dialect and says everything about it. called: how messages name it.

    Raises `Faults` for a file that is not there or cannot be read at all.
    """
    called = called or str(path)
    found = pieces(path, called)
    ahead = list(islice(found, LOOKED_AHEAD))
    dialect = dialect_of(ahead)
    method = wanted.method or ("dpo" if dialect == "dpo" else "supervised")
    reader = _Reader(dialect, method, wanted)
    for piece in chain(ahead, found):
        reader.look(piece)
    reader.end(path.stat().st_size)
    return reader.report(called)


def dialect_of(found: list[Piece]) -> Dialect:
    """The dialect of most pieces, of the first where there are as many; OpenAI's where none can be told."""
    counts = Counter(dialect for piece in found if piece.fields and (dialect := detect(piece.fields)))
    return counts.most_common(1)[0][0] if counts else "openai"


@dataclass(slots=True)
class _Reader:
    """One file on its way."""

    dialect: Dialect
    method: Method
    wanted: Wanted
    tally: Tally = field(default_factory=Tally)
    meter: Meter = field(default_factory=Meter)
    examples: int = 0
    whole: bool = True
    counted: bool = True
    quality: Quality = field(init=False)
    neighbours: Neighbours | None = field(init=False)
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.quality = Quality(self.method)
        asked = self.wanted.asked
        self.neighbours = Neighbours([text for _, text in asked.questions]) if asked else None

    def look(self, piece: Piece) -> None:
        """Takes in one piece of the file."""
        for finding in piece.findings:
            self.tally.add(finding)
        self.whole = self.whole and not piece.lost
        if not piece.text:
            self.counted = self.counted and not piece.lost
            return
        self.examples += 1
        if self.examples == 1:
            self._expected(piece.line)
        if piece.fields is None:
            return
        place = Place(piece.line, self.examples)
        found, example = self._read(piece, place)
        for finding in found:
            self.tally.add(finding)
        if example is None:
            return
        for finding in text_findings(example, piece.line, self.examples, piece.text):
            self.tally.add(finding)
        if not found:
            self._good(example, piece.line)

    def _expected(self, line: int) -> None:
        """Whether the file is of the dialect that the method takes; said once, not on each line."""
        expected = _EXPECTED[self.method]
        if self.dialect == expected or not self.wanted.upload:
            return
        if {self.dialect, expected} == {"openai", "dpo"}:
            what = f"this file is {NAMES[self.dialect]}, which is not what '{self.method}' tuning takes"
            told = (
                "The job failed due to an invalid training file. Input file is in the fine-tune-chat format, but the"
                " specified fine-tuning job is not using 'supervised' as the training method (provided method=dpo)."
            )
            other = "dpo" if self.dialect == "dpo" else "supervised"
            server = told if self.dialect == "openai" else ""
            self.tally.add(Finding("invalid_training_file", line, what, f"--method {other} checks it as such", server))
            return
        what = f"this file is {NAMES[self.dialect]}, and an upload takes lines of OpenAI's dialects"
        hint = "`--convert openai` writes it so"
        if self.dialect == "text":
            hint = "plain text has no turns, so who says what would be a guess: write it as messages"
        elif self.dialect == "trl":
            hint = "`--convert openai` writes it so, or `--convert dpo` where it holds pairs of answers"
        told = "Unexpected file format, expected either prompt/completion pairs or chat messages."
        server = "" if self.dialect == "prompt-completion" else told
        self.tally.add(Finding("missing_messages_list", line, what, hint, server))

    def _read(self, piece: Piece, place: Place) -> tuple[list[Finding], Example | None]:
        """What a server rejects in a piece, and the example it is, where it can be told."""
        fields = piece.fields or {}
        try:
            if self.dialect in ("openai", "dpo"):
                method: Method = self.method if self.dialect == _EXPECTED[self.method] else _natural(self.dialect)
                found = list(problems(fields, place, method))
                if any(finding.code in _SHAPELESS for finding in found):
                    return found, None
                return found, read(self.dialect, fields)
            example = read(self.dialect, fields)
            self.left_out.update(example.left_out)
            target: Dialect = "dpo" if example.preferred else "openai"
            return list(problems(write(target, example), place, _natural(target))), example
        except Misshapen as error:
            what = f"{error}, as {NAMES[self.dialect]} has it" if self.dialect != "text" else str(error)
            return [Finding("malformed_example", piece.line, what)] if self.dialect != "text" else [], None

    def _good(self, example: Example, line: int) -> None:
        for finding in self.quality.look(example, line):
            self.tally.add(finding)
        size = self.meter.add(example)
        if size > self.wanted.context:
            what = f"this example has about {size:,} tokens, and the context is {self.wanted.context:,}"
            hint = "servers cut what is too much without a word: shorten it, or split it"
            self.tally.add(Finding("too_long", line, what, hint))
        if self.neighbours is not None:
            for finding in self._overlap(example, line, self.neighbours):
                self.tally.add(finding)

    def _overlap(self, example: Example, line: int, neighbours: Neighbours) -> Iterator[Finding]:
        asked = self.wanted.asked
        for at, message in enumerate(example.messages):
            content = message.get("content")
            if asked is None or message.get("role") != "user" or not isinstance(content, str):
                continue
            found = neighbours.nearest(content)
            if found is None:
                continue
            case, _ = asked.questions[found.place]
            seen = found.near == "seen"
            how = "what" if seen else "nearly what"
            what = f"message {at + 1} is {how} case {shown(case, 60)} of '{asked.suite}' asks"
            hint = "the suite then measures memory, not skill: take it out of one of them"
            yield Finding("in_suite" if seen else "near_suite", line, what, hint, message=at)
            return

    def end(self, size: int) -> None:
        """What can be said only at the end of the file."""
        for finding in self.quality.ending():
            self.tally.add(finding)
        for finding in size_findings(size):
            self.tally.add(finding)
        if self.examples < FEWEST and self.counted and self.wanted.upload:
            server = f"Training file has {self.examples} example(s), but must have at least {FEWEST} examples"
            what = f"{self.examples} example{'s' * (self.examples != 1)}, fine-tuning needs at least {FEWEST}"
            self.tally.add(Finding("invalid_n_examples", 0, what, "50 to 100 is where a gain is usually seen", server))
        elif FEWEST <= self.examples < FEW and self.wanted.upload:
            what = f"{self.examples} examples are enough to upload; a gain is usually seen from 50 to 100 on"
            self.tally.add(Finding("few_examples", 0, what))
        for name, lines in self.left_out.items():
            what = f"the column {shown(name, 40)} holds nothing of the conversation, in {lines:,} lines"
            self.tally.add(Finding("left_out", 0, what, "converting leaves it out"))
        if self.wanted.asked is not None and self.quality.examples:
            self._systems(self.wanted.asked)

    def _systems(self, asked: Asked) -> None:
        trained = self.quality.systems
        if trained & asked.systems:
            return
        given = [text for text in trained if text is not None]
        wanted = [text for text in asked.systems if text is not None]
        what = f"the examples have another system prompt than suite '{asked.suite}' sends"
        if not wanted:
            what = f"the examples have a system prompt, {shown(given[0], 50)}, and suite '{asked.suite}' sends none"
        elif not given:
            what = f"suite '{asked.suite}' sends a system prompt, {shown(wanted[0], 50)}, and the examples have none"
        hint = "a tune asked otherwise than it was trained is the most common reason that it does not hold"
        self.tally.add(Finding("suite_system", 0, what, hint))

    def report(self, called: str) -> Report:
        """What there is to say of all of it."""
        kept = sorted(chain.from_iterable(self.tally.kept.values()), key=lambda finding: finding.line)
        meter = self.meter
        return Report(
            called,
            self.dialect,
            self.method,
            self.examples,
            tuple(kept),
            self.tally.totals,
            self.tally.repairs,
            self.whole,
            Spread.of(meter.messages),
            Spread.of(meter.tokens),
            Spread.of(meter.replies),
            estimate(meter.tokens, self.wanted.context, self.wanted.epochs, self.wanted.usd),
        )


def size_findings(size: int) -> Iterator[Finding]:
    """Whether a file of so many bytes can be uploaded."""
    if size > LARGEST_UPLOAD:
        what = f"this file has {size / 1e6:,.1f} MB, and an upload takes 512"
        yield Finding("file_too_large", 0, what, "split it, or train on a part")


_SHAPELESS = frozenset({"missing_messages_list", "data_type", "missing_key"})
"""Findings with which an example cannot be read."""


def _natural(dialect: Dialect) -> Method:
    return "dpo" if dialect == "dpo" else "supervised"
