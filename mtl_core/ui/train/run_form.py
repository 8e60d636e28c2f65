"""What the next run will be, and the button that starts it."""

from functools import cache
from typing import Any

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.checkpoint import download_command, has_weights
from mtl_core.report.data_words import full_data_name
from mtl_core.settings import FileAccess
from mtl_core.store.model_folder import model_folder
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS, load_dataset
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.training.phases import phase_steps, steps_per_epoch, steps_that_learn
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import start_folder
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.train.chain import start_line
from mtl_core.ui.train.run_settings import more_settings, run_settings
from mtl_core.ui.train.run_start import start_once


def run_form(lab: Lab, chosen: ResolvedChoice) -> None:
    """The plan in one line, the run's settings, what it comes to, and the button `start`."""
    _plan_line(chosen)
    start_line(chosen.choice)
    run_settings(lab.settings, chosen)
    more_settings(chosen)
    spec, steps, problem = _checked(lab, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            plain(_label(chosen)),
            key=Key.START,
            type="primary" if current_palette().name == "light" else "secondary",
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if steps is not None:
            st.caption(_cost(chosen, steps), width="content")
    if problem:
        _obstacle(chosen, problem)
    if clicked and spec is not None:
        start_once(lab, spec)


def plan_name(chosen: ResolvedChoice) -> str:
    """What the page calls the chosen plan."""
    return scenario_phrase(chosen.scenario) if chosen.scenario else chosen.plan.name


def _label(chosen: ResolvedChoice) -> str:
    samples = {SAMPLE: "the sample", SAMPLE_POSTS: "the sample posts"}
    data = samples.get(chosen.choice.data, "your data")
    if is_upload(chosen.choice.data):
        data = full_data_name(chosen.choice.data, (task.name for task in chosen.model.tasks))
    return f"Train {plan_name(chosen)} on {data}"


def _obstacle(chosen: ResolvedChoice, problem: str) -> None:
    """Why the run cannot start; with the command that gets missing weights, to be copied."""
    st.warning(plain(problem), icon=":material/info:")
    own_weights = not (chosen.choice.starts_from or chosen.choice.random_backbone)
    missing = own_weights and not has_weights(chosen.checkpoint)
    if missing and (hub_id := chosen.checkpoint.hub_id) is not None:
        st.code(download_command(hub_id), language="bash")


def _plan_line(chosen: ResolvedChoice) -> None:
    totals = chosen.tables[-1].totals
    phases = f" in {len(chosen.tables)} phases" if len(chosen.tables) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = plan_name(chosen)
        st.markdown(
            f"**{plain(name[:1].upper() + name[1:])}**{phases} on "
            f"**{plain(chosen.checkpoint.name)}**: "
            f"{totals.trainable:,} of {totals.all:,} parameters learn"
            f"{' in the last' if phases else ''}",
            width="content",
        )
        st.page_link("pages/freeze.py", label="Edit on the Freeze page", icon=":material/edit:")


def _checked(lab: Lab, chosen: ResolvedChoice) -> tuple[RunSpec | None, int | None, str | None]:
    """The spec, its steps, and what stands in the way: (None, …, why) if it cannot be run."""
    choice = chosen.choice
    steps = None
    try:
        spec = prepare_spec(
            chosen.model,
            chosen.plan,
            checkpoint=choice.checkpoint,
            scenario=chosen.scenario,
            data=choice.data,
            threads=lab.settings.threads,
            seed=choice.seed,
            **_options(choice),
        )
        planned = phase_steps(
            spec, steps_per_epoch(_sentences(lab, choice.data), choice.batch_size)
        )
        steps = sum(steps_that_learn(chosen.tables, planned))
        earlier = model_folder(lab.store, spec.starts_from) if spec.starts_from else None
        start_folder(spec, chosen.checkpoint, earlier)
    except BadInput as problem:
        return None, steps, str(problem)
    return spec, steps, None


def _options(choice: Choice) -> dict[str, Any]:
    options = choice.run_options()
    return options if scores_elsewhere(choice) else {**options, "also_evaluate": ()}


def scores_elsewhere(choice: Choice) -> bool:
    """Whether other data are asked for, and the run learns from data with the same tasks."""
    return bool(choice.also_evaluate) and choice.data == SAMPLE


def _sentences(lab: Lab, data: str) -> int:
    """Sentences to train on; the sample, which never changes, is counted once."""
    return _sample_sentences(lab.access) if data == SAMPLE else _count(data, lab.access)


@cache
def _sample_sentences(access: FileAccess) -> int:
    return _count(SAMPLE, access)


def _count(data: str, access: FileAccess) -> int:
    dataset = load_dataset(data, access)
    return sum(splits["train"] for splits in dataset.counts().values())


def _cost(chosen: ResolvedChoice, steps: int) -> str:
    choice = chosen.choice
    if not steps:
        return "Nothing learns: the model is only evaluated"
    return f"{steps:,} steps of {choice.batch_size} sentences, one run at a time"
