"""What the next run will be, and the button that starts it."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import streamlit as st

from mtl_core.analysis.words import learning_words
from mtl_core.charts.sketch import loss_sketch
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.freezing.writing import rate_text
from mtl_core.lessons.titles import scenario_phrase, task_title
from mtl_core.models.checkpoint import has_weights, require_weights
from mtl_core.models.description import Role
from mtl_core.settings import Settings
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.dataset import MANIFEST_NAME, SAMPLE, load_dataset
from mtl_core.training.phases import phase_steps, steps_per_epoch, steps_that_learn
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.choice import seed_widget
from mtl_core.ui.chosen import Chosen
from mtl_core.ui.keys import Key
from mtl_core.ui.page import current_palette, header, plain
from mtl_core.ui.run_words import plan_words

_DOUBLE_CLICK_SECONDS = 2.0


def first_run(lab: Lab, chosen: Chosen) -> None:
    """The page of an empty store."""
    header(
        "No run yet",
        ["One run is trained at a time, in its own process: the pages stay quick meanwhile"],
    )
    _form(lab, chosen, _label(chosen))
    _sketches(chosen)


def next_run(lab: Lab, chosen: Chosen, records: Sequence[RunRecord]) -> None:
    """The page where there are runs and none is shown."""
    header(f"Next run: {_learners(chosen)}", [plain(fact) for fact in _facts(chosen)])
    _active(records)
    _form(lab, chosen, _label(chosen))


def another_run(lab: Lab, chosen: Chosen, shown: RunRecord) -> None:
    """Below a run: the form, folded up."""
    waits = "" if shown.state.is_final else ": it waits its turn"
    with st.expander(f"Start another run{waits}", icon=":material/add:"):
        _form(lab, chosen, _label(chosen))


def _sketches(chosen: Chosen) -> None:
    """Where the losses will stand, in grey and without a number."""
    colors = current_palette()
    with st.grid(min(2, len(chosen.model.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(chosen.model.tasks):
            name = f"{colors.task(number).letter} · {task_title(task.name)}"
            st.plotly_chart(
                loss_sketch(f"{name}: its loss will be drawn here as it learns", colors),
                key=f"sketch_{task.name}",
                theme=None,
                config={"displayModeBar": False},
            )


def _active(records: Sequence[RunRecord]) -> None:
    """Lead to the run that is under way."""
    running = next((each for each in records if each.state is RunState.RUNNING), None)
    if running is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("● training now", color="orange")
        st.markdown(
            f"{plain(plan_words(running.spec))} on {plain(running.spec.checkpoint)}",
            width="content",
        )
        st.button(
            "Watch it",
            key=Key.WATCH,
            type="tertiary",
            icon=":material/visibility:",
            on_click=_show,
            args=(running.id,),
        )


def _show(run: str) -> None:
    st.query_params[Key.RUN] = run


def _learners(chosen: Chosen) -> str:
    words = learning_words(chosen.tables[-1])
    if len(chosen.tables) > 1:
        return f"{len(chosen.tables)} phases, at last {words}"
    verb = "learn" if " and " in words or words.startswith(("heads", "all")) else "learns"
    return f"{words} {verb}"


def _facts(chosen: Chosen) -> list[str]:
    choice = chosen.choice
    return [choice.checkpoint, _name(chosen), f"data: {choice.data}", f"seed {choice.seed}"]


def _name(chosen: Chosen) -> str:
    return scenario_phrase(chosen.scenario) if chosen.scenario else chosen.plan.name


def _label(chosen: Chosen) -> str:
    data = "the sample" if chosen.choice.data == SAMPLE else "your data"
    return f"Train {_name(chosen)} on {data}"


def _form(lab: Lab, chosen: Chosen, label: str) -> None:
    """The plan in one line, the run's settings, what it comes to, and the button `start`."""
    _plan_line(chosen)
    _settings(lab.settings, chosen)
    spec, steps, problem = _checked(lab, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            plain(label),
            key=Key.START,
            type="primary" if current_palette().name == "light" else "secondary",
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if steps is not None:
            st.caption(_cost(chosen, steps), width="content")
    if problem:
        st.warning(plain(problem), icon=":material/info:")
    if clicked and spec is not None:
        _start(lab, spec)


def _plan_line(chosen: Chosen) -> None:
    totals = chosen.tables[-1].totals
    phases = f" in {len(chosen.tables)} phases" if len(chosen.tables) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = _name(chosen)
        st.markdown(
            f"**{plain(name[:1].upper() + name[1:])}**{phases} on "
            f"**{plain(chosen.checkpoint.name)}**: "
            f"{totals.trainable:,} of {totals.all:,} parameters learn",
            width="content",
        )
        st.page_link("pages/freeze.py", label="Edit on the Freeze page", icon=":material/edit:")


def _settings(settings: Settings, chosen: Chosen) -> None:
    backbone, heads = chosen.plan.rates_in(chosen.plan.phases[-1])
    with st.grid(7, min_column_width=120, gap="small"):
        _data_picker(settings, chosen.choice.data)
        seed_widget(Key.EPOCHS)
        st.number_input("Epochs", min_value=0.1, step=1.0, format="%g", key=Key.EPOCHS)
        _number(Key.BATCH_SIZE, "Batch size", least=1)
        _number(Key.MAX_LENGTH, "Max length", 8, 8, "Sub-words a sentence keeps.")
        _number(Key.SEED, "Seed", least=0)
        _rate(Key.LEARNING_RATE, "Rate of the encoder", backbone, chosen)
        _rate(Key.HEAD_LEARNING_RATE, "Rate of the heads", heads, chosen)


def _data_picker(settings: Settings, current: str) -> None:
    found = [str(path) for root in settings.data_roots for path in _manifests(root)]
    options = list(dict.fromkeys([SAMPLE, *found, current]))
    seed_widget(Key.DATA)
    st.selectbox(
        "Data",
        options,
        key=Key.DATA,
        accept_new_options=bool(settings.data_roots),
        help="The sample, or a manifest below the folders that FREEZE_LAB_DATA lists.",
    )


def _manifests(root: Path) -> list[Path]:
    """Manifests in `root` and in the folders right below it."""
    return sorted([*root.glob(MANIFEST_NAME), *root.glob(f"*/{MANIFEST_NAME}")])


def _number(key: Key, label: str, least: int, step: int = 1, help: str | None = None) -> None:
    seed_widget(key)
    st.number_input(label, min_value=least, step=step, key=key, help=help)


def _rate(key: Key, label: str, default: float, chosen: Chosen) -> None:
    if getattr(chosen.choice, key) is not None or key in st.session_state:
        seed_widget(key)
    learns = _learns(chosen, heads=key is Key.HEAD_LEARNING_RATE)
    st.number_input(
        label,
        value=None,
        format="%g",
        key=key,
        placeholder=f"{rate_text(default)}, the plan's" if learns else "frozen",
    )


def _learns(chosen: Chosen, *, heads: bool) -> bool:
    return any(
        group.totals.trainable and (group.role is Role.HEAD) is heads
        for table in chosen.tables
        for group in table.groups
    )


def _checked(lab: Lab, chosen: Chosen) -> tuple[RunSpec | None, int | None, str | None]:
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
            epochs=choice.epochs,
            batch_size=choice.batch_size,
            max_length=choice.max_length,
            seed=choice.seed,
            threads=lab.settings.threads,
        )
        examples = sum(splits["train"] for splits in load_dataset(choice.data).counts().values())
        planned = phase_steps(spec, steps_per_epoch(examples, choice.batch_size))
        steps = sum(steps_that_learn(chosen.tables, planned))
        if not has_weights(chosen.checkpoint):
            require_weights(chosen.checkpoint)
    except BadInput as problem:
        return None, steps, str(problem)
    return spec, steps, None


def _cost(chosen: Chosen, steps: int) -> str:
    choice = chosen.choice
    if not steps:
        return "Nothing learns: the model is only evaluated"
    return f"{steps:,} steps of {choice.batch_size} sentences, one run at a time"


def _start(lab: Lab, spec: RunSpec) -> None:
    """Start the run once and show it; a second click of a double click only shows it."""
    last, when, run = st.session_state.get(Key.LAST_START, (None, 0.0, ""))
    if last != spec or monotonic() - when > _DOUBLE_CLICK_SECONDS:
        try:
            run = lab.start(spec).id
        except BadInput as problem:
            st.error(plain(str(problem)))
            return
        st.session_state[Key.LAST_START] = (spec, monotonic(), run)
    st.query_params[Key.RUN] = run
    st.rerun()
