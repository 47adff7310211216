"""Replies for people to label: drawn from runs, shown without their arm and grade, each answer kept at once.

A label file is JSON lines, only ever added to, and belongs under version control beside the baselines: a line holds all
that was known when the label was given, so that it is still one when the run is gone.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from evalharness import store
from evalharness.calibration import PAIR, Label, graded
from evalharness.errors import EvalError, Fault, Faults, suggestion
from evalharness.escape import csv_cell, slug, terminal
from evalharness.files import quoted
from evalharness.records import Instrument, Message, Run, Trial, encode
from evalharness.rows import MOST_FAULTS, Row, read

FOLDER = ".judges"
"""Below the baselines: labels, and the calibrations made of them."""

COLUMNS = ("id", "conversation", "reply", "rubric", "answers", "label")
YES_NO = {"y": 1.0, "yes": 1.0, "n": 0.0, "no": 0.0}
FIVE = {str(step + 1): step / 4 for step in range(5)}
PAIR_COLUMNS = ("id", "conversation", "reply 1", "reply 2", "rubric", "answers", "label")


def instrument_of(runs: Sequence[Run], check: str | None = None) -> Instrument:
    """The check of these runs that is to be labelled; `EvalError` where none, several, or different ones are meant."""
    suites = sorted({run.suite.name for run in runs})
    if len(suites) > 1:
        raise EvalError(f"these are runs of several suites: {', '.join(suites)}", "label one suite at a time")
    return meant([each for run in runs for each in run.suite.judges], suites[0], check)


def meant(instruments: Sequence[Instrument], suite: str, check: str | None = None) -> Instrument:
    """The one of that check, or the only one; `EvalError` where there is none, several, or different ones of it."""
    found = {(each.check, each.digest): each for each in instruments}
    names = sorted({name for name, _ in found})
    if not names:
        raise EvalError(f"no check of '{suite}' asks a judge", "a label is for a check such as `judge: RUBRIC`")
    if check is not None and check not in names:
        raise EvalError(f"no check '{check}' asks a judge in '{suite}'", suggestion(check, names))
    if check is None and len(names) > 1:
        raise EvalError(f"several checks ask a judge: {', '.join(names)}", "name one with --check NAME")
    same = [each for each in found.values() if each.check == (check or names[0])]
    if len(same) > 1:
        what = f"the runs were judged in different ways: judge, rubric or scale of '{same[0].check}' was changed"
        hint = "compare the suite again" if same[0].scale == PAIR else None
        raise EvalError(what, hint or "`evalharness rescore` grades stored replies as the suite says today")
    return same[0]


def candidates(
    runs: Sequence[Run], instrument: Instrument, rubrics: Mapping[str, str] | None = None
) -> tuple[list[Label], int]:
    """Every reply that the instrument graded, without a label; and how many it was asked about and could not grade.

    rubrics: what was asked of a case, where cases have rubrics of their own.
    """
    found: dict[tuple[str, str, str, int, int], Label] = {}
    unknown = 0
    for run in runs:
        for trial in run.trials:
            rubric = (rubrics or {}).get(trial.conversation.case, instrument.rubric)
            for label in _of(run, trial, replace(instrument, rubric=rubric)):
                if label is None:
                    unknown += 1
                else:
                    found.setdefault(label.key, label)
    return list(found.values()), unknown


def _of(run: Run, trial: Trial, instrument: Instrument) -> Iterator[Label | None]:
    for score in trial.scores:
        talk = graded(trial, score)
        if (score.check, score.aspect) != (instrument.check, instrument.aspect) or talk is None:
            continue
        if score.grade.value is None:
            yield None
            continue
        yield Label(
            suite=run.suite.name,
            check=instrument.check,
            aspect=instrument.aspect,
            instrument=instrument.digest,
            judges=instrument.judges,
            scale=instrument.scale,
            rubric=instrument.rubric,
            arm=run.model.name,
            case=talk.case,
            sample=talk.sample,
            turn=score.turn,
            label=None,
            grade=score.grade.value,
            pass_at=score.pass_at,
            why=score.grade.why,
            messages=talk.messages,
            replies=talk.replies,
        )


def drawn(found: Sequence[Label], number: int, seed: int = 0) -> list[Label]:
    """So many of them at random, as many of each arm as there are, in an order that does not tell the arm.

    The same replies whatever the order of the runs. Of each arm the same cases where it has them, so that a change can
    be put right too. The judge's grade plays no part: sensitivity and specificity would look other than they are in a
    sample that took as many passes as fails of the judge (Begg and Greenes 1983).
    """
    ranks: defaultdict[str, int] = defaultdict(int)
    ranked: list[tuple[int, str, Label]] = []
    for label in sorted(found, key=lambda each: _mark(seed, each.case, each.sample, each.turn)):
        ranked.append((ranks[label.arm], _mark(seed, label.arm, label.case, label.sample, label.turn), label))
        ranks[label.arm] += 1
    chosen = sorted(ranked, key=lambda each: each[:2])[:number]
    return [label for _, _, label in sorted(chosen, key=lambda each: each[1])]


def _mark(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()


# --- label files ------------------------------------------------------------------------------------------------------


def label_path(baselines: Path, suite: str, check: str) -> Path:
    """Where the labels of a check are kept."""
    return baselines / FOLDER / f"{slug(suite)}-{slug(check)}.labels.jsonl"


def read_labels(path: Path) -> list[Label]:
    """The labels of a file as they stand: of several for one reply the last, and none that was taken back.

    `Faults` with every line that is no label.
    """
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(Label)
    found: dict[tuple[str, str, str, int, int], Label] = {}
    faults: list[Fault] = []
    for row in read(path):
        try:
            label = adapter.validate_python(row.fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            faults.append(Fault(str(path), row.line, 0, f"this is no label: {where}: {first['msg'].lower()}"))
            continue
        faults += _out_of_range(label, path, row.line)
        found.pop(label.key, None)
        if label.label is not None:
            found[label.key] = label
    if faults:
        raise Faults(faults[:MOST_FAULTS])
    return list(found.values())


def _out_of_range(label: Label, path: Path, line: int) -> Iterator[Fault]:
    for name, value in (("label", label.label), ("grade", label.grade)):
        if value is not None and not 0 <= value <= 1:
            yield Fault(str(path), line, 0, f"the {name} {value:g} does not lie between 0 and 1")


def add_label(path: Path, label: Label, root: Path) -> None:
    """Adds a line to a label file, durably. `StoreError` where it cannot; never through a link below `root`."""
    store.no_link(path, root)
    store.safe_folder(path.parent)
    fields = {name: value for name, value in asdict(label).items() if name != "beside" or value is not None}
    line = encode(fields).encode("ascii") + b"\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise store.not_written(path, error) from None


# --- what can be answered ---------------------------------------------------------------------------------------------


def points(label: Label) -> tuple[str, ...]:
    """What is asked of a reply one after the other: the points of a checklist, else the rubric alone."""
    if label.scale == "checklist":
        return tuple(line.strip() for line in label.rubric.split("\n") if line.strip()) or (label.rubric,)
    return (label.rubric,)


def answers(label: Label) -> Mapping[str, float]:
    """What may be answered to each point, and what it is worth."""
    if label.beside is not None:
        first = float(swapped(label))
        return {"1": first, "2": 1 - first, "t": 0.5, "tie": 0.5}
    return FIVE if label.scale == "1-5" else YES_NO


def swapped(label: Label) -> bool:
    """Whether tuned's reply of a pair is shown first: by a hash of which pair it is, so that nobody foresees it, and a
    spreadsheet that comes back is read as it went out."""
    return int(_mark("first", *label.key)[0], 16) % 2 == 1


def pair(label: Label) -> tuple[str, str, str]:
    """What led to the two replies of a pair, and they in the order in which they are shown; where both were not asked
    the same words once, nothing, and both talks whole."""
    if label.beside is None:
        raise ValueError(f"a label of one reply: {label.key}")
    talks = [(label.messages, label.replies), (label.beside.messages, label.beside.replies)]
    before = [as_text(messages[: replies[0]]) if len(replies) == 1 else "" for messages, replies in talks]
    if before[0] and before[0] == before[1]:
        texts = [messages[replies[0]].content for messages, replies in talks]
    else:
        before, texts = [""], [as_text(messages) for messages, _ in talks]
    first, second = reversed(texts) if swapped(label) else texts
    return before[0], first, second


def value_of(text: str, label: Label) -> float | None:
    """The label that a written answer means, one word a point, in [0, 1]; None where it means none."""
    words, known = text.casefold().replace(",", " ").split(), answers(label)
    if len(words) != len(points(label)) or not all(word in known for word in words):
        return None
    return sum(known[word] for word in words) / len(words)


def told(label: Label) -> str:
    """What may be answered, in words."""
    if label.beside is not None:
        return "1 or 2, or t where neither is better"
    each = "1 to 5" if label.scale == "1-5" else "y or n"
    number = len(points(label))
    return each if number == 1 else f"{number} times {each}, one for each point, with blanks between"


# --- spreadsheets -----------------------------------------------------------------------------------------------------


def mark(label: Label) -> str:
    """A name of a reply that tells neither arm nor grade, and that no spreadsheet takes for a number."""
    return f"r{_mark(*label.key)[:16]}"


def export_csv(path: Path, due: Sequence[Label]) -> None:
    """A table with a row a reply and an empty column `label`, for a spreadsheet; no cell of it is a formula."""
    columns = PAIR_COLUMNS if due and due[0].beside is not None else COLUMNS
    lines = [columns, *(_cells(label) for label in due)]
    store.write_text(path, (",".join(map(_quoted, cells)) + "\r\n" for cells in lines))


def _cells(label: Label) -> tuple[str, ...]:
    if label.beside is not None:
        return (mark(label), *pair(label), label.rubric, told(label), "")
    last = label.replies[-1] if label.replies else len(label.messages)
    reply = label.messages[last].content if label.replies else ""
    return (mark(label), as_text(label.messages[:last]), reply, "\n".join(points(label)), told(label), "")


def _quoted(cell: str) -> str:
    text = csv_cell(cell)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in '",\r\n') else text


def as_text(messages: Sequence[Message]) -> str:
    """A conversation as text, a paragraph an utterance, without a system prompt, which may tell the arm."""
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages if message.role != "system")


def import_csv(path: Path, found: Sequence[Label]) -> list[Label]:
    """The labels that were filled in; rows left empty are passed over. `Faults` with every row that is not in order."""
    known = {mark(label): label for label in found}
    filled: list[Label] = []
    faults: list[Fault] = []
    seen: Counter[str] = Counter()
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise Faults(
            [Fault(str(path), 0, 0, "labels are read from a .csv or .tsv file", "--export FILE.csv makes one")]
        )
    try:
        for row in read(path):
            name, said = _field(row, "id"), _field(row, "label")
            what, hint = _wrong(name, said, known, seen)
            if what:
                faults.append(Fault(str(path), row.line, 0, what, hint))
            elif said:
                filled.append(replace(known[name], label=value_of(said, known[name])))
    except csv.Error as error:
        raise Faults([Fault(str(path), 0, 0, f"this is no CSV: {error}")]) from None
    if faults:
        raise Faults(faults[:MOST_FAULTS])
    return filled


def _field(row: Row, name: str) -> str:
    """A cell as it was written out: without the apostrophe that keeps it from being a formula."""
    return str(row.fields.get(name) or "").strip().removeprefix("'")


def _wrong(name: str, said: str, known: Mapping[str, Label], seen: Counter[str]) -> tuple[str, str]:
    """What is wrong with a row, and what to do; two empty texts where nothing is."""
    seen[name] += 1
    if not name:
        return "a row without an id", f"the columns are {', '.join(COLUMNS)}; keep `id` as it was exported"
    if name not in known:
        return f"no reply of these runs has the id {quoted(name)}", "give the runs that were exported"
    if seen[name] > 1:
        return f"the id {quoted(name)} stands twice", "keep one row a reply"
    if said and value_of(said, known[name]) is None:
        return f"{quoted(said)} is no label here", f"write {told(known[name])}, or leave it empty"
    return "", ""


def shown(text: str) -> str:
    """Foreign text of several lines, harmless on a terminal."""
    return terminal(text, lines=True)
