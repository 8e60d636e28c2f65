"""How often the test behind "within noise" calls a difference between a plan and itself."""

from mtl_core.analysis.plans import PlanComparison, Verdict

REPEATED_BY = "python benchmarks/a_a_trials.py"
"""The command that gives CALLED again, from the folder of Freeze Lab."""

DRAWN_TRIALS = 1_000
"""Of each number below."""

CALLED = {(2, 1): 0.164, (2, 3): 0.004, (2, 5): 0.034, (6, 3): 0.015, (6, 5): 0.043}
"""By number of plans alike and of seeds: the share of trials in which any plan was told apart from
the best. More, and trials over trained runs: docs/decisions/0017."""


def against_itself_words(comparison: PlanComparison) -> str:
    """Of a comparison in which the test has judged: how often it is wrong, where nothing differs.
    Empty where it has judged nothing."""
    judged = {result.verdict for plan in comparison.plans for result in plan.tasks.values()}
    if not judged & {Verdict.WITHIN_NOISE, Verdict.BELOW}:
        return ""
    two = f"{_percent(2, 3)} with three seeds and {_percent(2, 5)} with five"
    six = f"{_percent(6, 3)} and {_percent(6, 5)}"
    return (
        f"How often the test is wrong: of {DRAWN_TRIALS:,} drawn trials of a plan against itself "
        f"it called a difference in {two}; of six plans alike it told any from the best in {six}. "
        f"With one seed each in {_percent(2, 1)}: there it speaks of two runs, not of their plans."
    )


def _percent(plans: int, seeds: int) -> str:
    return f"{100 * CALLED[plans, seeds]:.1f} %"
