import pytest

from mtl_core.analysis.outcomes import outcome
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.plans import Verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.01, Verdict.EQUIVALENT),
        (-0.029, -0.001, Verdict.EQUIVALENT),  # excludes 0, but only by less than the margin
        (-0.04, -0.001, Verdict.BELOW),
        (0.001, 0.04, Verdict.ABOVE),
        (-0.04, 0.01, Verdict.UNDECIDED),
        (-0.01, 0.04, Verdict.UNDECIDED),
        (-0.03, 0.0, Verdict.UNDECIDED),  # touches the margin and 0
    ],
)
def test_the_interval_and_the_margin_decide(low: float, high: float, verdict: Verdict) -> None:
    assert outcome(PairedDifference((low + high) / 2, low, high, 5, 200), 0.03) is verdict
