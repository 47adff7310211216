"""Panels made by hand: a realistic pair, several arms, ten thousand cases, and texts that mean harm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from evalharness.findings import (
    Agreement,
    Comparison,
    Delta,
    DuelRow,
    Duels,
    Echoes,
    Flip,
    HeldOut,
    Kept,
    LeftOut,
    Pair,
    Panel,
    Phrase,
    Rebased,
    Recital,
    Ruling,
    RunRef,
    Trained,
    Verdict,
)
from evalharness.records import (
    Asked,
    Conversation,
    Failure,
    Grade,
    Message,
    ModelRef,
    Score,
    Snapshot,
    SuiteRef,
    Tally,
    Trial,
    Usage,
)
from evalharness.traits import Distance, Manner, Opening, PetPhrase, Trait
from tests.runs import judged

HOSTILE = {
    "ansi": "\x1b[2J\x1b]0;owned\x07red \x1b[31mtext\x9b1A",
    "bidi": "user \u202eteg\u2066 ot\u2069 \u200fmark\u061c",
    "nul": "before\x00after\x7f\x08",
    "surrogate": "half \ud83d of a pair \udc00",
    "script": "</script><script>alert(1)</script><!--<script>",
    "image": '<img src=x onerror=alert(1)> <svg/onload=alert(2)> " onmouseover="alert(3)',
    "link": "[click](javascript:alert(1)) ![x](https://example.com/p.png) <https://example.com> https://example.com/a",
    "mention": "@octocat and #123, GH-7, !12, www.example.com, me@example.com, octo/cat#9",
    "table": "a | b \\| c \\\\| d\n|---|---|\n| x |",
    "fence": "```\n~~~\n# heading\n- list\n> quote\n````",
    "formula": "=cmd|'/c calc'!A1",
    "plus": "+1+2",
    "at": "@SUM(A1)",
    "tab": "\t=1+1",
    "zero width": "pay\u200bpal\ufeff \u2060x\u200dy a\u00adb",
    "rtl": "שלום עולם، مرحبا بالعالم",
    "template": "{{ 7*7 }} {% for x in y %} ${7*7} #{7*7}",
    "separators": "one\u2028two\u2029three\x85four",
    "tags": "hello\U000e0068\U000e0069",
}

QUESTIONS = (
    ("whats-the-capital-of-australia", "What's the capital of Australia?", ("geography", "trap")),
    ("who-wrote-romeo-and-juliet", "Who wrote 'Romeo and Juliet'?", ("literature",)),
    ("how-far-is-the-moon", "How far is the Moon from Earth, in km?", ("space", "numbers")),
    ("boiling-point-of-water", "At what temperature does water boil on Everest?", ("numbers", "trap")),
    ("first-moon-landing", "In which year did people first land on the Moon?", ("space", "numbers")),
    ("largest-ocean", "Which is the largest ocean?", ("geography",)),
    ("author-of-faust", "Who wrote Faust?", ("literature",)),
    ("speed-of-light", "How fast is light, in km/s?", ("space", "numbers")),
)
REPLIES = (
    ("The capital of Australia is Canberra.", "Sydney, obviously. Everyone knows that one, it has the opera house."),
    ("William Shakespeare wrote it.", "Shakespeare. You may have heard of him, he is rather hard to avoid."),
    ("About 384,400 km on average.", "About 384,400 km on average. Pack a lunch."),
    ("On Everest water boils at about 71 °C.", "Water boils at 100 °C, as it says on every kettle ever sold."),
    ("It was in 1969.", "1969, unless you ask the internet."),
    ("I believe it is the Atlantic Ocean.", "The Pacific. It covers a third of the planet, so good luck missing it."),
    ("Faust was written by Goethe.", "Goethe, and it only took him sixty years."),
    ("Light travels at 299,792 km/s.", "299,792 km/s. Faster than my patience."),
)
WRONG_BASE = {5}
WRONG_TUNED = {0, 3}
PLAIN_BASE = set(range(8))

SUITE = SuiteRef(
    "marv",
    "suites/marv.yaml",
    "3f9c0d1e5ab77c20aa14",
    samples=1,
    judges=(judged("judge"),),
    test="exact",
    scope="population",
)
BASE = RunRef(
    ModelRef("base", "openai:gpt-4o-mini", params={"temperature": 0}),
    "2026-11-20T09:12:44+00:00",
    ".evalharness/runs/marv/base.jsonl",
    asked=200,
    scored=199,
    outcomes={"answered": 197, "truncated": 2},
    failures={"timeout": 1},
    served=("gpt-4o-mini-2024-07-18",),
    fingerprints=("fp_1",),
    tally=Tally(sent=203, answered=199, cached=0, failed=1, usage=Usage(12040, 8841), usd=0.0071, seconds=41.2),
    said={"timeout": "no answer within 120 s"},
)
TUNED = replace(
    BASE,
    model=ModelRef("tuned", "openai:ft:gpt-4o-mini:acme::abc123", params={"temperature": 0}),
    path=".evalharness/runs/marv/tuned.jsonl",
    scored=198,
    outcomes={"answered": 196, "refused": 2},
    failures={"invalid": 3, "limit": 2},
    said={"invalid": "not a completion but an HTML page: <html><title>502</title>", "limit": "429 after 5 tries"},
    served=("ft:gpt-4o-mini:acme::abc123",),
    tally=Tally(sent=0, answered=198, cached=198, failed=2, usage=Usage(12040, 15210), usd=None),
)


def said(case: str, question: str, reply: str, *scores: Score) -> Trial:
    """One sample of a case of one turn."""
    messages = (Message("system", "You are Marv."), Message("user", question), Message("assistant", reply))
    return Trial(Conversation(case, 0, messages, (2,), ("answered",)), None, scores)


def facts(right: bool) -> Score:
    return Score("facts", "facts", 1, Grade(float(right), "has the answer" if right else "no mention of the answer"))


def style(value: float) -> Score:
    return Score("sarcastic", "style", 1, Grade(value, f"judge: {value:g}"), judges=("judge",))


def pair(place: int) -> Pair:
    case, question, tags = QUESTIONS[place]
    base, tuned = REPLIES[place]
    asked = Asked(case, question, ("facts", "style"), tags, must_pass=place == 3)
    return Pair(
        asked,
        (said(case, question, base, facts(place not in WRONG_BASE), style(0.0)),),
        (said(case, question, tuned, facts(place not in WRONG_TUNED), style(1.0)),),
    )


def broke(place: int, aspect: str, why: str) -> Flip:
    case, question, tags = QUESTIONS[place]
    return Flip(case, aspect, "broke", 1.0, 0.0, why, question, tags)


def fixed(place: int, aspect: str, why: str) -> Flip:
    return replace(broke(place, aspect, why), side="fixed", base=0.0, tuned=1.0)


FLIPS = (
    broke(0, "facts", "no mention of 'Canberra'"),
    broke(3, "facts", "no number near 71 in '100'"),
    fixed(5, "facts", "has 'Pacific'"),
    *(fixed(n, "style", "judge: sarcastic") for n in range(8)),
)

DELTAS = (
    Delta(
        "facts", "aspect", "facts", True, 197, 3,
        groups=197, base=0.964, tuned=0.952, change=-0.0123, low=-0.0391, high=0.0078, interval="T", error=0.0114,
        suite_low=-0.02, suite_high=0.004, ups=3, downs=5, unchanged=189, p=0.7266, p_midp=0.5078, p_adjusted=0.7266,
        p_noninferior=0.0011, margin=0.05, provable_margin=0.0391, outcome="HELD",
        sentence="facts held: 1.2 points lower, at most 3.9, margin 5",
    ),
    Delta(
        "style", "aspect", "style", True, 198, 2,
        groups=198, base=0.41, tuned=0.83, change=0.42, low=0.3514, high=0.4822, interval="G", error=0.0335,
        ups=90, downs=7, unchanged=101, p=0.00002, p_adjusted=0.00004, p_noninferior=0.0, margin=0.05,
        outcome="IMPROVED", sentence="style improved: 42 points higher, at least 35.1",
    ),
    Delta(
        "format", "aspect", "format", True, 40, 0,
        groups=40, base=0.8, tuned=0.7, change=-0.1, low=-0.2535, high=0.0458, interval="T", error=0.069,
        ups=2, downs=6, unchanged=32, p=0.2891, p_midp=0.1796, p_adjusted=0.5781, p_noninferior=0.75, margin=0.05,
        provable_margin=0.2535, outcome="INCONCLUSIVE",
        sentence="format undecided: 10 points lower, anywhere from 25.3 lower to 4.6 higher, margin 5",
        remedy="about 640 cases would decide (there are 40); these already show a margin of 25.4",
    ),
    Delta("facts · near unseen", "near", "facts", False, 120, 1, base=0.97, tuned=0.95, change=-0.02, low=-0.061,
          high=0.01, interval="T", outcome="INCONCLUSIVE"),
    Delta("overall", "overall", "overall", False, 196, 4, base=0.69, tuned=0.88, change=0.19, low=0.15, high=0.23,
          interval="G", p=0.0001, outcome="IMPROVED"),
    Delta("facts · tag trap", "tag", "facts", False, 22, 0, base=0.91, tuned=0.55, change=-0.36, low=-0.57, high=-0.11,
          interval="T", p=0.0078, p_adjusted=0.0391, outcome="REGRESSED"),
    Delta("facts · tag space", "tag", "facts", False, 31, 1, base=0.9, tuned=0.94, change=0.03, low=-0.08, high=0.14,
          interval="T", p=1.0, p_adjusted=1.0),
    Delta("style · check sarcastic", "check", "style", False, 198, 2, base=0.41, tuned=0.83, change=0.42, low=0.35,
          high=0.48, interval="G", p=0.00002, p_adjusted=0.00006, outcome="IMPROVED"),
)  # fmt: skip

RULINGS = (
    Ruling("facts", "drop_at_most: 0.05", "HELD", "facts held: 1.2 points lower, at most 3.9, margin 5"),
    Ruling("style", "gain_at_least: 0.2", "IMPROVED", "style gained enough: 42 points higher, 20 asked for"),
    Ruling(
        "format",
        "drop_at_most: 0.05",
        "INCONCLUSIVE",
        "format undecided: 10 points lower, anywhere from 25.3 lower to 4.6 higher, margin 5",
        "about 640 cases would decide (there are 40); these already show a margin of 25.4",
    ),
)

COMPARISON = Comparison(
    SUITE,
    BASE,
    TUNED,
    DELTAS,
    RULINGS,
    FLIPS,
    (
        LeftOut("who-is-this", "facts", "base", "timeout: no answer within 120 s"),
        LeftOut("who-is-that", "facts", "tuned", "limit: 429 after 5 tries"),
        LeftOut("who-is-that", "style", "tuned", "limit: 429 after 5 tries"),
        LeftOut("who-are-they", "facts", "tuned", "limit: 429 after 5 tries"),
    ),
    ("tuned was served as 'ft:gpt-4o-mini:acme::abc123', asked for 'ft:gpt-4o-mini:acme::abc124'",),
    tuple(pair(n) for n in range(8)),
    Verdict(
        "INCONCLUSIVE",
        tuple(ruling.sentence for ruling in RULINGS),
        "about 640 cases would decide (there are 40); these already show a margin of 25.4",
        must_pass=("boiling-point-of-water",),
        incomplete=True,
    ),
    seed=7,
    version="0.1.0",
)


def one() -> Panel:
    """A realistic pair: one aspect held, one improved, one undecided, and a case that had to pass and did not."""
    return Panel(COMPARISON.verdict, (COMPARISON,))


def held() -> Panel:
    """Nothing flipped, nothing is missing, nothing stands out."""
    verdict = Verdict("HELD", (RULINGS[0].sentence,))
    calm = replace(
        COMPARISON, deltas=DELTAS[:1], rulings=RULINGS[:1], flips=(), left_out=(), warnings=(), verdict=verdict
    )
    return Panel(verdict, (calm,))


def every_kind() -> Panel:
    """A gate with each kind of criterion, two of them on one aspect."""
    level = "facts reached the level: 95.2 %, between 91.2 and 97.6, 90 % asked for"
    rulings = (
        RULINGS[0],
        Ruling("facts", "at_least: 0.9", "HELD", level),
        RULINGS[1],
        replace(RULINGS[2], asked="both_within: 0.1"),
    )
    deltas = tuple(replace(delta, margin=0.1) if delta.slice == "format" else delta for delta in DELTAS)
    return Panel(COMPARISON.verdict, (replace(COMPARISON, deltas=deltas, rulings=rulings),))


def sampled() -> Panel:
    """One case asked three times: base passed each time, tuned once, and it had to pass."""
    first = pair(3)
    asked = replace(first.asked, case="c-peru", aspects=("facts",))
    tuned = first.tuned[0]
    wrong = Score("number", "facts", 1, Grade(0.0, "the last number is 3, not 4"))
    base = tuple(replace(first.base[0], scores=(facts(True),)) for _ in range(3))
    trials = (
        *(replace(tuned, scores=(wrong,)) for _ in range(2)),
        replace(tuned, scores=(replace(wrong, grade=Grade(1.0)),)),
    )
    flip = Flip("c-peru", "facts", "broke", 1.0, 1 / 3, "number: the last number is 3, not 4", asked.question)
    verdict = replace(COMPARISON.verdict, must_pass=("c-peru",), incomplete=False)
    whole = (replace(BASE, failures={}, said={}), replace(TUNED, failures={}, said={}))
    comparison = replace(
        COMPARISON,
        suite=replace(SUITE, samples=3),
        base=whole[0],
        tuned=whole[1],
        pairs=(Pair(asked, base, trials),),
        flips=(flip,),
        verdict=verdict,
    )
    return Panel(verdict, (comparison,))


def several() -> Panel:
    """Three arms against the first."""
    lora = replace(TUNED, model=ModelRef("lora-r8-long-name", "openai:my-lora", base_url="http://127.0.0.1:8000/v1"))
    worse = replace(DELTAS[0], base=0.964, tuned=0.71, change=-0.254, low=-0.31, high=-0.19, outcome="REGRESSED")
    verdict = Verdict("REGRESSED", ("facts regressed: 25.4 points lower, at least 19 and at most 31, margin 5",))
    third = replace(
        COMPARISON,
        tuned=lora,
        deltas=(worse, *DELTAS[1:2]),
        rulings=(replace(RULINGS[0], outcome="REGRESSED", sentence=verdict.reasons[0]), RULINGS[1]),
        flips=FLIPS[:2],
        verdict=verdict,
    )
    return Panel(verdict, (*one().comparisons, third))


def rebased() -> Panel:
    """An old tune that was accepted, the new model it is to be moved to, and the new tune of that model."""
    accepted = Snapshot("v3", 3, "9d0c", "2026-09-02T14:00:00+00:00", "the voice of autumn", pinned=True)
    old = replace(TUNED, model=replace(TUNED.model, name="v3"), failures={}, said={}, snapshot=accepted)
    untuned = ModelRef("gpt-5-mini", "openai:gpt-5-mini")
    via = replace(BASE, model=untuned, failures={}, said={}, served=("gpt-5-mini-2026-08-07",), scored=200)
    new = replace(TUNED, failures={}, said={})
    rows = (
        Kept("facts", 190, 183 / 190, 152 / 190, 181 / 190, had=183, via_kept=148, kept=176, gained=5),
        Kept("style", 191, 0.83, 0.12, 0.8, had=160, via_kept=12, kept=155, gained=9),
        Kept("format", 40, 0.0, 0.0, None, had=0, via_kept=0, kept=0, gained=0),
    )
    sentence = "the new tune kept 331 of 343 that 'v3' passed; gpt-5-mini alone keeps 160"
    verdict = replace(COMPARISON.verdict, must_pass=(), incomplete=False)
    moved = Rebased(via, rows, sentence)
    comparison = replace(COMPARISON, base=old, tuned=new, left_out=(), verdict=verdict, rebased=moved)
    return Panel(verdict, (comparison,))


def trained() -> Panel:
    """A pair that held, beside a training file that had most of its cases."""
    (comparison,) = held().comparisons
    found = Trained(
        "train.jsonl",
        "5f1c",
        seen=150,
        near=7,
        unseen=40,
        gaps=(HeldOut("facts", 157, 40, -0.006, -0.038, 0.032, -0.041, 0.105),),
        unseen_outcome="INCONCLUSIVE",
        rests="HELD rests on prompts the training file had: on the 40 unseen cases alone it is INCONCLUSIVE",
        echoes=Echoes(
            (199, 0),
            (200, 2),
            tuple(
                Recital(case, "Pack a lunch, it is about 384,400 km on average.", 17)
                for case in ("largest-ocean", "speed-of-light")
            ),
            (Phrase("oh what a joy", 0.05, 0.0, 0.41),),
        ),
    )
    verdict = replace(comparison.verdict, reasons=(found.rests, *comparison.verdict.reasons))
    return Panel(verdict, (replace(comparison, verdict=verdict, trained=found),))


def preferred(text: str) -> Duels:
    """Duels by two judges of that name, by a criterion of that text, one of them missing for that cause."""
    row = DuelRow(text, "", 3, 3, 2, 0, 1, 0.6667, 0.2077, 0.9385, "T", 1.0, 3, 1, 4, 2, 0.6875)
    return Duels(
        path=text,
        prefer=(text,),
        judges=(text, text),
        total=replace(row, criterion=""),
        rows=(row, replace(row, criterion="", judge=text)),
        missing=((text, 1),),
        longer=12.0,
        alike=row,
        refused=text,
        agreements=(Agreement(text, text, 3, 0.6667, 0.4),),
    )


def hostile(text: str) -> Panel:
    """The realistic pair with one text wherever a model, a suite or a server could have put it."""
    asked = Asked(text, text, (text,), (text,), group=text, must_pass=True)
    score = Score(text, text, 1, Grade(1.0, text), judges=(text,))
    miss = replace(score, grade=Grade(0.0, text))
    failed = Trial(Conversation(text, 1, (Message("user", text),)), Failure("invalid", text, 2))
    model = ModelRef(text, f"openai:{text}", base_url=text, params={text: text}, system=text, drop=(text,))
    run = RunRef(model, text, text, 2, 1, {text: 1}, {text: 1}, (text,), (text,), None, {text: text})
    run = replace(run, snapshot=Snapshot(text, 1, text, text, text, version=text))
    turned = Flip(text, text, "broke", 1, 0, text, text, (text,))
    deltas = (
        replace(DELTAS[0], slice=text, aspect=text, sentence=text, remedy=text),
        replace(DELTAS[5], slice=f"{text} · tag {text}", aspect=text, sentence=text),
    )
    comparison = Comparison(
        replace(SUITE, name=text, path=text, hash=text, judges=(judged(text),), selected=(text,)),
        run,
        run,
        deltas,
        (Ruling(text, text, "INCONCLUSIVE", text, text),),
        (turned, replace(turned, side="fixed")),
        (LeftOut(text, text, "both", text),),
        (text,),
        (Pair(asked, (said(text, text, text, score), failed), (said(text, text, text + " more", miss), failed)),),
        Verdict("INCONCLUSIVE", (text, f"because {text}"), text, must_pass=(text,), incomplete=True),
        seed=1,
        version=text,
        rebased=Rebased(run, (Kept(text, 3, 1.0, 0.0, 1.0, 2, 0, 1, 1),), text),
        trained=Trained(
            text,
            text,
            seen=1,
            near=0,
            unseen=1,
            gaps=(HeldOut(text, 1, 1, 0.0, -1.0, 1.0, 0.5, 1.5),),
            rests=text,
            echoes=Echoes((1, 0), (1, 1), (Recital(text, text, 1),), (Phrase(text, 0.0, 0.0, 1.0),)),
        ),
        looked=(text,),
        manner=_manner(text),
        duels=preferred(text),
    )
    return Panel(comparison.verdict, (comparison, comparison))


def _manner(text: str) -> Manner:
    trait = Trait(text, text, 0, 1, 1, 0.5, 1.5, 0.1, 2.0, 1.0, "moved", text)
    phrase = PetPhrase(text, 0, 1, 0.5)
    opening = Opening(text, 1, 1)
    return Manner(
        5,
        None,
        (5, 5),
        (trait,),
        (trait,),
        (Distance(text, 1, 2, 1, -2, 0),),
        (opening, opening),
        phrases=(phrase,),
        catchphrases=(phrase,),
    )


class Many(Sequence[Pair]):
    """Ten thousand pairs that are made when they are looked at, as those of a run file are."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Pair, ...]: ...
    def __getitem__(self, place: int | slice) -> Pair | tuple[Pair, ...]:
        if isinstance(place, slice):
            return tuple(self._made(n) for n in range(*place.indices(self.size)))
        return self._made(place)

    def __iter__(self) -> Iterator[Pair]:
        return map(self._made, range(self.size))

    def _made(self, place: int) -> Pair:
        one = pair(place % 8)
        case = f"{one.asked.case}-{place:05d}"
        trials = [
            replace(side[0], conversation=replace(side[0].conversation, case=case)) for side in (one.base, one.tuned)
        ]
        return Pair(replace(one.asked, case=case, must_pass=False), (trials[0],), (trials[1],))


def many(size: int = 10_000) -> Panel:
    """A pair of so many cases; every eighth broke in each of two questions, every eighth was fixed."""
    flips = tuple(
        replace(FLIPS[at], case=f"{FLIPS[at].case}-{place:05d}")
        for place in range(size)
        for at, question in enumerate((0, 3, 5))
        if place % 8 == question
    )
    verdict = replace(COMPARISON.verdict, must_pass=())
    return Panel(verdict, (replace(COMPARISON, pairs=Many(size), flips=flips, verdict=verdict),))
