"""Whole comparisons of real models, against figures made by other code."""

import pytest

from evalharness.stats.paired import (
    Outcome,
    guarded,
    mcnemar,
    mcnemar_midp,
    paired_change,
    verdict_word,
)
from evalharness.stats.rates import wilson
from evalharness.stats.unbounded import t_interval

# Four snapshots on the same 660 problems of GSM8K (MIT, OpenAI 2021): both pass, only the second,
# only the first, neither; then change, standard error, score, guarded and t interval, exact and mid p.
GSM8K = {
    "6b_finetuning -> 6b_verification": (
        (118, 139, 27, 376),
        (0.169697, 0.018384, 0.134184, 0.206488, 0.132441, 0.204989, 0.133599, 0.205795),
        (2.27248e-19, 1.35314e-19),
        "IMPROVED",
    ),
    "6b_finetuning -> 175b_finetuning": (
        (103, 108, 42, 407),
        (0.1, 0.018158, 0.064643, 0.13621, 0.063591, 0.135252, 0.064346, 0.135654),
        (6.91562e-08, 4.76473e-08),
        "IMPROVED",
    ),
    "6b_finetuning -> 175b_verification": (
        (129, 244, 16, 271),
        (0.345455, 0.020413, 0.305654, 0.385629, 0.30324, 0.383671, 0.305372, 0.385537),
        (1.50254e-53, 8.00109e-54),
        "IMPROVED",
    ),
    "6b_verification -> 175b_finetuning": (
        (148, 63, 109, 340),
        (-0.069697, 0.0197, -0.108644, -0.031084, -0.108088, -0.030499, -0.108379, -0.031015),
        (0.000561453, 0.000436892),
        "REGRESSED",
    ),
    "6b_verification -> 175b_verification": (
        (218, 155, 39, 248),
        (0.175758, 0.019979, 0.136821, 0.215344, 0.135397, 0.214084, 0.136527, 0.214988),
        (1.44013e-17, 8.98231e-18),
        "IMPROVED",
    ),
    "175b_finetuning -> 6b_verification": (
        (148, 109, 63, 340),
        (0.069697, 0.0197, 0.031084, 0.108644, 0.030499, 0.108088, 0.031015, 0.108379),
        (0.000561453, 0.000436892),
        "IMPROVED",
    ),
    "175b_finetuning -> 175b_verification": (
        (179, 194, 32, 255),
        (0.245455, 0.020693, 0.205059, 0.286273, 0.203304, 0.284764, 0.204823, 0.286086),
        (1.80305e-29, 1.04843e-29),
        "IMPROVED",
    ),
    "175b_verification -> 175b_finetuning": (
        (179, 32, 194, 255),
        (-0.245455, 0.020693, -0.286273, -0.205059, -0.284764, -0.203304, -0.286086, -0.204823),
        (1.80305e-29, 1.04843e-29),
        "REGRESSED",
    ),
}


@pytest.mark.parametrize(("counts", "figures", "p", "verdict"), GSM8K.values(), ids=GSM8K.keys())
def test_gsm8k(
    counts: tuple[int, int, int, int], figures: tuple[float, ...], p: tuple[float, float], verdict: Outcome
) -> None:
    both, ups, downs, neither = counts
    base = [[1.0]] * both + [[0.0]] * ups + [[1.0]] * downs + [[0.0]] * neither
    tuned = [[1.0]] * (both + ups) + [[0.0]] * (downs + neither)
    moves = [b[0] - a[0] for a, b in zip(base, tuned, strict=True)]

    change = paired_change(base, tuned)

    seen = (
        change.change,
        change.error,
        change.low,
        change.high,
        *guarded(moves),
        *t_interval(moves),
    )
    assert seen == pytest.approx(figures, abs=1e-6)
    assert (mcnemar(ups, downs), mcnemar_midp(ups, downs)) == pytest.approx(p, rel=1e-5)
    assert verdict_word(change, margin=0.05, p_adjusted=change.p)[0] == verdict


@pytest.mark.parametrize(
    ("passes", "low", "high"),
    [(145, 0.189781, 0.252857), (257, 0.352936, 0.427132), (211, 0.285249, 0.356232), (373, 0.527062, 0.602487)],
)
def test_gsm8k_pass_rates(passes: int, low: float, high: float) -> None:
    assert wilson(passes, 660) == pytest.approx((low, high), abs=1e-6)
