"""Several runs side by side: whose score is best, which cannot be told from it, and the answer.

The rules, which the page repeats under its table:

1. Scores are compared only among finished runs, and only where all runs answer the same sentences.
2. The highest is best; one equal to it is best too.
3. An accuracy within one standard error of the best is "within noise". The standard error is the
   best one's, binomial over the validation sentences: sqrt(p (1 - p) / n). It knows nothing of
   the seed, so that one run a plan can suggest an order and not prove it.
4. Entity F1 has no such formula (it is no share of independent answers), so none is given and
   nothing is called within noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from mtl_core.analysis.differences import beyond_the_plan, same_questions
from mtl_core.analysis.summary import RunSummary, TaskProgress
from mtl_core.analysis.words import listed
from mtl_core.tasks.task import TaskKind
from mtl_core.training.spec import RunSpec


class Standing(StrEnum):
    """How a score stands against the best of its column."""

    BEST = "best"
    WITHIN_NOISE = "within noise"
    BELOW = "below"
    OPEN = "open"  # the run has not finished, or the scores do not answer the same sentences


@dataclass(frozen=True, slots=True)
class Result:
    """One task's headline metric in one run.

    `sentences` is the size of the validation split, `first` the value before training, `behind`
    how far the value is below the best (None while open).
    """

    value: float | None
    first: float | None
    sentences: int | None
    standard_error: float | None
    standing: Standing = Standing.OPEN
    behind: float | None = None

    @property
    def change(self) -> float | None:
        """What training made of it; None where either end was not measured."""
        return None if self.value is None or self.first is None else self.value - self.first


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run with the name it goes by here, and its results by task."""

    label: str
    summary: RunSummary
    results: Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs in the order in which they were chosen."""

    runs: tuple[ComparedRun, ...]
    beyond_plan: tuple[str, ...]
    same_questions: bool

    @property
    def tasks(self) -> tuple[TaskProgress, ...]:
        """Every task of any run, each once, as the first run that has it knows it."""
        found = {task.task.name: task for run in reversed(self.runs) for task in run.summary.tasks}
        order = dict.fromkeys(task.task.name for run in self.runs for task in run.summary.tasks)
        return tuple(found[name] for name in order)

    def best(self, task: str) -> tuple[ComparedRun, ...]:
        """The runs that are best at `task`; none while that is open."""
        return self._standing(task, Standing.BEST)

    def within_noise(self, task: str) -> tuple[ComparedRun, ...]:
        """The runs that cannot be told from the best."""
        return self._standing(task, Standing.WITHIN_NOISE)

    def _standing(self, task: str, standing: Standing) -> tuple[ComparedRun, ...]:
        return tuple(
            run
            for run in self.runs
            if task in run.results and run.results[task].standing is standing
        )


def compare(runs: Sequence[tuple[str, RunSummary]]) -> Comparison:
    """Compare runs, each given with the name it shall go by."""
    specs = [summary.spec for _, summary in runs]
    comparable = same_questions(specs)
    results = [{t.task.name: _result(t, summary) for t in summary.tasks} for _, summary in runs]
    if comparable:
        for task in dict.fromkeys(name for each in results for name in each):
            _stand(task, results, [summary for _, summary in runs])
    return Comparison(
        tuple(
            ComparedRun(label, summary, each)
            for (label, summary), each in zip(runs, results, strict=True)
        ),
        beyond_the_plan(specs),
        comparable,
    )


def standard_error(share: float, count: int) -> float:
    """Standard error of a share of `count` independent answers: sqrt(p (1 - p) / n)."""
    return sqrt(share * (1 - share) / count)


def answer(comparison: Comparison, titles: Mapping[str, str]) -> str:
    """The comparison in one line, by the first of these rules that holds.

    Fewer than two runs: another is needed. Different sentences: no score stands against another.
    More than the plan differs: in what. Fewer than two finished: how many. Else for each task the
    best with what is within noise of it (≈) and the lowest, or that all are within noise.
    """
    count = len(comparison.runs)
    if count < 2:
        return "Choose another run to compare with" if count else "Choose two runs or more"
    if not comparison.same_questions:
        return f"These {count} runs answer different sentences: no score stands against another"
    if comparison.beyond_plan:
        plans = [run.summary.spec.plan for run in comparison.runs]
        same_plan = all(plan == plans[0] for plan in plans)
        shown = [
            *comparison.beyond_plan[:3],
            *(["more"] if len(comparison.beyond_plan) > 3 else []),
        ]
        lead = (
            f"One plan, {count} runs that differ in"
            if same_plan
            else (f"These {count} runs differ in more than the plan:")
        )
        return f"{lead} {listed(shown)}"
    finished = sum(run.summary.finished is not None for run in comparison.runs)
    if finished < 2:
        return f"{finished} of {count} runs finished: a score is compared once two have"
    names = [task.task.name for task in comparison.tasks]
    return "; ".join(f"{titles.get(name, name)}: {_finding(comparison, name)}" for name in names)


def lowest_loss(comparison: Comparison, task: str) -> str:
    """Which run has the lowest validation loss now, as words that follow a task's title."""
    ends = [
        (losses[-1][1], run.label)
        for run in comparison.runs
        for each in run.summary.tasks
        if each.task.name == task and (losses := each.validation_losses)
    ]
    if len(ends) < 2 or not comparison.same_questions:
        return "loss of each run"
    (loss, label), highest = min(ends), max(ends)[0]
    if round(loss, 2) == round(highest, 2):
        return f"all end at a validation loss of {loss:.2f}"
    return f"loss ends lowest with {label}: {loss:.2f} on validation"


def distinct_labels(
    names: Sequence[str], specs: Sequence[RunSpec], ids: Sequence[str]
) -> list[str]:
    """`names`, each made distinct from the others by what its run does not share with them:
    checkpoint, training sentences, seed, epochs, data, and in the end the last part of its id."""
    labels = list(names)
    for name in {name for name in names if list(names).count(name) > 1}:
        twins = [index for index, each in enumerate(names) if each == name]
        for words in (
            {i: specs[i].checkpoint for i in twins},
            {i: _sentences(specs[i]) for i in twins},
            {i: f"seed {specs[i].seed}" for i in twins},
            {i: f"{specs[i].epochs:g} epoch{'s' * (specs[i].epochs != 1)}" for i in twins},
            {i: specs[i].data.rsplit("/", 1)[-1] for i in twins},
        ):
            if len(set(words.values())) > 1:
                labels = [
                    f"{each}, {words[i]}" if i in words else each for i, each in enumerate(labels)
                ]
        if len({labels[i] for i in twins}) < len(twins):
            labels = [
                f"{each}, {ids[i].rsplit('-', 1)[-1]}" if i in twins else each
                for i, each in enumerate(labels)
            ]
    return labels


def _sentences(spec: RunSpec) -> str:
    counts = [f"{each:,}" for each in spec.examples.values()]
    return f"{' + '.join(counts) or 'all'} sentences"


def _result(task: TaskProgress, summary: RunSummary) -> Result:
    name = task.task.name
    value = task.latest
    if summary.finished is not None and name in summary.finished.metrics:
        value = summary.finished.metrics[name].headline
    sentences = summary.examples.get(name, {}).get("validation")
    is_share = task.task.kind is TaskKind.SENTENCE and value is not None and sentences
    error = standard_error(value or 0.0, sentences or 1) if is_share else None
    return Result(value, task.first, sentences, error)


def _stand(task: str, results: list[dict[str, Result]], runs: Sequence[RunSummary]) -> None:
    """Replace the finished runs' results by ones that know how they stand."""
    judged = [
        (own, own[task])
        for own, run in zip(results, runs, strict=True)
        if run.finished is not None and task in own and own[task].value is not None
    ]
    if len(judged) < 2:
        return
    best = max((result for _, result in judged), key=lambda result: result.value or 0.0)
    for own, result in judged:
        behind = (best.value or 0.0) - (result.value or 0.0)
        own[task] = Result(
            result.value,
            result.first,
            result.sentences,
            result.standard_error,
            _standing_of(behind, best.standard_error),
            behind,
        )


def _standing_of(behind: float, error: float | None) -> Standing:
    if behind == 0:
        return Standing.BEST
    return Standing.WITHIN_NOISE if error is not None and behind <= error else Standing.BELOW


def _finding(comparison: Comparison, task: str) -> str:
    judged = [run for run in comparison.runs if run.results[task].behind is not None]
    if len(judged) < 2:
        return "not measured in two runs"
    best, tied = comparison.best(task), comparison.within_noise(task)
    lowest = max(judged, key=lambda run: run.results[task].behind or 0.0)
    top, bottom = best[0].results[task].value or 0.0, lowest.results[task].value or 0.0
    if len(best) == len(judged):
        return f"all equal at {top:.2f}"
    if len(best) + len(tied) == len(judged):
        return f"all within noise of {best[0].label} {top:.2f}"
    winner = listed([run.label for run in best]) if len(best) < 3 else f"{len(best)} runs"
    others = f" (≈ {tied[0].label if len(tied) == 1 else f'{len(tied)} more'})" if tied else ""
    return f"{winner} {top:.2f}{others}, {lowest.label} {bottom:.2f}"
