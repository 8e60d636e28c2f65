"""Whether fewer seeds of the included runs ever call plans equivalent that all seeds call below.

    python benchmarks/seed_subsets.py [--sample N]

Takes every way to choose two, three and four seeds of each included comparison of two plans or
more, or N of them at random with a fixed seed, and judges the plans with these seeds. Prints the
number of verdicts by number of seeds and each pair of plans that contradicts all seeds; the exit
code is 1 if there is any.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.plans import PlanComparison, Verdict
from mtl_core.report.compared import ComparedRuns

SIZES = (2, 3, 4)


@dataclass(frozen=True)
class Subset:
    """An included comparison with some of its seeds."""

    name: str
    runs: ComparedRuns
    seeds: tuple[int, ...]

    def judged(self) -> PlanComparison:
        """The plans with the verdicts that these seeds give."""
        chosen = [run.summary for run in self.runs.runs if run.summary.spec.seed in self.seeds]
        return compare_plans(chosen, self.runs.gold)


def main() -> int:
    """Judge the subsets and print what contradicts all seeds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int)
    number = parser.parse_args().sample
    counts: dict[int, Counter[str]] = {size: Counter() for size in SIZES}
    found: list[str] = []
    for subset in subsets(included_comparisons(), number):
        judged = subset.judged()
        counts[len(subset.seeds)].update(_verdicts(judged))
        found += contradictions(subset, judged)
    for size, verdicts in counts.items():
        print(f"{size} seeds: {', '.join(f'{n} {name}' for name, n in sorted(verdicts.items()))}")
    print("\n".join(found) or "No pair that all seeds call below is called equivalent.")
    return int(bool(found))


def included_comparisons() -> dict[str, ComparedRuns]:
    """The included comparisons of two plans or more, by name, in a store of their own."""
    from mtl_core.cli.compare.results import load_results
    from mtl_core.lessons.shipped_runs import import_shipped
    from mtl_core.settings import Settings
    from mtl_core.store.runs import RunStore

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment().model_copy(update={"home": Path(folder)})
        store = RunStore(settings.database)
        import_shipped(store)
        loaded = {
            record.name: load_results(store, record, settings).compared
            for record in store.comparisons(shipped=True)
            if len(record.spec.arms) > 1
        }
        store.close()
    return loaded


def subsets(comparisons: dict[str, ComparedRuns], number: int | None = None) -> list[Subset]:
    """All subsets of SIZES seeds, or `number` of them at random; the same each time."""
    every = [
        Subset(name, runs, seeds)
        for name, runs in comparisons.items()
        for size in SIZES
        for seeds in combinations(runs.plans.seeds, size)
    ]
    return every if number is None else random.Random(0).sample(every, number)


def contradictions(subset: Subset, judged: PlanComparison) -> Iterator[str]:
    """The pairs of a plan and the best that all seeds call below and these call equivalent."""
    for task in judged.tasks:
        as_good = _arms(judged, task.name, Verdict.BEST, Verdict.EQUIVALENT)
        best = _arms(subset.runs.plans, task.name, Verdict.BEST)
        for below in _arms(subset.runs.plans, task.name, Verdict.BELOW):
            if below in as_good and best and best[0] in as_good:
                yield f"{subset.name}, seeds {subset.seeds}, {task.name}: {below} and {best[0]}"


def _arms(plans: PlanComparison, task: str, *verdicts: Verdict) -> Sequence[str]:
    """The arms with these verdicts: the labels of plans depend on the others beside them."""
    first = (next(iter(plan.runs.values())) for plan in plans.scored(task, *verdicts))
    return [run.spec.arm_name for run in first]


def _verdicts(judged: PlanComparison) -> list[str]:
    return [str(r.verdict) for plan in judged.plans for r in plan.tasks.values()]


if __name__ == "__main__":
    sys.exit(main())
