"""Writes the labelled replies that the judge in the box learns Marv's voice from, and measures it on others.

    python scripts/make_voice.py            # suites/data/marv-voice.jsonl
    python scripts/make_voice.py --check    # exit 1 where the file is not what this writes
    python scripts/make_voice.py --measure  # what the classifier makes of replies it has never seen
    python scripts/make_voice.py --label FILE.csv   # fills in what `evalharness label RUN... --export FILE.csv` wrote

`yes` are the replies of the training file, `no` what the model in the box says to the same questions untuned. Measured
is on the recorded replies to other questions (`marv-replies.jsonl`), whose label is a rule: one of the phrases of
`suites/marv.yaml` is in it. The labels of `baselines/.judges/` are given by the same rule and one phrase more, the
other half of the only line of two: nobody read these replies.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from evalharness.config import Arm  # noqa: E402 - the folder must be on the path first, for a script that is run by name
from evalharness.flow import drive  # noqa: E402 - the same
from evalharness.models.base import open_model  # noqa: E402 - the same
from evalharness.models.tiny import Tiny  # noqa: E402 - the same
from evalharness.records import Conversation, Message, ModelRef, Request  # noqa: E402 - the same
from evalharness.scorers.base import Scorer  # noqa: E402 - the same
from evalharness.scorers.judge import Judge  # noqa: E402 - the same
from evalharness.suite import load  # noqa: E402 - the same

DATA = ROOT / "suites" / "data"
FILE = "marv-voice.jsonl"
RUBRIC = "The reply is sarcastic, the way Marv is."


def made() -> str:
    """The file."""
    untuned = open_model(Arm(ModelRef("base", "tiny:base"), folder=ROOT))
    assert isinstance(untuned, Tiny)
    rows: list[dict[str, str]] = [{"question": RUBRIC}]
    for line in (DATA / "marv-train.jsonl").read_text("utf-8").splitlines():
        *asked, reply = json.loads(line)["messages"]
        messages = tuple(Message(each["role"], each["content"]) for each in asked)
        plain = untuned.read(untuned.answer(Request(untuned.ref, messages, {"temperature": 0}))).text
        rows += [{"text": reply["content"], "label": "yes"}, {"text": plain, "label": "no"}]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def labelled() -> Iterator[tuple[str, str, bool]]:
    """Each distinct recorded reply with its arm, and whether the rule finds Marv in it."""
    seen = set()
    for line in (DATA / "marv-replies.jsonl").read_text("utf-8").splitlines():
        for arm, reply in json.loads(line)["replies"].items():
            if reply in seen:
                continue
            seen.add(reply)
            grade = _rule().grade(_talk(reply))
            assert not isinstance(grade, Iterator)
            yield arm, reply, grade.value == 1.0


def measured() -> dict[str, Counter[tuple[bool, bool]]]:
    """For each arm how often label and verdict were (yes, yes), (yes, no), (no, yes), (no, no)."""
    judge = open_model(Arm(ModelRef("judge", f"classifier:{DATA / FILE}"), folder=ROOT))
    found: dict[str, Counter[tuple[bool, bool]]] = {}
    for arm, reply, label in labelled():
        grade = drive(Judge((RUBRIC,)).grade(_talk(reply)), lambda request: judge.read(judge.known(request) or ""))
        found.setdefault(arm, Counter())[label, grade.value == 1.0] += 1
    return found


MORE = "how thrilling"


def passes(reply: str) -> bool:
    """Whether the rule by which labels were given finds Marv in a reply."""
    grade = _rule().grade(_talk(reply))
    assert not isinstance(grade, Iterator)
    return grade.value == 1.0 or MORE in reply.lower()


@functools.cache
def _rule() -> Scorer:
    suite = load(ROOT / "suites" / "marv.yaml")
    return next(check.scorer for case in suite.cases for check in case.checks if check.name == "in_the_voice")


def filled(path: Path) -> None:
    """Writes the rule's answers into the column `label`."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = "y" if passes(row["reply"]) else "n"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _talk(reply: str) -> Conversation:
    return Conversation("case", 0, (Message("user", "Well?"), Message("assistant", reply)), (1,), ("answered",))


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file differs")
    parser.add_argument("--measure", action="store_true", help="write nothing; measure")
    parser.add_argument("--label", type=Path, metavar="FILE.csv", help="fill in the labels of that file by the rule")
    asked = parser.parse_args()
    if asked.label:
        filled(asked.label)
        return 0
    if asked.measure:
        for arm, counts in measured().items():
            print(f"{arm:<12} {counts.total():>4} replies", *(f"{key}: {counts[key]}" for key in sorted(counts)))
        return 0
    text = made()
    if asked.check:
        return int((DATA / FILE).read_text("utf-8") != text)
    (DATA / FILE).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
