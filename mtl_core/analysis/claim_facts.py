"""Claims that are facts about the runs: exact, without an interval."""

from collections.abc import Mapping

from mtl_core.analysis.claim_rules import NoSteps, Still, Unchanged
from mtl_core.analysis.claim_scores import Evidence
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale, exact
from mtl_core.text import counted
from mtl_core.training.events import Movement


def no_steps(rule: NoSteps, evidence: Evidence) -> Finding:
    """Judges whether nothing was trained in any run."""
    runs = [run for run in evidence.get(rule.arm, {}).values() if run.finished is not None]
    if not runs:
        return Finding(ClaimVerdict.OPEN, Scale.COUNT)
    steps = max(run.step for run in runs)
    trainable = max(run.most_trainable for run in runs)
    detail = f"{counted(steps, 'step')}, {counted(trainable, 'trainable parameter')}"
    nothing = steps == 0 and trainable == 0
    return exact(nothing, steps, Scale.COUNT, seeds=len(runs), detail=detail)


def unchanged(rule: Unchanged, evidence: Evidence) -> Finding:
    """Judges whether every prediction on the judged sentences is the same after the run."""
    runs = [run for run in evidence.get(rule.arm, {}).values() if run.finished is not None]
    answers = [run.judged_answers(each.task.name) for run in runs for each in run.tasks]
    if not answers or any(len(each) < 2 for each in answers):
        return Finding(ClaimVerdict.OPEN, Scale.COUNT)
    names = [each.task.name for run in runs for each in run.tasks]
    changed, count = 0, 0
    for task, stored in zip(names, answers, strict=True):
        before, after = stored[0].answers[task], stored[-1].answers[task]
        count += len(before)
        changed += sum(one != other for one, other in zip(before, after, strict=True))
    detail = f"{changed} of {counted(count, 'prediction')} changed"
    return exact(changed == 0, changed, Scale.COUNT, seeds=len(runs), detail=detail)


def still(rule: Still, evidence: Evidence) -> Finding:
    """Judges whether every weight below the trained layers is where it was."""
    measured = [
        run.measured.groups
        for run in evidence.get(rule.arm, {}).values()
        if run.measured is not None
    ]
    names = [_below_top(groups, rule.trained) for groups in measured]
    if not all(names) or not names:
        return Finding(ClaimVerdict.OPEN)
    furthest = max(
        groups[name].moved for groups, below in zip(measured, names, strict=True) for name in below
    )
    detail = f"{counted(len(names[0]), 'frozen group')} did not change" if furthest == 0 else None
    effect = -furthest if furthest else 0.0
    return exact(furthest == 0, effect, Scale.DIFFERENCE, seeds=len(measured), detail=detail)


def _below_top(groups: Mapping[str, Movement], trained: int) -> list[str]:
    """The embeddings and the layers below the top `trained` ones; empty without measured layers."""
    layers = sorted(
        int(name.removeprefix("layer ")) for name in groups if name.startswith("layer ")
    )
    if not layers or "embeddings" not in groups:
        return []
    return ["embeddings", *(f"layer {layer}" for layer in layers[:-trained])]
