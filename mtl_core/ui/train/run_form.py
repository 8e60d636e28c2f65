"""The form of the next run: its plan, its settings and the button that starts it."""

from time import monotonic
from typing import Any

import streamlit as st

from mtl_core.engine.capacity import computes_on_accelerator
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.freezing.table_text import rate_text
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.checkpoint import has_weights
from mtl_core.models.description import Role
from mtl_core.report.data_words import within
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.tasks.data_name import full_data_name
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS, SAMPLE_SMALL
from mtl_core.tasks.task import Task
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import start_folder
from mtl_core.ui.checkpoints.getting_weights import how_to_get_weights
from mtl_core.ui.shared.choice import (
    Choice,
    change_choice,
    choice_from,
    keep_choice,
    label_noise_text,
    seed_widget,
)
from mtl_core.ui.shared.command_view import train_command_view
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key, noise_key
from mtl_core.ui.shared.option_fields import option_fields
from mtl_core.ui.shared.page import current_palette, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.vector_field import vector_field
from mtl_core.ui.shared.visitor import current_visitor

_DOUBLE_CLICK_SECONDS = 2.0


def run_form(lab: Lab, chosen: ResolvedChoice) -> None:
    """Draw the form: plan, settings, number of steps, and the button that starts the run."""
    _plan_line(chosen)
    _start_line(chosen.choice)
    _settings(lab.settings, chosen)
    _more_settings(chosen)
    spec, steps, problem = _checked(lab, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            plain(_label(chosen)),
            key=Key.START,
            type="primary" if current_palette().name == "light" else "secondary",
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if spec is not None:
            with st.popover("Command", icon=":material/terminal:", key=Key.FORM_COMMAND):
                train_command_view(spec, chosen.model)
        if steps is not None:
            st.caption(_cost(lab, chosen, steps), width="content")
    if problem:
        _obstacle(lab, chosen, problem)
    if clicked and spec is not None:
        start_once(lab, spec)


def start_once(lab: Lab, spec: RunSpec) -> None:
    """Start the run and show it. The second click of a double click does not start another one."""
    last, when, run = st.session_state.get(Key.LAST_START, (None, 0.0, ""))
    if last != spec or monotonic() - when > _DOUBLE_CLICK_SECONDS:
        try:
            run = lab.start(spec, current_visitor()).id
        except FreezeLabError as problem:
            st.error(plain(str(problem)))
            return
        st.session_state[Key.LAST_START] = (spec, monotonic(), run)
    st.query_params[Key.RUN] = run
    st.rerun()


def plan_name(chosen: ResolvedChoice) -> str:
    """The displayed name of the chosen plan."""
    return scenario_phrase(chosen.scenario) if chosen.scenario else chosen.plan.name


def _label(chosen: ResolvedChoice) -> str:
    samples = {
        SAMPLE: "the sample data",
        SAMPLE_POSTS: "the sample posts",
        SAMPLE_SMALL: "the small sample",
    }
    data = samples.get(chosen.choice.data, chosen.data_name or "your data")
    if is_upload(chosen.choice.data) and chosen.data_name is None:
        data = full_data_name(chosen.choice.data, (task.name for task in chosen.model.tasks))
    return f"Train {plan_name(chosen)} on {data}"


def _obstacle(lab: Lab, chosen: ResolvedChoice, problem: str) -> None:
    """Why the run cannot start; if weights are missing, how to get them and what is there."""
    own_weights = not (chosen.choice.starts_from or chosen.choice.random_backbone)
    missing = own_weights and not has_weights(chosen.checkpoint)
    hub_id = chosen.checkpoint.hub_id if missing else None
    if hub_id is not None:  # the command is below
        problem = problem.partition(" Download them with: ")[0]
    st.warning(plain(problem), icon=":material/info:")
    if not missing:
        return
    if hub_id is not None:
        how_to_get_weights(hub_id, lab.settings.checkpoint_roots)
    st.button(
        f"Use {EMBEDDED} instead",
        key=Key.USE_EMBEDDED,
        icon=":material/swap_horiz:",
        on_click=change_choice,
        kwargs={"checkpoint": EMBEDDED, "phase": 1},
    )


def _plan_line(chosen: ResolvedChoice) -> None:
    totals = chosen.tables[-1].totals
    phases = f" in {len(chosen.tables)} phases" if len(chosen.tables) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = plan_name(chosen)
        st.markdown(
            f"**{plain(name[:1].upper() + name[1:])}**{phases} on "
            f"**{plain(chosen.checkpoint.name)}**: "
            f"{totals.trainable:,} of {totals.all:,} parameters are trained"
            f"{' in the last' if phases else ''}",
            width="content",
        )
        st.page_link("pages/freeze.py", label="Edit on the Freeze page", icon=":material/edit:")


def _start_line(choice: Choice) -> None:
    """The run that the next one starts from, with a button that removes it."""
    if not choice.starts_from:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            ":material/step_over: Starts from the encoder and heads of "
            f"**{plain(choice.starts_from)}**",
            width="content",
        )
        st.button(
            "Start from the checkpoint instead",
            key=Key.FROM_CHECKPOINT,
            type="tertiary",
            icon=":material/close:",
            on_click=_from_checkpoint,
        )


def _from_checkpoint() -> None:
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(starts_from=""))


def _settings(settings: Settings, chosen: ResolvedChoice) -> None:
    """The common settings. Empty learning rate fields show the rates of the scenario."""
    backbone, heads = chosen.plan.rates_in(chosen.plan.phases[-1])
    with st.grid(7, min_column_width=120, gap="small"):
        data_picker(settings, chosen.choice.data)
        seed_widget(Key.EPOCHS)
        st.number_input(
            "Epochs",
            value=chosen.choice.epochs,
            step=1.0,
            format="%g",
            key=Key.EPOCHS,
        )
        _number(chosen, Key.BATCH_SIZE, "Batch size")
        _number(
            chosen, Key.MAX_LENGTH, "Max length", 8, "Maximum number of sub-words per sentence."
        )
        _number(chosen, Key.SEED, "Seed")
        _rate(Key.LEARNING_RATE, "Encoder learning rate", backbone, chosen)
        _rate(Key.HEAD_LEARNING_RATE, "Head learning rate", heads, chosen)


def _more_settings(chosen: ResolvedChoice) -> None:
    """A closed expander with rarely used settings."""
    with (
        st.expander("More settings", key=Key.MORE_SETTINGS),
        st.container(horizontal=True, vertical_alignment="bottom", gap="medium"),
    ):
        for task in chosen.model.tasks:
            _noise(task, chosen.choice)
        if chosen.choice.data == SAMPLE:
            seed_widget(Key.ALSO_EVALUATE)
            st.selectbox(
                "Also evaluate on",
                ["", SAMPLE_POSTS],
                key=Key.ALSO_EVALUATE,
                format_func=lambda data: data or "no other data",
                width=180,
                help="Also evaluates every task on this data, before and after training.",
            )
        vector_field(chosen.model.backbone)
        option_fields(chosen.choice, key_of=str, before=seed_widget)


def _noise(task: Task, choice: Choice) -> None:
    """The share of wrong labels of one task. All shares are one field of the choice."""
    key, share = noise_key(task.name), choice.noise.get(task.name, 0.0)
    if st.session_state.get(key) != share:
        st.session_state[key] = share
    st.number_input(
        f"Wrong labels, {within(task.name)}",
        value=share,
        step=0.1,
        format="%g",
        key=key,
        width=160,
        on_change=_keep_noise,
        args=(task.name,),
        help="The share of training sentences whose label is replaced by a wrong one. The seed "
        "selects them.",
    )


def _keep_noise(task: str) -> None:
    choice: Choice = st.session_state[Key.CHOICE]
    shares = {**choice.noise, task: st.session_state[noise_key(task)] or 0.0}
    changed, notes = choice_from({Key.LABEL_NOISE: label_noise_text(shares)}, base=choice)
    keep_choice(changed)
    for note in notes:
        st.toast(plain(note))


def _number(
    chosen: ResolvedChoice, key: Key, label: str, step: int = 1, help: str | None = None
) -> None:
    """An integer field without limits: a value that is not possible gets a message.

    A field with limits turns red in the browser and sends nothing, so the run would have its
    earlier value. The default value is set too, because the browser forgets the value when the form
    moves to another place of the page, such as out of an expander.
    """
    seed_widget(key)
    value: int = getattr(chosen.choice, key)
    st.number_input(label, value=value, step=step, key=key, help=help)


def _rate(key: Key, label: str, default: float, chosen: ResolvedChoice) -> None:
    if getattr(chosen.choice, key) is not None or key in st.session_state:
        seed_widget(key)
    learning = learns(chosen, heads=key is Key.HEAD_LEARNING_RATE)
    st.number_input(
        label,
        value=getattr(chosen.choice, key),
        format="%g",
        key=key,
        placeholder=rate_text(default) if learning else "frozen",
        help="Empty: the rate of the plan." if learning else None,
    )


def learns(chosen: ResolvedChoice, *, heads: bool) -> bool:
    """Whether any head, or any other parameter, is trainable in some phase."""
    return any(
        group.totals.trainable and (group.role is Role.HEAD) is heads
        for table in chosen.tables
        for group in table.groups
    )


def _checked(lab: Lab, chosen: ResolvedChoice) -> tuple[RunSpec | None, int | None, str | None]:
    """The spec, its number of steps and None; or None, the steps if known, and the problem."""
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
        steps = sum(learning_steps(chosen.tables, planned))
        start = model_folder(lab.store, spec.starts_from) if spec.starts_from else None
        start_folder(spec, chosen.checkpoint, start)
    except BadInput as problem:
        return None, steps, str(problem)
    return spec, steps, None


def _options(choice: Choice) -> dict[str, Any]:
    options = choice.run_options()
    return options if scores_elsewhere(choice) else {**options, "also_evaluate": ()}


def scores_elsewhere(choice: Choice) -> bool:
    """Whether the run is also evaluated on other data; only the sample has such data."""
    return bool(choice.also_evaluate) and choice.data == SAMPLE


def _sentences(lab: Lab, data: str) -> int:
    """The number of training sentences of all tasks."""
    return sum(splits["train"] for splits in lab.data.dataset(data).counts().values())


def at_once_words(lab: Lab, device: str = "cpu") -> str:
    """Describes how many single runs on a device are trained at once."""
    at_once = lab.runs_at_once(lab.settings.threads, device)
    where = " on a GPU" if computes_on_accelerator(device) else ""
    return f"Single runs{where} are trained {'one' if at_once == 1 else at_once} at a time."


def _cost(lab: Lab, chosen: ResolvedChoice, steps: int) -> str:
    choice = chosen.choice
    if not steps:
        return "Nothing is trained: the model is only evaluated."
    return f"{steps:,} steps of {choice.batch_size} sentences. {at_once_words(lab, choice.device)}"
