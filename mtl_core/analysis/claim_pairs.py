"""Two sets of runs on the same sentences, paired by seed and sentence, from what they answered."""

from collections.abc import Mapping

from mtl_core.analysis.marks import GoldLabels, mark
from mtl_core.analysis.paired import PairedDifference, Scores, SeedScore, against_best, seed_score
from mtl_core.analysis.summary import RunSummary

Told = Mapping[int, tuple[RunSummary, int]]
"""By seed, a run and which of its answers is meant: 0 before training, -1 at the end."""


def paired_difference(
    one: Told, other: Told, task: str, gold: GoldLabels
) -> PairedDifference | None:
    """`one` less `other` on a task, by the test that says "within noise" of two plans (`paired`).

    None where fewer than two seeds are shared, or a run did not tell its answers.
    """
    shared = sorted(set(one) & set(other))
    if len(shared) < 2:
        return None
    ours, theirs = (
        _scores({seed: told[seed] for seed in shared}, task, gold) for told in (one, other)
    )
    if len(ours) < len(shared) or len(theirs) < len(shared):
        return None
    return against_best({"one": ours, "other": theirs}, "other").get("one")


def _scores(told: Told, task: str, gold: GoldLabels) -> Scores:
    scores = {}
    for seed, (run, which) in told.items():
        score = _score(run, which, task, gold)
        if score is not None:
            scores[seed] = score
    return scores


def _score(run: RunSummary, which: int, task: str, gold: GoldLabels) -> SeedScore | None:
    answers = [each for each in run.answers if each.split == "validation"]
    known = next((each.task for each in run.tasks if each.task.name == task), None)
    if len(answers) < 2 or known is None:
        return None
    marks = mark(answers[which], known, gold)
    return None if marks is None else seed_score(marks)
