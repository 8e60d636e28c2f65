"""Losses of plans: the title on convergence."""

import pytest

from mtl_core.analysis.convergence import Convergence, Trend
from mtl_core.report.losses import convergence_title

FLAT, FALLING, OVER, OPEN = (
    Convergence(trend) for trend in (Trend.FLAT, Trend.FALLING, Trend.OVERFITTING, Trend.OPEN)
)


@pytest.mark.parametrize(
    ("heads", "full", "title"),
    [
        (FLAT, FLAT, "Every plan converged on every task"),
        (FLAT, FALLING, "Not yet converged: full. Longer training may improve it"),
        (
            FALLING,
            FALLING,
            "No plan converged on every task: longer runs may change the order",
        ),
        (FLAT, OVER, "No loss is still falling; 1 of 2 plans overfit on a task"),
        (OPEN, OPEN, "Too few evaluations to judge convergence"),
    ],
)
def test_plans_that_have_not_converged_are_named(
    heads: Convergence, full: Convergence, title: str
) -> None:
    plans = {"heads": {"ner": heads, "sentiment": FLAT}, "full": {"ner": full, "sentiment": FLAT}}
    if heads is OPEN:
        plans = {label: {"ner": OPEN, "sentiment": OPEN} for label in plans}
    assert convergence_title(plans) == title
