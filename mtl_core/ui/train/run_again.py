"""An ended run once more: the same, or with its choices in the form to be changed."""

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.description import ModelDescription
from mtl_core.report.repeat import scenario_rates
from mtl_core.store.record import RunRecord
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS
from mtl_core.training.options import ScalarOptions
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.choice import Choice, choice_from, keep_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.noise_text import text_of
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import model_of


def again_buttons(lab: Lab, record: RunRecord) -> bool:
    """Draw both buttons; whether "Run again" was clicked.

    The spec keeps the digests of weights and data: a run on others is refused with that reason.
    """
    again = st.button(
        "Run again",
        key=Key.RUN_AGAIN,
        icon=":material/replay:",
        help="The same plan, data, settings and seed. It is refused if the data or the weights "
        "have changed since.",
    )
    st.button(
        "Change and run",
        key=Key.CHANGE_AND_RUN,
        icon=":material/tune:",
        on_click=_change,
        args=(lab, record),
        help="Put this run's choices into the form. Nothing starts yet.",
    )
    return again


def choice_of(spec: RunSpec, model: ModelDescription | None) -> tuple[Choice, list[str]]:
    """The form's choices that give `spec`, and notes on what the form cannot hold.

    A plan that no scenario and rates give is put in as a plan of one's own.
    """
    rates = scenario_rates(spec, model)
    plan = (
        {"plan": plan_to_yaml(spec.plan)}
        if rates is None
        else {
            "scenario": spec.scenario,
            "learning_rate": rates[0],
            "head_learning_rate": rates[1],
        }
    )
    settings = {"checkpoint", "data", "seed", "starts_from", *ScalarOptions.model_fields}
    others = {"label_noise": text_of(spec.label_noise), **_other_data(spec)}
    choice, notes = choice_from({**spec.model_dump(include=settings), **plan, **others})
    if spec.also_evaluate and not choice.also_evaluate:
        scored = ", ".join(spec.also_evaluate)
        notes.append(f"The run was scored on {scored} too, which is no setting here.")
    if spec.examples:
        limits = ", ".join(f"{task}={count}" for task, count in spec.examples.items())
        notes.append(f"The run's limit on sentences ({limits}) is no setting here: all will train.")
    return choice, notes


def _other_data(spec: RunSpec) -> dict[str, str]:
    """What the form can hold of `also_evaluate`: the sample posts beside the sample."""
    fits = (spec.data, spec.also_evaluate) == (SAMPLE, (SAMPLE_POSTS,))
    return {"also_evaluate": SAMPLE_POSTS if fits else ""}


def _change(lab: Lab, record: RunRecord) -> None:
    choice, notes = choice_of(record.spec, model_of(lab, record.spec))
    keep_choice(choice)
    st.query_params.pop(Key.RUN, None)
    for note in notes:
        st.toast(plain(note))
