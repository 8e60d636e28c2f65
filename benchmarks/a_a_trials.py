"""A plan against itself under other seeds: how often the paired test calls that a difference.

    python benchmarks/a_a_trials.py [--trials 1000] [--plans 2] [--seeds 3] [--seed-shift 0.15]
                                    [--last-shift 0.15] [--runs 0] [--scenario heads-only] [--json]

Without options: the drawn rows of decision 17, in some seconds. Without --runs answers are drawn:
each sentence has a difficulty, each run a shift of its own (standard deviation --seed-shift), and
each answer a chance of its own, all normal (a probit model; at a shift of 0 the seeds' spread is
that of heads only on the sample); with --last-shift the last plan's seeds spread otherwise. With
--runs N that many seeds are trained on the sample and drawn from at random. Prints a Markdown
table, or JSON with --json.
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
from mtl_core.analysis.marks import Marks, end_answers, gold_labels, mark
from mtl_core.analysis.paired import SeedScore, against_best, seed_score

SENTENCES = 200


@dataclass(frozen=True)
class Alike:
    """Plans that do not differ, each with so many seeds; `last_shift` is None where the last one's
    seeds spread as all others do."""

    plans: int = 2
    seeds: int = 3
    seed_shift: float = 0.15
    last_shift: float | None = None


ROWS = (
    *(Alike(seed_shift=shift) for shift in (0.0, 0.15, 0.5)),
    *(Alike(seeds=seeds) for seeds in (1, 5)),
    *(Alike(plans=6, seed_shift=shift) for shift in (0.15, 0.5)),
    Alike(plans=6, seeds=5),
    *(Alike(plans=6, last_shift=shift) for shift in (0.6, 1.0)),
)


def main() -> None:
    """Run the trials asked for and print how many of them called a difference."""
    asked = _arguments()
    own = {name: getattr(asked, name) for name in asdict(Alike())}
    chosen = {name: value for name, value in own.items() if value is not None}
    if asked.runs:
        rows = [
            row(Alike(**chosen), asked.trials, task, pool)
            for task, pool in trained(asked.scenario, asked.runs).items()
        ]
    else:
        alike = (Alike(**chosen),) if chosen else ROWS
        rows = [row(each, asked.trials) for each in alike]
    print(json.dumps(rows, indent=2) if asked.json else markdown(rows))


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
    alike: Alike, trials: int, task: str | None = None, pool: Sequence[SeedScore] = ()
) -> dict[str, Any]:
    """The share of trials that called a difference; of runs drawn from `pool`, else made up."""
    called = share_called(alike, trials, pool)
    told = asdict(alike)
    if pool:
        told |= {"seed_shift": None, "runs": len(pool), "task": task}
    return {**told, "trials": trials, "called": called}


def share_called(alike: Alike, trials: int, pool: Sequence[SeedScore] = ()) -> float:
    """How often any plan is told apart from the best, the random numbers always the same."""
    draw = np.random.default_rng(0)
    last = alike.seed_shift if alike.last_shift is None else alike.last_shift
    shifts = [alike.seed_shift] * (alike.plans - 1) * alike.seeds + [last] * alike.seeds
    alarms = sum(
        alarm(pool_order(pool, draw) if pool else drawn(shifts, draw), alike.plans, alike.seeds)
        for _ in range(trials)
    )
    return alarms / trials


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A line a row; a column that no row has is left out."""
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


def pool_order(pool: Sequence[SeedScore], draw: np.random.Generator) -> list[SeedScore]:
    """The runs of a pool in an order of chance."""
    return [pool[place] for place in draw.permutation(len(pool))]


def alarm(scores: Sequence[SeedScore], plans: int, seeds: int) -> bool:
    """Whether any of `plans` alike, each of as many scores in turn, is told apart from the best."""
    alike = {n: {s: scores[n * seeds + s] for s in range(seeds)} for n in range(plans)}
    best = max(alike, key=lambda n: sum(score.value for score in alike[n].values()))
    return any(each.significant for each in against_best(alike, best).values())


def drawn(shifts: Sequence[float], draw: np.random.Generator) -> list[SeedScore]:
    """Runs on the same sentences, one for each spread of its seed."""
    difficulty = draw.normal(1.7, 2.0, SENTENCES)
    of_seed = draw.normal(0, 1, (len(shifts), 1)) * np.array(shifts)[:, None]
    ease = difficulty + of_seed + draw.normal(0, 1, (len(shifts), SENTENCES))
    ones = np.ones(SENTENCES, dtype=np.int64)
    places = tuple(range(SENTENCES))
    return [
        seed_score(Marks(places, np.stack([(row > 0).astype(np.int64), ones, ones], axis=1)))
        for row in ease
    ]


def trained(scenario: str, runs: int) -> dict[str, list[SeedScore]]:
    """Each task's scores under so many seeds, trained now on one thread."""
    import torch

    from benchmarks.one_run import Wanted, spec_of
    from mtl_core.analysis.reading import summarise
    from mtl_core.tasks.dataset import load_dataset
    from mtl_core.training.run import fine_tune

    torch.set_num_threads(1)
    gold = gold_labels(load_dataset("sample"))
    found: dict[str, list[SeedScore]] = {}
    for seed in range(runs):
        spec = spec_of(Wanted("ours", scenario, seed=seed))
        told = end_answers(summarise("a run", spec, fine_tune(spec, "a run")))
        for task in spec.tasks:
            marks = mark(told, task, gold) if told else None
            if marks is not None:
                found.setdefault(task.name, []).append(seed_score(marks))
    return found


if __name__ == "__main__":
    main()
