"""The fields of a new comparison: plans, seeds, length, sentences and rarely used settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.freezing.scenarios import scenario_kind, scenarios
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.report.data_words import within
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_SMALL
from mtl_core.tasks.shared_tasks import check_other_data
from mtl_core.tasks.task import Task
from mtl_core.text import percent
from mtl_core.training.comparison import (
    MARGIN_HELP,
    SEPARATE_RUNS_HELP,
    ComparisonSpec,
    plain_arms,
    sorted_sizes,
)
from mtl_core.training.options import RunOptions, ScalarOptions, first_problem
from mtl_core.ui.compare.arms import arm_rows, arms_to_compare
from mtl_core.ui.shared.arms import collected_arms
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.data_picker import known_data
from mtl_core.ui.shared.keys import Key, comparison_option_key
from mtl_core.ui.shared.option_fields import option_fields
from mtl_core.ui.shared.vector_field import vector_field

FIRST = ("heads-only", "top-1", "full")
"""The default plans of a comparison: they train little, some and all of the model."""

_SEEDS = (1, 2, 3, 4, 5)
_EVERY = 0
_EXAMPLES = (50, 100, 200, _EVERY)
_NOISE = (0.0, 0.1, 0.2, 0.4)
_FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
_COUNTED = {"top": 3, "bottom": 1}
_EPOCHS, _SECONDS = "epochs", "seconds"


@dataclass(frozen=True, slots=True)
class RareSettings:
    """Settings in the expander that few comparisons use.

    `sentence_vector` is None for the one that the checkpoint was trained with.
    """

    sweep: tuple[float, ...]
    also_evaluate: tuple[str, ...]
    sentence_vector: SentenceVector | None
    options: dict[str, float | bool | str]
    label_noise: dict[str, float]
    separate_runs: bool
    margin: float | None


@dataclass(frozen=True, slots=True)
class _Fields:
    """The values of the fields that every comparison uses."""

    plans: Sequence[str]
    seeds: int
    budget: str | None
    length: float
    examples: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The numbers of training sentences if there are several; None means all."""
        several = len(self.examples) > 1
        return tuple(count or None for count in sorted(self.examples)) if several else ()


def requested_comparison(
    lab: Lab, choice: Choice, model: ModelDescription, rare: RareSettings
) -> tuple[ComparisonSpec | None, str | None]:
    """Draws the fields; returns the spec that they and `rare` describe, or None and the problem."""
    names = _plans(model)
    listing = st.container(gap="xsmall")
    with st.container(horizontal=True, gap="medium"):
        seeds = st.segmented_control(
            "Seeds",
            _SEEDS,
            key=Key.SEEDS,
            default=3,
            required=True,
            help="One seed gives differences and no verdict. More seeds make the intervals of the "
            "differences narrower.",
        )
        budget, length = _budget()
    examples = st.segmented_control(
        "Training sentences of each task: one number or several",
        _EXAMPLES,
        key=Key.EXAMPLES,
        default=[_EVERY],
        selection_mode="multi",
        format_func=lambda count: "all" if count == _EVERY else str(count),
        help="Small numbers show which plan learns from few sentences. With several numbers each "
        "plan is trained with each of them. Smaller samples are subsets of larger ones.",
    )
    if not names and not collected_arms():
        return None, "Choose a plan, preferably two or more."
    if not examples:
        return None, "Choose a number of training sentences, or all."
    try:
        check_other_data(choice.data, rare.also_evaluate, model.tasks, lab.data.dataset)
        vector = rare.sentence_vector or trained_sentence_vector(
            resolve_checkpoint(choice.checkpoint, lab.access)
        )
    except BadInput as problem:
        return None, str(problem)
    fields = _Fields(names, seeds or 1, budget, length, tuple(examples))
    try:
        return _spec(choice, model.reading(vector), fields, rare, listing), None
    except ValidationError as problem:
        return None, first_problem(problem)


def _plans(model: ModelDescription) -> Sequence[str]:
    listed = [each.name for each in scenarios(model) if _is_offered(each.name)]
    default = [name for name in FIRST if name in listed and not collected_arms()]
    return st.pills(
        "Plans",
        listed,
        key=Key.SCENARIOS,
        default=default,
        format_func=scenario_phrase,
        selection_mode="multi",
        wrap=True,
        help="Each plan is trained with each seed; all other settings are the same. Other plans, "
        "your own and those of runs are added with “Add to comparison” on their pages.",
    )


def _is_offered(scenario: str) -> bool:
    """Whether the form offers a scenario; the command line accepts all of them."""
    kind, argument = scenario_kind(scenario)
    return int(argument) <= _COUNTED[kind] if kind in _COUNTED else True


def _budget() -> tuple[str | None, float]:
    """Draws the length of a run; returns its unit, epochs or seconds, and its value."""
    budget = st.segmented_control(
        "Each run trains for",
        [_EPOCHS, _SECONDS],
        key=Key.BUDGET,
        default=_EPOCHS,
        required=True,
        help="With equal epochs, all plans are trained on the same number of sentences. With equal "
        "seconds, cheaper plans are trained on more. If no earlier run shows how long an epoch "
        "takes, this is measured first.",
    )
    length = st.number_input(
        str(budget).capitalize(),
        value=3.0 if budget == _EPOCHS else 20.0,
        format="%g",
        key=f"{Key.LENGTH}_{budget}",
        width=110,
    )
    return budget, length


def rare_fields(lab: Lab, choice: Choice, model: ModelDescription) -> RareSettings:
    """Draws the rarely used settings and returns their values."""
    sweep = st.pills(
        "Learning rate sweep: factors on each plan's own rates",
        _FACTORS,
        key=Key.SWEEP,
        format_func=lambda factor: f"× {factor:g}",
        selection_mode="multi",
        wrap=True,
        help="For each plan, every factor is tested with the first seed, and all seeds use the "
        "best one. It is selected on the validation sentences. If the data have no test split, the "
        "first seed's score is optimistic.",
    )
    others = _other_data(lab, choice)
    vector = vector_field(model.backbone, comparison_option_key(Key.SENTENCE_VECTOR))
    options = option_fields(ScalarOptions(), comparison_option_key)
    noise = _noise(model.tasks)
    separate = st.toggle(
        "Train each run separately", key=Key.SEPARATE_RUNS, help=SEPARATE_RUNS_HELP
    )
    margin = st.number_input(
        "Margin of equivalence",
        value=None,
        format="%g",
        key=Key.MARGIN,
        placeholder="0.03 of accuracy, 0.05 of entity F1",
        help=MARGIN_HELP,
    )
    return RareSettings(tuple(sorted(sweep)), others, vector, options, noise, separate, margin)


def _other_data(lab: Lab, choice: Choice) -> tuple[str, ...]:
    overlapping = {choice.data, SAMPLE_SMALL, *([SAMPLE] if choice.data == SAMPLE_SMALL else ())}
    known = known_data(lab.settings)
    others = {data: each for data, each in known.items() if data not in overlapping}
    chosen = st.session_state.get(Key.OTHER_DATA)
    if chosen and not set(chosen) <= set(others):  # the selected data have changed
        st.session_state[Key.OTHER_DATA] = [data for data in chosen if data in others]
    return tuple(
        st.pills(
            "Also evaluate on",
            list(others),
            key=Key.OTHER_DATA,
            format_func=lambda data: data_name(data, others[data].tasks, others[data].name),
            selection_mode="multi",
            wrap=True,
            help="Evaluates each run on other data with the same tasks and labels, without "
            "training on them.",
        )
    )


def _noise(tasks: Sequence[Task]) -> dict[str, float]:
    shares = {
        task.name: st.select_slider(
            f"Wrong labels, {within(task.name)}",
            _NOISE,
            key=f"{Key.LABEL_NOISE}_{task.name}",
            format_func=percent,
            help="The share of the training labels that is replaced by random wrong labels.",
        )
        for task in tasks
    }
    return {name: share for name, share in shares.items() if share}


def _spec(
    choice: Choice,
    model: ModelDescription,
    fields: _Fields,
    rare: RareSettings,
    listing: DeltaGenerator,
) -> ComparisonSpec:
    """Builds the spec, and draws its arms into `listing` if plans were collected.

    Raises ValidationError.
    """
    options = _run_options(choice, model, fields, rare)
    shared = RunOptions(**options)
    arms = arms_to_compare(fields.plans, choice, shared)
    with listing:
        arm_rows(arms, choice, shared, model.tasks)
    collected = bool(collected_arms())
    return ComparisonSpec(
        checkpoint=choice.checkpoint,
        arms=tuple(arms.values()) if collected else plain_arms(fields.plans),
        seeds=tuple(range(choice.seed, choice.seed + fields.seeds)),
        data=choice.data,
        seconds=fields.length if fields.budget == _SECONDS else None,
        learning_rate=None if collected else choice.learning_rate,
        head_learning_rate=None if collected else choice.head_learning_rate,
        sweep=rare.sweep,
        train_sizes=tuple(sorted_sizes(fields.sizes)),
        separate_runs=rare.separate_runs,
        margin=rare.margin,
        **options,
    )


def _run_options(
    choice: Choice, model: ModelDescription, fields: _Fields, rare: RareSettings
) -> dict[str, Any]:
    """The options that all runs of the comparison share, as fields of RunOptions."""
    one = 0 if fields.sizes else sum(fields.examples)
    return {
        **choice.run_options(),
        **({"epochs": fields.length} if fields.budget == _EPOCHS else {}),
        **rare.options,
        "label_noise": rare.label_noise,
        "also_evaluate": rare.also_evaluate,
        "examples": {task.name: one for task in model.tasks} if one else {},
        "sentence_vector": model.sentence_vector,
    }
