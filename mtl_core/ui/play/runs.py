"""The two runs of Play: heads only and the top two layers, on the small sample."""

import streamlit as st

from mtl_core.engine.actor import Actor
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.catalogue import EMBEDDED, entry
from mtl_core.store.record import RunRecord
from mtl_core.tasks.dataset import SAMPLE_SMALL
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.keys import Key

SCENARIOS = ("heads-only", "top-2")
EPOCHS = 2.0


def play_specs(lab: Lab) -> tuple[RunSpec, ...]:
    """The specs of both runs. They are short enough to be watched to their end."""
    tasks = lab.data.dataset(SAMPLE_SMALL).tasks
    model = lab.model_description(EMBEDDED, tasks, entry(EMBEDDED).sentence_vector)
    return tuple(
        prepare_spec(
            model,
            scenario_plan(scenario, model),
            checkpoint=EMBEDDED,
            scenario=scenario,
            data=SAMPLE_SMALL,
            threads=lab.settings.threads,
            epochs=EPOCHS,
            measure=False,
        )
        for scenario in SCENARIOS
    )


def start_play(lab: Lab, actor: Actor) -> tuple[str, ...]:
    """Start both runs; return their ids.

    If the same run waits or trains already, for another visitor, its id is returned instead: a
    whole class may press Play at once. Raises FreezeLabError as `Lab.start`.
    """
    active = lab.store.active()
    same = ((spec, [run.id for run in active if run.spec == spec]) for spec in play_specs(lab))
    return tuple(known[0] if known else lab.start(spec, actor).id for spec, known in same)


def played_runs(lab: Lab) -> tuple[RunRecord, ...]:
    """The runs of Play in the address; empty if it has none, another run, or a deleted one."""
    named = st.query_params.get(Key.PLAY, "").split(",")[: len(SCENARIOS)]
    try:
        runs = tuple(lab.store.run(run) for run in named if run)
    except UnknownRun:
        return ()
    of_play = all(run.spec.data == SAMPLE_SMALL and run.spec.scenario in SCENARIOS for run in runs)
    return runs if of_play else ()
