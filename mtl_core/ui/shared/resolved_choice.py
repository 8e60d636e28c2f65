"""Resolve a visitor's choice: load tasks and checkpoint, describe the model, build the plan.

Values that do not fit are replaced and noted, so a page can always be drawn.
"""

from dataclasses import dataclass

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import CheckpointError, DataError, PlanError
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import parse_plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.dataset import SAMPLE, SHIPPED, Dataset
from mtl_core.tasks.task import Task
from mtl_core.text import counted
from mtl_core.ui.shared.choice import Choice, current_choice, ignore, ignore_plan
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import spinner_unless
from mtl_core.ui.shared.vector_field import chosen_vector


@dataclass(frozen=True)
class ResolvedChoice:
    """A choice with its checkpoint, model, plan and tables; values that do not fit are replaced.

    `data_name` is what the manifest of the data calls them; None if it has no name.
    """

    choice: Choice
    checkpoint: Checkpoint
    model: ModelDescription
    plan: Plan
    tables: tuple[ParameterTable, ...]
    data_name: str | None = None

    @property
    def table(self) -> ParameterTable:
        """The table of the selected phase."""
        return self.tables[self.choice.phase - 1]

    @property
    def scenario(self) -> str | None:
        """The scenario's name; None for a custom plan."""
        return None if self.choice.plan else self.choice.scenario

    @property
    def plan_phrase(self) -> str:
        """The plan inside a sentence, with the selected phase if there are several."""
        name = self.plan.name if self.scenario is None else scenario_phrase(self.scenario)
        if len(self.tables) == 1:
            return name
        return f"{name}, phase {self.choice.phase} of {len(self.tables)}"


def resolve_choice(lab: Lab) -> ResolvedChoice:
    """Read and resolve the choice. Call it at the top of a page, before any widget is drawn."""
    current_choice()
    dataset = _dataset(lab)
    checkpoint, model = _model(lab, dataset.tasks)
    plan, tables = _plan(model)
    _check_phase(tables)
    choice: Choice = st.session_state[Key.CHOICE]
    st.session_state[Key.LAST_CHECKPOINT] = choice.checkpoint
    return ResolvedChoice(choice, checkpoint, model, plan, tables, dataset.name)


def _dataset(lab: Lab) -> Dataset:
    """The selected data, or the sample if they cannot be read."""
    data = _stored_choice().data
    try:
        with spinner_unless(data in SHIPPED, "Reading the data …"):
            return lab.data.dataset(data)
    except DataError as problem:
        ignore(Key.DATA, str(problem), SAMPLE)
        return lab.data.dataset(SAMPLE)


def _model(lab: Lab, tasks: tuple[Task, ...]) -> tuple[Checkpoint, ModelDescription]:
    """The selected checkpoint and its description; if it fails, the last valid checkpoint."""
    reference = _stored_choice().checkpoint
    last = st.session_state.get(Key.LAST_CHECKPOINT, Choice().checkpoint)
    fallbacks = (each for each in (last, Choice().checkpoint) if each != reference)
    while True:
        try:
            checkpoint = resolve_checkpoint(reference, lab.access)
            with spinner_unless(checkpoint.entry is not None, "Reading the architecture …"):
                model = lab.model_description(reference, tasks, SentenceVector.FIRST_TOKEN)
            return checkpoint, model.reading(chosen_vector(checkpoint, model.backbone))
        except CheckpointError as problem:
            instead = next(fallbacks, None)
            if instead is None:
                raise
            ignore(Key.CHECKPOINT, str(problem), instead)
            reference = instead


def _plan(model: ModelDescription) -> tuple[Plan, tuple[ParameterTable, ...]]:
    """The plan with the selected learning rates, and its tables.

    Tries the custom plan first, then the scenario, then the default scenario.
    """
    while True:
        choice = _stored_choice()
        try:
            plan = (
                parse_plan(choice.plan, source="your plan")
                if choice.plan
                else scenario_plan(choice.scenario, model)
            ).with_rates(choice.learning_rate, choice.head_learning_rate)
            return plan, parameter_tables(plan, model)
        except PlanError as problem:
            if choice.plan:
                ignore_plan(f"{problem} Using the scenario instead.")
            elif choice.scenario != Choice().scenario:
                ignore(Key.SCENARIO, str(problem), Choice().scenario)
            else:
                raise


def _check_phase(tables: tuple[ParameterTable, ...]) -> None:
    """Replace a phase that the plan does not have by 1."""
    if _stored_choice().phase > len(tables):
        ignore(Key.PHASE, f"this plan has {counted(len(tables), 'phase')}", 1)


def _stored_choice() -> Choice:
    choice: Choice = st.session_state[Key.CHOICE]
    return choice
