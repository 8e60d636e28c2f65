"""Which models a visitor asks: from the address, from the picker, or the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mtl_core.analysis.comparison import distinct_labels
from mtl_core.analysis.written import written_model
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.models.checkpoint import has_weights
from mtl_core.report.run_words import moment, plan_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.dataset import SAMPLE, SHIPPED
from mtl_core.training.predictions import AskedModel
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.run_cache import summary_of

BEFORE = "before-training"
"""Stands among the runs of an address for the first run's model before it learned."""
MOST_RUNS = 4
_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished run whose model is here, with the name it goes by on the page."""

    record: RunRecord
    label: str
    model: AskedModel


@dataclass(frozen=True, slots=True)
class Asked:
    """One of the models asked: its name, facts in one line, and the model."""

    label: str
    facts: str
    model: AskedModel


def candidates(lab: Lab) -> tuple[list[Candidate], list[str]]:
    """The newest finished runs with a model, newest first, and why others are not offered."""
    finished = [each for each in lab.store.runs() if each.state is RunState.FINISHED]
    found: list[tuple[RunRecord, AskedModel]] = []
    missing = _kept_none(sum(not each.keeps_model for each in finished))
    for record in [each for each in finished if each.keeps_model][:_OFFERED]:
        summary = summary_of(lab, record)
        folder = written_model(summary)
        if isinstance(folder, Path):
            found.append((record, AskedModel(spec=summary.spec, folder=folder)))
        else:
            missing.append(folder)
    records = [record for record, _ in found]
    names = [record.title or plan_words(record.spec) for record in records]
    labels = distinct_labels(names, [each.spec for each in records], [each.id for each in records])
    joined = zip(found, labels, strict=True)
    return [Candidate(record, label, model) for (record, model), label in joined], missing


def asked_models(known: Sequence[Candidate]) -> tuple[list[str], list[str]]:
    """The ids asked now, and notes on what was ignored; to be called before the controls.

    The address speaks where it names any on a page's first run, and on back and forward.
    """
    kept = st.session_state.get(Key.ASKED)
    address = _split(st.query_params.get(Key.RUNS, ""))
    arrived = st.session_state.get(Key.PAGE_IS_NEW) and address
    if kept is None or came_by_history() or arrived:
        asked = address or [BEFORE, *[each.record.id for each in known[:2]][::-1]]
    else:
        asked = list(st.session_state.get(Key.ASKED_MODELS, kept))
    ids = [each.record.id for each in known]
    notes = [_unknown(each) for each in asked if each not in ids and each != BEFORE]
    asked = [each for each in asked if each in ids or each == BEFORE]
    runs = [each for each in asked if each != BEFORE]
    if len(runs) > MOST_RUNS:
        notes.append(f"At most {MOST_RUNS} runs are asked: {', '.join(runs[MOST_RUNS:])} left out.")
        asked = [each for each in asked if each not in runs[MOST_RUNS:]]
    st.session_state[Key.ASKED] = asked
    return asked, notes


def resolved(asked: Sequence[str], known: Sequence[Candidate]) -> list[Asked]:
    """The models behind these ids. `before-training` is of the first run asked, or the newest."""
    by_id = {each.record.id: each for each in known}
    first = next((by_id[each] for each in asked if each != BEFORE), known[0])
    return [_before(first.model.spec) if each == BEFORE else _after(by_id[each]) for each in asked]


def untrained_model(chosen: ResolvedChoice) -> Asked | None:
    """The model that the visitor chose, before training; None where it cannot be run here."""
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


def data_of(asked: Sequence[Asked]) -> str:
    """The shipped data that the first model learned from, else the sample."""
    named = [each.model.spec.data for each in asked]
    return named[0] if named and named[0] in SHIPPED else SAMPLE


def models_picker(known: Sequence[Candidate], asked: Sequence[str]) -> None:
    """A popover with the models to choose from; to be called after `asked_models`."""
    labels = {BEFORE: "before training"} | {each.record.id: each.label for each in known}
    if st.session_state.get(Key.ASKED_MODELS) != list(asked):
        st.session_state[Key.ASKED_MODELS] = list(asked)
    with st.popover(f"Models to ask: {len(asked)}", icon=":material/checklist:", width="stretch"):
        st.pills(
            f"Finished runs, at most {MOST_RUNS}",
            list(labels),
            key=Key.ASKED_MODELS,
            format_func=lambda each: plain(labels.get(each) or str(each)),
            selection_mode="multi",
            wrap=True,
        )
        if len(known) == _OFFERED:
            st.caption(f"The newest {_OFFERED} finished runs.")


def _kept_none(runs: int) -> list[str]:
    """Why runs that were not to keep their models are not offered, in one sentence for all."""
    if not runs:
        return []
    count = "1 run of a comparison" if runs == 1 else f"{runs} runs of comparisons"
    return [
        f"{count} kept no model: a comparison keeps those of its first seed, a test of a claim "
        "those that other runs go on from."
    ]


def _before(spec: RunSpec) -> Asked:
    return Asked(
        "before training",
        f"{spec.checkpoint}, fresh heads of seed {spec.seed}",
        AskedModel(spec=spec),
    )


def _after(found: Candidate) -> Asked:
    spec = found.model.spec
    return Asked(
        found.label,
        f"{spec.checkpoint}, seed {spec.seed}, {moment(found.record.created_at)}",
        found.model,
    )


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _unknown(run: str) -> str:
    shown = run if len(run) <= 60 else f"{run[:60]}…"
    return f"{plain(shown)} was ignored: no finished run with its model here bears this id."
