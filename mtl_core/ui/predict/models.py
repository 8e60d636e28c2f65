"""The selection of models on the Predict page: from the address, the picker, or the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mtl_core.analysis.plans import distinct_labels
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.models.checkpoint import has_weights
from mtl_core.report.run_words import moment, plan_words
from mtl_core.store.model_folder import saved_model
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.dataset import SAMPLE, SHIPPED
from mtl_core.text import shortened
from mtl_core.training.predictions import ModelSource
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.run_cache import summary_of

BEFORE = "before-training"
"""The id, in the address, of the first run's model before training."""
MAX_RUNS = 4
_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished run with a saved model, and its displayed name."""

    record: RunRecord
    label: str
    model: ModelSource


@dataclass(frozen=True, slots=True)
class SelectedModel:
    """A selected model: its displayed name, its facts in one line, and the model."""

    label: str
    facts: str
    model: ModelSource


def candidates(lab: Lab) -> tuple[list[Candidate], list[str]]:
    """The newest finished runs with a saved model, newest first, and why others are unavailable."""
    finished = lab.store.runs(states=(RunState.FINISHED,))
    found: list[tuple[RunRecord, ModelSource]] = []
    missing = _without_model(sum(not each.keeps_model for each in finished))
    for record in [each for each in finished if each.keeps_model][:_OFFERED]:
        summary = summary_of(lab, record)
        folder = saved_model(summary.run, summary.spec, summary.finished)
        if isinstance(folder, Path):
            found.append((record, ModelSource(spec=summary.spec, folder=folder)))
        else:
            missing.append(folder)
    records = [record for record, _ in found]
    names = [record.title or plan_words(record.spec) for record in records]
    labels = distinct_labels(names, [each.spec for each in records], [each.id for each in records])
    joined = zip(found, labels, strict=True)
    return [Candidate(record, label, model) for (record, model), label in joined], missing


def selected_ids(known: Sequence[Candidate]) -> tuple[list[str], list[str]]:
    """The ids of the selected models, and notes on ignored ones. Call it before the controls.

    The address has precedence on the first run of a page and on browser navigation.
    """
    stored = st.session_state.get(Key.LAST_MODELS)
    address = _split(st.query_params.get(Key.RUNS, ""))
    arrived = st.session_state.get(Key.PAGE_IS_NEW) and address
    if stored is None or came_by_history() or arrived:
        selected = address or [BEFORE, *[each.record.id for each in known[:2]][::-1]]
    else:
        selected = list(st.session_state.get(Key.SELECTED_MODELS, stored))
    ids = [each.record.id for each in known]
    notes = [_unknown(each) for each in selected if each not in ids and each != BEFORE]
    selected = [each for each in selected if each in ids or each == BEFORE]
    runs = [each for each in selected if each != BEFORE]
    if len(runs) > MAX_RUNS:
        notes.append(
            f"At most {MAX_RUNS} runs can be compared: {', '.join(runs[MAX_RUNS:])} left out."
        )
        selected = [each for each in selected if each not in runs[MAX_RUNS:]]
    st.session_state[Key.LAST_MODELS] = selected
    return selected, notes


def selected_models(selected: Sequence[str], known: Sequence[Candidate]) -> list[SelectedModel]:
    """The models with these ids. `before-training` refers to the first selected or newest run."""
    by_id = {each.record.id: each for each in known}
    first = next((by_id[each] for each in selected if each != BEFORE), known[0])
    return [
        _before(first.model.spec) if each == BEFORE else _after(by_id[each]) for each in selected
    ]


def untrained_model(chosen: ResolvedChoice) -> SelectedModel | None:
    """The chosen model before training; None if it cannot be loaded."""
    choice = chosen.choice
    if not has_weights(chosen.checkpoint):
        return None
    try:
        spec = prepare_spec(
            chosen.model,
            chosen.plan,
            checkpoint=choice.checkpoint,
            scenario=chosen.scenario,
            data=choice.data,
            max_length=choice.max_length,
            seed=choice.seed,
        )
    except BadInput:
        return None
    return _before(spec)


def data_of(selected: Sequence[SelectedModel]) -> str:
    """The shipped training data of the first model; the sample for other data."""
    data = [each.model.spec.data for each in selected]
    return data[0] if data and data[0] in SHIPPED else SAMPLE


def models_picker(known: Sequence[Candidate], selected: Sequence[str]) -> None:
    """A popover for selecting models. Call it after `selected_ids`."""
    labels = {BEFORE: "before training"} | {each.record.id: each.label for each in known}
    if st.session_state.get(Key.SELECTED_MODELS) != list(selected):
        st.session_state[Key.SELECTED_MODELS] = list(selected)
    with st.popover(f"Models: {len(selected)}", icon=":material/checklist:", width="stretch"):
        st.pills(
            f"Finished runs, at most {MAX_RUNS}",
            list(labels),
            default=list(selected),  # what the popover shows when it is opened later
            key=Key.SELECTED_MODELS,
            format_func=lambda each: plain(labels.get(each) or str(each)),
            selection_mode="multi",
            wrap=True,
        )
        if len(known) == _OFFERED:
            st.caption(f"Lists the newest {_OFFERED} finished runs.")


def _without_model(runs: int) -> list[str]:
    """One sentence on the runs whose models were not saved on purpose."""
    if not runs:
        return []
    count = "1 run of a comparison" if runs == 1 else f"{runs} runs of comparisons"
    return [
        f"{count} {'has' if runs == 1 else 'have'} no saved model. A comparison saves the models "
        "of its first seed; a test of a claim saves those that other runs start from."
    ]


def _before(spec: RunSpec) -> SelectedModel:
    return SelectedModel(
        "before training",
        f"{spec.checkpoint}, untrained heads, seed {spec.seed}",
        ModelSource(spec=spec),
    )


def _after(found: Candidate) -> SelectedModel:
    spec = found.model.spec
    return SelectedModel(
        found.label,
        f"{spec.checkpoint}, seed {spec.seed}, {moment(found.record.created_at)}",
        found.model,
    )


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _unknown(run: str) -> str:
    return f"{plain(shortened(run))} was ignored: no finished run with a saved model has this id."
