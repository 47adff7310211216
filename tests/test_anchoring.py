"""Anchors judged again: what is asked, and what is remembered of the answers."""

from dataclasses import replace
from pathlib import Path

from evalharness.anchoring import Due, Looking, anchors, due
from evalharness.bench import instruments, refs
from evalharness.calibrate import read_look, write, write_look
from evalharness.calibration import Anchor, Calibration
from evalharness.config import Config
from evalharness.engine import Limits, run
from evalharness.flow import drive
from evalharness.records import Message, ModelRef, Request, Response
from evalharness.score import Bench
from evalharness.suite import Suite, load
from tests.fakes import ARM, Fake
from tests.judged import DIGEST, calibration
from tests.scorers.judges import verdict

SUITE = """\
suite: marv
checks:
  sarcastic: {judge: The reply is sarcastic.}
  polite: {judge: The reply is polite.}
every: {style: [sarcastic, polite]}
cases:
  - id: two
    turns:
      - ask: first
      - {ask: scripted, reply: word for word}
      - ask: second
  - id: one
    ask: only
"""

TALK = (
    Message("user", "first"),
    Message("assistant", "Paris."),
    Message("user", "scripted"),
    Message("assistant", "word for word"),
    Message("user", "second"),
    Message("assistant", "Oh, Rome. Again."),
)
TWO = Anchor("two", 2, TALK, (1, 5), 1.0, 1.0)
ONE = Anchor("one", 1, (Message("user", "only"), Message("assistant", "Oslo, of course.")), (1,), 0.0, 0.0)
JUDGE = ModelRef("judge", "openai:gpt-4o")


def suite(folder: Path) -> Suite:
    path = folder / "marv.yaml"
    path.write_text(SUITE)
    return load(path)


def of(*found: Anchor) -> Calibration:
    return replace(calibration(()), anchors=found)


def test_each_anchor_is_asked_about_by_its_own_check_and_turn_alone(tmp_path: Path) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return verdict(request, "yes")

    bench = Bench("marv", None, {"judge": JUDGE})

    found = [drive(flow, answer) for flow in anchors(of(TWO, ONE), suite(tmp_path), bench)]

    assert found == [1.0, 1.0]
    assert [request.model for request in asked] == [JUDGE, JUDGE]
    assert ["Oh, Rome. Again." in request.messages[-1].content for request in asked] == [True, False]
    assert all("sarcastic" in request.messages[-1].content for request in asked)


def test_an_anchor_whose_case_is_gone_or_whose_judge_rambles_has_no_grade(tmp_path: Path) -> None:
    gone = replace(ONE, case="none")

    flows = anchors(of(gone, ONE), suite(tmp_path), Bench("marv", None, {"judge": JUDGE}))

    assert [drive(flow, lambda _: Response("well, well")) for flow in flows] == [None, None]


def looked(folder: Path, word: str, number: int = 8) -> tuple[str, int]:
    """What a look says of so many passed anchors, where the judge says this of each; how often it was asked."""
    judge = Fake(lambda request: verdict(request, word).text, replace(ARM, ref=JUDGE))
    found = tuple(
        replace(ONE, messages=(Message("user", "only"), Message("assistant", f"Oslo {n}.")), grade=1.0)
        for n in range(number)
    )
    looking = Looking([Due(of(*found), suite(folder), {"judge": judge})], folder)
    told = looking.ended(run(looking, looking.models, **looking.rest(Limits())))
    assert told[-1] == f"{number} anchors judged again"
    return told[0] if len(told) > 1 else "", len(judge.asked)


def test_a_judge_that_says_otherwise_of_its_anchors_has_moved(tmp_path: Path) -> None:
    moved = "the judge of 'sarcastic' has moved since it was calibrated: 8 of 8 anchors judged otherwise"
    assert looked(tmp_path, "no") == (moved, 8)
    assert read_look(tmp_path, DIGEST) == "8 of 8 anchors judged otherwise"

    assert looked(tmp_path, "yes") == ("", 8)
    assert read_look(tmp_path, DIGEST) == ""


def test_a_look_that_saw_too_little_changes_nothing(tmp_path: Path) -> None:
    write_look(tmp_path, DIGEST, "8 of 8 anchors judged otherwise")

    assert looked(tmp_path, "yes", number=3) == ("", 3)
    assert read_look(tmp_path, DIGEST) == "8 of 8 anchors judged otherwise"


def test_only_the_anchors_of_a_judge_that_was_asked_are_due(tmp_path: Path) -> None:
    (tmp_path / "marv.yaml").write_text(SUITE.replace("polite.}", "polite., by: other}"))
    found = load(tmp_path / "marv.yaml")
    judges = {name: Fake(lambda _: "", replace(ARM, ref=replace(JUDGE, name=name))) for name in ("judge", "other")}
    config = Config(folder=tmp_path)
    for each in instruments(found, refs(judges)):
        write(config.baselines, Calibration(1, "marv", each.check, "style", each.digest, each.judges, 0.5, (), (ONE,)))

    due_now = [
        [each.calibration.check for each in due(found, judges, fresh, config)]
        for fresh in ({"judge"}, {"other"}, {"judge", "other"}, set())
    ]

    assert due_now == [["sarcastic"], ["polite"], ["polite", "sarcastic"], []]
