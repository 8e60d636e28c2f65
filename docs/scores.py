"""The page with the scores of the included runs, one table for each experiment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.summary import RunSummary
from mtl_core.freezing.titles import task_title
from mtl_core.lessons.experiments import EXPERIMENTS, Experiment
from mtl_core.lessons.shipped_runs import ShippedRuns
from mtl_core.store.record import RunRecord
from mtl_core.text import score_text
from mtl_core.training.events import RunFinished

TEXT = """
Means over the seeds, with the lowest and the highest. Scores are those of the split that compares
plans: the test split, where the data have one. Seconds are of whole runs with all measures, one
thread each, two runs at a time; outputs of frozen layers stored by one run are reused by later
ones. Peak memory is that of the process of a run. [claims.md](claims.md) has the verdicts that
rest on these runs: this page does not say which differences are more than chance.
""".strip()

Read = Callable[[RunFinished], float | None]


def scores_page(heading: str, generated: str) -> str:
    """The scores of every included run, by experiment and arm."""
    shipped = ShippedRuns()
    tables = (
        _table(name, each, shipped.by_arm, shipped.summary_of) for name, each in EXPERIMENTS.items()
    )
    parts = (f"# {heading}", generated, TEXT, *filter(None, tables))
    return "\n\n".join(parts) + "\n"


def _table(
    name: str,
    experiment: Experiment,
    by_arm: Mapping[Arm, Mapping[int, RunRecord]],
    summary_of: Callable[[RunRecord], RunSummary],
) -> str:
    """One experiment; empty if no run of it is included."""
    rows: list[tuple[str, int, list[RunFinished]]] = []
    tasks: dict[str, None] = {}
    started = set()
    for scenario in experiment.spec.arm_names:
        runs = by_arm.get(Arm(experiment=name, scenario=scenario), {})
        finished = [summary_of(run).finished for run in runs.values()]
        ended = [each for each in finished if each is not None]
        if not ended:
            continue
        tasks |= dict.fromkeys(task for each in ended for task in each.metrics)
        started |= {run.created_at.date() for run in runs.values()}
        rows.append((scenario, len(runs), ended))
    if not rows:
        return ""
    columns = ["plan", "seeds", *map(task_title, tasks), "seconds", "peak MB"]
    lines = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    for scenario, seeds, ended in rows:
        values = [_range(ended, _score(task), score_text) for task in tasks]
        values.append(_range(ended, lambda each: each.total_seconds, lambda s: f"{s:.0f}"))
        values.append(
            _range(ended, lambda each: each.peak_memory_bytes / 1e6, lambda m: f"{m:.0f}")
        )
        lines.append(f"| {' | '.join((scenario, str(seeds), *values))} |")
    dates = " to ".join(dict.fromkeys(f"{day}" for day in (min(started), max(started))))
    return f"## {experiment.title}\n\n{_data(experiment)}; {dates}.\n\n" + "\n".join(lines)


def _data(experiment: Experiment) -> str:
    spec = experiment.spec
    data = f"{spec.checkpoint} on {spec.data}, {spec.epochs:g} epochs"
    first = experiment.starts_from
    return data if first is None else f"{data}; starts from {first.scenario} of {first.experiment}"


def _score(task: str) -> Read:
    return lambda each: None if task not in each.metrics else each.metrics[task].headline


def _range(runs: Sequence[RunFinished], read: Read, text: Callable[[float], str]) -> str:
    """`0.89 (0.88 to 0.90)`: the mean, and the lowest and the highest of several."""
    values = sorted(_defined(map(read, runs)))
    if not values:
        return score_text(None)
    mean = text(fmean(values))
    return mean if len(values) == 1 else f"{mean} ({text(values[0])} to {text(values[-1])})"


def _defined(values: Iterable[float | None]) -> list[float]:
    return [each for each in values if each is not None]
