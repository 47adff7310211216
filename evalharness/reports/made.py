"""How the numbers came to be: every figure behind a row, what each arm was and took, which suite was asked and how."""

from __future__ import annotations

from evalharness.files import shown_path
from evalharness.findings import Comparison, Delta, RunRef
from evalharness.records import Snapshot, Tally
from evalharness.reports.base import count, limit, p_value, span


def statistics(delta: Delta) -> tuple[tuple[str, str], ...]:
    """Every number behind one row, as label and text."""
    k_base, k_tuned = delta.samples
    rows = [
        ("cases", f"{delta.cases:,} of {delta.cases + delta.left_out:,}"),
        ("groups", f"{delta.groups:,}" if delta.groups not in (0, delta.cases) else ""),
        ("samples", f"{k_base}" if k_base == k_tuned else f"{k_base} and {k_tuned}"),
        ("up, down, unchanged", f"{delta.ups:,}, {delta.downs:,}, {delta.unchanged:,}"),
        (f"interval {delta.interval}".strip(), span(delta.low, delta.high, delta.margin)),
        ("suite scope", span(delta.suite_low, delta.suite_high, delta.margin)),
        ("standard error", "" if delta.error is None else f"{100 * delta.error:.2f}"),
        ("p", "" if delta.p is None else p_value(delta.p)),
        ("mid-p", "" if delta.p_midp is None else p_value(delta.p_midp)),
        ("p (Holm)" if delta.gates else "q", "" if delta.p_adjusted is None else p_value(delta.p_adjusted)),
        ("p non-inferior", "" if delta.p_noninferior is None else p_value(delta.p_noninferior)),
        ("margin", limit(delta.margin)),
        ("provable margin", "" if delta.provable_margin is None else f"{100 * delta.provable_margin:.2f}"),
    ]
    return tuple((label, text) for label, text in rows if text)


def arm_facts(side: RunRef) -> tuple[tuple[str, str], ...]:
    """What one arm was, how its replies ended and what it took, as label and text."""
    endings = {**side.outcomes, **{f"failed ({kind})": number for kind, number in side.failures.items()}}
    tally, model = side.tally, side.model
    rows = [
        ("model", model.use),
        ("baseline", accepted(side.snapshot) if side.snapshot else ""),
        ("served as", ", ".join(side.served)),
        ("fingerprint", ", ".join(side.fingerprints)),
        ("server", model.server or model.base_url),
        ("parameters", ", ".join(f"{name}={value}" for name, value in {**model.params, **model.extra_body}.items())),
        ("left out of the request", ", ".join(model.drop)),
        ("began", side.began),
        ("replies", ", ".join(f"{number:,} {name}" for name, number in endings.items() if number)),
        ("scored", f"{side.scored:,} of {count(side.asked, 'sample')}"),
        ("run file", shown_path(side.path)),
        ("requests", _took(tally) if tally is not None else "not counted: this run was cut short"),
    ]
    return tuple((label, text) for label, text in rows if text)


def accepted(snapshot: Snapshot) -> str:
    """Which snapshot a run is, since when and why: `v3, accepted 2026-11-20: the tune of autumn`."""
    since = f", accepted {snapshot.accepted[:10]}" if snapshot.accepted else ""
    return f"{snapshot.name}{since}" + (f": {snapshot.why}" if snapshot.why else "")


def _took(tally: Tally) -> str:
    """How many answers were bought, and for how much."""
    told = [f"{tally.sent:,} sent, {tally.cached:,} known before"]
    if tally.sent or tally.usd:
        told.append("cost unknown" if tally.usd is None else f"{tally.usd:.4f} USD")
    if tally.usage.tokens_in or tally.usage.tokens_out:
        told.append(f"{count(tally.usage.tokens_in, 'token')} in, {tally.usage.tokens_out:,} out")
    return "; ".join(told)


def suite_facts(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """How the numbers came to be, as label and text: enough to make them again."""
    suite = comparison.suite
    n = max((delta.cases for delta in comparison.deltas), default=0)
    rows = [
        ("suite", f"{suite.name} {suite.hash[:12]} ({shown_path(suite.path)})"),
        ("compared", f"{count(n, 'case')}, {count(suite.samples, 'sample')} a case"),
        ("selection", ", ".join(suite.selected)),
        ("judges", ", ".join(suite.judge_names)),
        ("reading", f"scope {suite.scope}, alpha {suite.alpha:g}, test {suite.test}, seed {comparison.seed}"),
        ("evalharness", comparison.version),
    ]
    return tuple((label, text) for label, text in rows if text)
