"""A plan against itself under other seeds: how often the paired test calls that a difference.

    python benchmarks/a_a_trials.py [--trials 200] [--plans 2] [--seeds 3] [--seed-shift 0.15]
                                    [--last-shift 0.15] [--runs 0] [--scenario heads-only]

Without --runs answers are drawn: each sentence has a difficulty, each run a shift of its own
(standard deviation --seed-shift), and each answer a chance of its own, all normal (a probit model;
at a shift of 0 the seeds' spread is that of heads only on the sample); with --last-shift the last
plan's seeds spread otherwise. With --runs N that many
seeds are trained on the sample and drawn from at random. Prints JSON.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np

from mtl_core.analysis.marks import Marks, end_answers, gold_labels, mark
from mtl_core.analysis.paired import SeedScore, against_best, seed_score

SENTENCES = 200


def main() -> None:
    """Run the trials asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--plans", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed-shift", type=float, default=0.15)
    parser.add_argument("--last-shift", type=float)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--scenario", default="heads-only")
    asked = parser.parse_args()
    draw = np.random.default_rng(0)
    last = asked.seed_shift if asked.last_shift is None else asked.last_shift
    shifts = [asked.seed_shift] * (asked.plans - 1) * asked.seeds + [last] * asked.seeds
    pools = trained(asked.scenario, asked.runs) if asked.runs else {"drawn": None}
    for task, pool in pools.items():
        alarms = 0
        for _ in range(asked.trials):
            scores = pool_order(pool, draw) if pool else drawn(shifts, draw)
            alarms += alarm(scores, asked.plans, asked.seeds)
        print(json.dumps(vars(asked) | {"task": task, "alarms": alarms / asked.trials}))


def pool_order(pool: Sequence[SeedScore], draw: np.random.Generator) -> list[SeedScore]:
    """The runs of a pool in an order of chance."""
    return [pool[place] for place in draw.permutation(len(pool))]


def alarm(scores: Sequence[SeedScore], plans: int, seeds: int) -> bool:
    """Whether any of `plans` alike, each of as many scores in turn, is told apart from the best."""
    alike = {n: {s: scores[n * seeds + s] for s in range(seeds)} for n in range(plans)}
    best = max(alike, key=lambda n: sum(score.value for score in alike[n].values()))
    return any(each.told_apart for each in against_best(alike, best).values())


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
