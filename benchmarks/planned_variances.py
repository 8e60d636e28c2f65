"""The variances that the claims were planned with, beside those of the included runs.

    python benchmarks/planned_variances.py

The designs of the claims assume variances of earlier runs (`mtl_core/lessons/planned.py`). This
prints, for each task, the mean over the pairs of arms of each included experiment, and over the
arms of a second stage the variance of a task's change. Prints a Markdown table.
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.analysis.claim_rules import OWN_DATA
from mtl_core.analysis.claim_scores import Gold, Runs, scores_after, scores_before
from mtl_core.analysis.marks import gold_labels
from mtl_core.analysis.paired.components import decompose
from mtl_core.analysis.paired.scores import Scores
from mtl_core.file_access import ANY_FILE
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.lessons.planned import OF_CHANGES, OF_PLANS, Variances
from mtl_core.lessons.shipped_runs import ShippedRuns
from mtl_core.tasks.dataset import SAMPLE, load_dataset

_HEAD = "| experiment | task | seeds | sentence within a seed | sentences |\n|---|---|--:|--:|--:|"


def main() -> None:
    """Print the assumed variances and those of the included runs."""
    print(_HEAD)
    for title, assumed in (("planned: two plans", OF_PLANS), ("planned: a change", OF_CHANGES)):
        for task, variances in assumed.items():
            print(_row(title, task, variances))
    for name, arms in _included().items():
        spec = EXPERIMENTS[name].spec
        others = [load_dataset(data, ANY_FILE) for data in spec.also_evaluate]
        gold = {spec.data: gold_labels(load_dataset(spec.data, ANY_FILE), others)}
        changes = EXPERIMENTS[name].starts_from is not None and SAMPLE in spec.also_evaluate
        for task in OF_PLANS:
            found = _of_changes(arms, task, gold) if changes else _of_pairs(arms, task, gold)
            if (measured := _mean(found)) is not None:
                print(_row(f"{name}{': change' if changes else ''}", task, measured))


def _included() -> dict[str, dict[str, Runs]]:
    """The included runs by experiment, arm and seed."""
    shipped = ShippedRuns()
    found: dict[str, dict[str, Runs]] = {}
    for arm, by_seed in shipped.by_arm.items():
        runs = {seed: shipped.summary_of(run) for seed, run in by_seed.items()}
        found.setdefault(arm.experiment, {})[arm.scenario] = runs
    return found


def _of_pairs(arms: Mapping[str, Runs], task: str, gold: Gold) -> Iterator[Variances]:
    scores = [scores_after(runs, task, OWN_DATA, gold) for runs in arms.values()]
    for one, other in combinations(scores, 2):
        yield from _variances(one, other)


def _of_changes(arms: Mapping[str, Runs], task: str, gold: Gold) -> Iterator[Variances]:
    for runs in arms.values():
        after, before = (each(runs, task, SAMPLE, gold) for each in (scores_after, scores_before))
        yield from _variances(after, before)


def _variances(one: Scores, other: Scores) -> Iterator[Variances]:
    """The inverse of what `planned.smallest` does with the variances of a design."""
    parts = decompose(one, other)
    if parts is not None and parts.between_seeds is not None and parts.sentences:
        yield Variances(
            seeds=max(parts.between_seeds - parts.rest, 0.0),
            rest=parts.rest * parts.sentences,
            sentences=parts.of_sentences * parts.sentences,
        )


def _mean(found: Iterator[Variances]) -> Variances | None:
    known = list(found)
    if not known:
        return None
    return Variances(
        seeds=fmean(each.seeds for each in known),
        rest=fmean(each.rest for each in known),
        sentences=fmean(each.sentences for each in known),
    )


def _row(title: str, task: str, variances: Variances) -> str:
    numbers = (variances.seeds, variances.rest, variances.sentences)
    return f"| {title} | {task} | {' | '.join(f'{each:.2g}' for each in numbers)} |"


if __name__ == "__main__":
    main()
