"""Runs grouped and judged by plan, with the names and facts that page, note and terminal show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtl_core.analysis.by_size import AtSize, group_by_size
from mtl_core.analysis.judge import against_reference, compare_plans
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.outcomes import Against, OutcomeRule
from mtl_core.analysis.plans import (
    Labelled,
    PlanComparison,
    PlanResult,
    Verdict,
    distinct_labels,
)
from mtl_core.analysis.summary import RunSummary
from mtl_core.report.data_words import name_of_data, sizes_words
from mtl_core.report.run_words import (
    checkpoint_name,
    data_words,
    epochs_words,
    has_own_name,
    moment,
    plan_words,
    unusual_words,
    vector_words,
)
from mtl_core.store.record import RunRecord
from mtl_core.text import count_or_all, counted, last_part, numbers_text, percent
from mtl_core.training.arm import ComparisonArm, difference_words
from mtl_core.training.comparison import arm_key
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True, slots=True)
class LabelledRun:
    """A run with a label that is unique among the runs compared."""

    label: str
    summary: RunSummary


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """Runs grouped and judged by plan.

    `runs` are in the order of `records`. `gold` are the labels of the sentences that they
    evaluate, None if the data are not available. `by_size` are the plans at each number of training
    sentences, the largest last, empty unless the runs differ in that number; `plans` are then the
    plans at the largest number. `rule` is how they were judged. `reference` is the label of the
    plan that the user compares the others with, and `against` the results by task and label.
    `own_rates` are by the name of an arm its own learning rates and loss weights, as keys and texts
    of the command line.
    """

    records: tuple[RunRecord, ...]
    runs: tuple[LabelledRun, ...]
    plans: PlanComparison
    gold: GoldLabels | None = None
    by_size: tuple[AtSize, ...] = ()
    rule: OutcomeRule = field(default_factory=OutcomeRule)
    reference: str | None = None
    against: Mapping[str, Mapping[str, Against]] = field(default_factory=dict)
    own_rates: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def by_plan(self) -> bool:
        """Whether any plan was run more than once, with another seed or number of sentences."""
        return self.several_seeds or bool(self.by_size)

    @property
    def at_each_size(self) -> tuple[AtSize, ...]:
        """The plans at each number of training sentences, or once if there is one number."""
        return self.by_size or (AtSize(None, self.plans),)

    @property
    def every_plan(self) -> tuple[PlanResult, ...]:
        """The plans at each number of training sentences, with labels that include the number."""
        return _every_plan(self.plans, self.by_size)

    @property
    def several_seeds(self) -> bool:
        """Whether any plan was run with more than one seed."""
        return any(len(plan.runs) > 1 for plan in self.plans.plans)

    @property
    def one_of_each(self) -> tuple[LabelledRun, ...]:
        """One started run of each plan, under the plan's label.

        A run that waits is left out: its spec lacks the digests that a run records at its start.
        """
        runs = [(plan.label, lowest_seed_run(plan)) for plan in self.plans.plans]
        return tuple(LabelledRun(label, run) for label, run in runs if run.events)

    def best_run(self, task: str) -> LabelledRun:
        """Returns a run of the best plan on `task`, or the first run if no plan is judged best."""
        plans = self.plans.scored(task, Verdict.BEST)
        best = {run.run for plan in plans for run in plan.runs.values()}
        return next((run for run in self.runs if run.summary.run in best), self.runs[0])


def compare_runs(
    runs: Sequence[tuple[RunRecord, RunSummary]],
    gold_of: Callable[[RunSpec], GoldLabels | None],
    by_arm: bool = False,
    rule: OutcomeRule | None = None,
    reference: str | None = None,
    arms: Sequence[ComparisonArm] = (),
) -> ComparedRuns:
    """Groups and judges runs by plan; the plans keep the order of `runs`.

    `gold_of` returns the labels of the sentences that a spec's runs evaluate, or None if its data
    are not available: then only seeds are paired. With a `rule` the runs belong to one comparison
    and are grouped by arm: arms may differ in more than the plan. `by_arm` labels plans with the
    names of their arms instead of words. `reference` is a plan's label or the name of its arm; a
    name that no plan has is ignored. `arms` are those of the comparison.
    """
    specs = [summary.spec for _, summary in runs]
    gold = gold_of(max(specs, key=lambda spec: bool(spec.data_digests))) if specs else None
    oldest_first = sorted(runs, key=lambda each: each[0].created_at)
    summaries = [summary for _, summary in oldest_first]
    order = [summary.run for _, summary in runs]

    def named(comparison: PlanComparison) -> PlanComparison:
        ordered = sorted(
            comparison.plans,
            key=lambda plan: min(order.index(run.run) for run in plan.runs.values()),
        )
        beyond = () if rule else comparison.beyond_plan
        return replace(comparison, plans=_with_labels(ordered, by_arm), beyond_plan=beyond)

    grouped: Sequence[Labelled] = summaries
    if rule is not None:
        grouped = [(_arm_label(each.spec), each) for each in summaries]
    by_size = tuple(
        replace(each, plans=named(each.plans)) for each in group_by_size(grouped, gold, rule)
    )
    plans = by_size[-1].plans if by_size else named(compare_plans(grouped, gold, rule))
    labels = _run_labels(_every_plan(plans, by_size))
    rule, chosen = rule or OutcomeRule(), _label_of(reference, plans)
    return ComparedRuns(
        tuple(record for record, _ in runs),
        tuple(LabelledRun(labels.get(run.run) or _superseded(run, by_arm), run) for _, run in runs),
        plans,
        gold,
        by_size,
        rule,
        chosen,
        {} if chosen is None else against_reference(plans, chosen, rule),
        {arm.name: arm.plan_differences for arm in arms},
    )


def facts_of(shown: ComparedRuns) -> list[str]:
    """Lists what all runs share, their seeds and their dates, for the line below a title."""
    facts = _shared_facts(shown)
    if not shown.by_plan:
        return facts
    named = f"{counted(len(shown.plans.plans), 'plan')}, {facts[0]}"
    if not shown.by_size:
        return [named, *facts[1:]]
    sizes = sizes_words([each.size for each in shown.by_size])
    names = {name_of_data(each.spec) for each in shown.records}
    data = [f"data: {name}" for name in names if len(names) == 1]
    others = [fact for fact in facts[1:] if fact not in data]
    return [named, *others[:1], *data, sizes, *others[1:]]


def own_facts(shown: ComparedRuns) -> dict[str, list[str]]:
    """Lists by plan its own learning rates and loss weights, and in the order of `facts_of` the
    settings that not all plans share."""
    runs = {plan.label: lowest_seed_run(plan) for plan in shown.plans.plans}
    rates = {
        label: difference_words(shown.own_rates.get(run.spec.arm_name, ()))
        for label, run in runs.items()
    }
    facts = {label: _settings(run) for label, run in runs.items()}
    return {
        label: rates[label]
        + [fact for fact in each if not all(fact in other for other in facts.values())]
        for label, each in facts.items()
    }


def lowest_seed_run(plan: PlanResult) -> RunSummary:
    """Returns the plan's run with the lowest seed."""
    return plan.runs[min(plan.runs)]


def _label_of(reference: str | None, plans: PlanComparison) -> str | None:
    """The label of the plan whose label or whose arm is `reference`; None for neither."""
    by_name = {lowest_seed_run(plan).spec.arm_name: plan.label for plan in plans.plans[::-1]}
    by_name |= {plan.label: plan.label for plan in plans.plans}
    return None if reference is None else by_name.get(reference)


def _shared_facts(shown: ComparedRuns) -> list[str]:
    summaries = [run.summary for run in shown.runs]
    specs = [summary.spec for summary in summaries]
    seeds = sorted({spec.seed for spec in specs})
    settings = [_settings(summary) for summary in summaries]
    shared = [fact for fact in (settings or [[]])[0] if all(fact in each for each in settings)]
    starts = {spec.starts_from for spec in specs}
    shared += ["each starts from another run"] if len(starts) > 1 and None not in starts else []
    seeds_text = f"seed{'s' if len(seeds) > 1 else ''} {numbers_text(seeds)}"
    return [counted(len(specs), "run"), *shared, seeds_text, _dates(shown.records)]


def _arm_label(spec: RunSpec) -> str:
    """Distinguishes the arms of a comparison at each number of training sentences."""
    name, limits = arm_key(spec)
    return ", ".join([name, *(f"{task} {count}" for task, count in limits)])


def _settings(summary: RunSummary) -> list[str]:
    """Lists the settings of a run, without its plan and its seed."""
    spec = summary.spec
    return [
        checkpoint_name(spec.checkpoint),
        f"data: {data_words(summary)}",
        epochs_words(spec.epochs),
        f"batches of {spec.batch_size}",
        f"at most {spec.max_length} sub-words",
        *vector_words(spec.sentence_vector, spec.tasks),
        *unusual_words(spec),
    ]


def _dates(records: Sequence[RunRecord]) -> str:
    """The days on which the runs were created, for pictures of the page."""
    days = list(
        dict.fromkeys(
            moment(time).rsplit(" ", 1)[0] for time in sorted(each.created_at for each in records)
        )
    )
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _every_plan(plans: PlanComparison, by_size: Sequence[AtSize]) -> tuple[PlanResult, ...]:
    if not by_size:
        return plans.plans
    return tuple(
        replace(plan, label=f"{plan.label}, {count_or_all(each.size)} sentences")
        for each in by_size[::-1]
        for plan in each.plans.plans
    )


def _run_labels(plans: Sequence[PlanResult]) -> dict[str, str]:
    """Maps run ids to labels: that of the plan, with the seed if the plan has several."""
    return {
        run.run: plan.label if len(plan.runs) == 1 else f"{plan.label}, seed {seed}"
        for plan in plans
        for seed, run in plan.runs.items()
    }


def _superseded(run: RunSummary, by_arm: bool) -> str:
    """The label of a run that another run of the same plan and seed replaces."""
    (name,) = _names([run.spec], by_arm)
    return f"{name}, seed {run.spec.seed}, {run.run.rsplit('-', 1)[-1]}"


def _with_labels(plans: Sequence[PlanResult], by_arm: bool) -> tuple[PlanResult, ...]:
    specs = [lowest_seed_run(plan).spec for plan in plans]
    names = _names(specs, by_arm)
    seedless = [spec.model_copy(update={"seed": 0}) for spec in specs]
    labels = distinct_labels(names, seedless, [lowest_seed_run(plan).run for plan in plans])
    return tuple(replace(plan, label=label) for plan, label in zip(plans, labels, strict=True))


def _names(specs: Sequence[RunSpec], by_arm: bool) -> list[str]:
    """Names the plans, with the checkpoint and other settings in which they differ.

    A name that a user gave to an arm is followed by the checkpoint only, if it lacks that.
    """
    if by_arm:
        return [spec.arm_name for spec in specs]
    parts = [[plan_words(spec)] for spec in specs]
    several_checkpoints = len({spec.checkpoint for spec in specs}) > 1
    for words_of in (_encoder_words, _vector_words, _examples_words, _noise_words):
        words = [words_of(spec) for spec in specs]
        if len(set(words)) > 1 and not (several_checkpoints and words_of is _vector_words):
            for part, word, spec in zip(parts, words, specs, strict=True):
                part += [word] if word and not has_own_name(spec) else []
    if several_checkpoints:
        for part, spec in zip(parts, specs, strict=True):
            word = last_part(spec.checkpoint)
            if word not in part[0]:
                part[0] += f" on {word}"
    return [", ".join(part) for part in parts]


def _encoder_words(spec: RunSpec) -> str:
    return "random encoder" if spec.random_backbone else ""


def _vector_words(spec: RunSpec) -> str:
    return spec.sentence_vector.words


def _examples_words(spec: RunSpec) -> str:
    return f"{sum(spec.examples.values()):,} sentences" if spec.examples else ""


def _noise_words(spec: RunSpec) -> str:
    worst = max(spec.label_noise.values(), default=0.0)
    return f"{percent(worst)} wrong labels" if worst else ""
