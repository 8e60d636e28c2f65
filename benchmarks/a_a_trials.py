"""False alarms of the paired test: how often it reports a difference between a plan and itself.

    python benchmarks/a_a_trials.py [--trials 1000] [--plans 2] [--seeds 3] [--seed-shift 0.15]
                                    [--last-shift 0.15] [--runs 0] [--scenario heads-only] [--json]

Without options it prints the simulated rows of decision 17, in a few seconds. Without --runs the
answers are simulated by a probit model: each sentence has a difficulty, each run a shift (standard
deviation --seed-shift) and each answer a random part, all normal. At a shift of 0 the seeds spread
as those of `heads-only` on the sample do. --last-shift sets another shift for the last plan. With
--runs N that many seeds are trained on the sample, and trials draw from them at random. Prints a
Markdown table, or JSON with --json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.analysis.marks import Marks, final_answers, gold_labels, mark
from mtl_core.analysis.paired import SeedScore, against_best, seed_score
from mtl_core.settings import ANY_FILE

SENTENCES = 200


@dataclass(frozen=True)
class EqualPlans:
    """Plans with the same true quality, and the number of seeds of each.

    `last_shift` is None if the last plan's seeds spread like those of the others.
    """

    plans: int = 2
    seeds: int = 3
    seed_shift: float = 0.15
    last_shift: float | None = None


ROWS = (
    *(EqualPlans(seed_shift=shift) for shift in (0.0, 0.15, 0.5)),
    *(EqualPlans(seeds=seeds) for seeds in (1, 5)),
    *(EqualPlans(plans=6, seed_shift=shift) for shift in (0.15, 0.5)),
    EqualPlans(plans=6, seeds=5),
    *(EqualPlans(plans=6, last_shift=shift) for shift in (0.6, 1.0)),
)


def main() -> None:
    """Run the trials and print the share of false alarms."""
    arguments = _arguments()
    values = {name: getattr(arguments, name) for name in asdict(EqualPlans())}
    given = {name: value for name, value in values.items() if value is not None}
    if arguments.runs:
        rows = [
            row(EqualPlans(**given), arguments.trials, task, pool)
            for task, pool in train_seeds(arguments.scenario, arguments.runs).items()
        ]
    else:
        cases = (EqualPlans(**given),) if given else ROWS
        rows = [row(case, arguments.trials) for case in cases]
    print(json.dumps(rows, indent=2) if arguments.json else markdown(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--plans", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed-shift", type=float)
    parser.add_argument("--last-shift", type=float)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--scenario", default="heads-only")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def row(
    plans: EqualPlans, trials: int, task: str | None = None, pool: Sequence[SeedScore] = ()
) -> dict[str, Any]:
    """One row of the table. Runs come from `pool`, or are simulated if it is empty."""
    called = share_called(plans, trials, pool)
    columns = asdict(plans)
    if pool:
        columns |= {"seed_shift": None, "runs": len(pool), "task": task}
    return {**columns, "trials": trials, "called": called}


def share_called(plans: EqualPlans, trials: int, pool: Sequence[SeedScore] = ()) -> float:
    """The share of trials in which any plan differs significantly from the best. Seeded."""
    draw = np.random.default_rng(0)
    last = plans.seed_shift if plans.last_shift is None else plans.last_shift
    shifts = [plans.seed_shift] * (plans.plans - 1) * plans.seeds + [last] * plans.seeds
    alarms = sum(
        alarm(shuffled(pool, draw) if pool else simulated(shifts, draw), plans.plans, plans.seeds)
        for _ in range(trials)
    )
    return alarms / trials


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table; columns that are empty in every row are left out."""
    columns = [
        name
        for name in ("task", "runs", "plans", "seeds", "seed_shift", "last_shift")
        if any(each.get(name) is not None for each in rows)
    ]
    columns += ["trials", "called"]
    titles = [name.replace("_", " ") for name in columns]
    lines = [f"| {' | '.join(titles)} |", f"|{'--:|' * len(columns)}"]
    for each in rows:
        cells = ["" if each.get(name) is None else _cell(name, each[name]) for name in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(name: str, value: Any) -> str:
    if name == "called":
        return f"{value:.3f}"
    return f"{value:,}" if name == "trials" else str(value)


def shuffled(pool: Sequence[SeedScore], draw: np.random.Generator) -> list[SeedScore]:
    """The runs of the pool in random order."""
    return [pool[index] for index in draw.permutation(len(pool))]


def alarm(scores: Sequence[SeedScore], plans: int, seeds: int) -> bool:
    """Whether any plan differs significantly from the best. `scores` lists plan after plan."""
    by_plan = {n: {s: scores[n * seeds + s] for s in range(seeds)} for n in range(plans)}
    best = max(by_plan, key=lambda n: sum(score.value for score in by_plan[n].values()))
    return any(each.significant for each in against_best(by_plan, best).values())


def simulated(shifts: Sequence[float], draw: np.random.Generator) -> list[SeedScore]:
    """Simulate one run for each shift, all on the same sentences."""
    difficulty = draw.normal(1.7, 2.0, SENTENCES)
    of_seed = draw.normal(0, 1, (len(shifts), 1)) * np.array(shifts)[:, None]
    ease = difficulty + of_seed + draw.normal(0, 1, (len(shifts), SENTENCES))
    ones = np.ones(SENTENCES, dtype=np.int64)
    places = tuple(range(SENTENCES))
    return [
        seed_score(Marks(places, np.stack([(row > 0).astype(np.int64), ones, ones], axis=1)))
        for row in ease
    ]


def train_seeds(scenario: str, runs: int) -> dict[str, list[SeedScore]]:
    """Train `runs` seeds on one thread; each task's scores."""
    import torch

    from benchmarks.run_request import RunRequest, build_spec
    from mtl_core.analysis.reading import summarise
    from mtl_core.tasks.dataset import load_dataset
    from mtl_core.training.run import fine_tune

    torch.set_num_threads(1)
    gold = gold_labels(load_dataset("sample", ANY_FILE))
    found: dict[str, list[SeedScore]] = {}
    for seed in range(runs):
        spec = build_spec(RunRequest("ours", scenario, seed=seed))
        answers = final_answers(summarise("a run", spec, fine_tune(spec, "a run")))
        for task in spec.tasks:
            marks = mark(answers, task, gold) if answers else None
            if marks is not None:
                found.setdefault(task.name, []).append(seed_score(marks))
    return found


if __name__ == "__main__":
    main()
