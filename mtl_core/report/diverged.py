"""Plans whose training diverged on some seeds: a loss became NaN or infinite."""

from mtl_core.analysis.plans import PlanComparison
from mtl_core.text import listed


def diverged_lines(comparison: PlanComparison) -> tuple[str, ...]:
    """Names the seeds of each plan whose training diverged: they have no score."""
    found = []
    for plan in comparison.plans:
        seeds = [seed for seed, run in sorted(plan.runs.items()) if run.diverged]
        if seeds:
            named = f"seed{'s' * (len(seeds) > 1)} {listed([str(seed) for seed in seeds])}"
            found.append(
                f"{plan.label}: {len(seeds)} of {len(plan.runs)} seeds diverged ({named}): the "
                "loss became NaN or infinite. Without a score, they are not in the means; a lower "
                "learning rate may avoid it."
            )
    return tuple(found)
