"""What the next run will be, and the button that starts it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import streamlit as st

from mtl_core.analysis.words import learning_words
from mtl_core.charts.sketch import loss_sketch
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.lessons.data_words import full_data_name, within
from mtl_core.lessons.run_words import plan_words, rate_words
from mtl_core.lessons.titles import scenario_phrase, task_title
from mtl_core.models.checkpoint import download_command, has_weights
from mtl_core.store.model_folder import model_folder
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS, load_dataset
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.training.phases import phase_steps, steps_per_epoch, steps_that_learn
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import start_folder
from mtl_core.ui.choice import Choice
from mtl_core.ui.chosen import Chosen
from mtl_core.ui.keys import Key
from mtl_core.ui.page import current_palette, header, plain
from mtl_core.ui.run_chain import start_line
from mtl_core.ui.run_delete import deleted_header
from mtl_core.ui.run_settings import learns, more_settings, run_settings
from mtl_core.ui.run_start import start_once


def first_run(lab: Lab, chosen: Chosen) -> None:
    """The page of an empty store."""
    header(
        "No run yet",
        [
            "A run on the sample data takes about a minute on two cores. "
            "Its loss for each head will be drawn here as it learns."
        ],
    )
    _form(lab, chosen, _label(chosen))
    _sketches(chosen)


def next_run(lab: Lab, chosen: Chosen, records: Sequence[RunRecord]) -> None:
    """The page where there are runs and none is shown."""
    header(f"Next run: {_learners(chosen)}", [plain(fact) for fact in _facts(chosen)])
    _active(records)
    _form(lab, chosen, _label(chosen))


def no_such_run(lab: Lab, chosen: Chosen, asked: str) -> None:
    """The page of an address whose run is not in the store."""
    header(
        f"There is no run “{plain(asked[:40])}”",
        [
            "It may have been deleted, or its address cut short. "
            "The runs that exist are listed below."
        ],
    )
    _form(lab, chosen, _label(chosen))


def deleted_run(lab: Lab, chosen: Chosen, gone: RunRecord) -> None:
    """The page of an address whose run was deleted and can still be brought back."""
    deleted_header(lab, gone)
    _form(lab, chosen, _label(chosen))


def another_run(lab: Lab, chosen: Chosen, shown: RunRecord) -> None:
    """Below a run: the form, folded up."""
    waits = "" if shown.state.is_final else ": it waits its turn"
    with st.expander(f"Start another run{waits}"):
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
        return f"{len(chosen.tables)} phases, in the last {words} learn"
    verb = "learn" if " and " in words or words.startswith(("heads", "all")) else "learns"
    return f"{words} {verb}"


def _facts(chosen: Chosen) -> list[str]:
    choice = chosen.choice
    backbone, heads = chosen.plan.rates_in(chosen.plan.phases[-1])
    rates = [("heads", heads)] * learns(chosen, heads=True)
    rates += [("encoder", backbone)] * learns(chosen, heads=False)
    return [
        choice.checkpoint,
        _name(chosen),
        rate_words(rates),
        f"data: {full_data_name(choice.data, (task.name for task in chosen.model.tasks))}",
        f"seed {choice.seed}",
        *_unusual(choice),
    ]


def _unusual(choice: Choice) -> list[str]:
    """What few runs have, and a closed fold would hide."""
    facts = [f"goes on from {choice.starts_from}"] if choice.starts_from else []
    facts += ["random encoder"] if choice.random_backbone else []
    facts += [f"{share:.0%} wrong labels in {within(task)}" for task, share in choice.noise.items()]
    return facts + ([f"scored on {choice.also_evaluate} too"] if _scores_elsewhere(choice) else [])


def _name(chosen: Chosen) -> str:
    return scenario_phrase(chosen.scenario) if chosen.scenario else chosen.plan.name


def _label(chosen: Chosen) -> str:
    samples = {SAMPLE: "the sample", SAMPLE_POSTS: "the sample posts"}
    data = samples.get(chosen.choice.data, "your data")
    if is_upload(chosen.choice.data):
        data = full_data_name(chosen.choice.data, (task.name for task in chosen.model.tasks))
    return f"Train {_name(chosen)} on {data}"


def _form(lab: Lab, chosen: Chosen, label: str) -> None:
    """The plan in one line, the run's settings, what it comes to, and the button `start`."""
    _plan_line(chosen)
    start_line(chosen.choice)
    run_settings(lab.settings, chosen)
    more_settings(chosen)
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
        _obstacle(chosen, problem)
    if clicked and spec is not None:
        start_once(lab, spec)


def _obstacle(chosen: Chosen, problem: str) -> None:
    """Why the run cannot start; with the command that gets missing weights, to be copied."""
    st.warning(plain(problem), icon=":material/info:")
    own_weights = not (chosen.choice.starts_from or chosen.choice.random_backbone)
    missing = own_weights and not has_weights(chosen.checkpoint)
    if missing and (hub_id := chosen.checkpoint.hub_id) is not None:
        st.code(download_command(hub_id), language="bash")


def _plan_line(chosen: Chosen) -> None:
    totals = chosen.tables[-1].totals
    phases = f" in {len(chosen.tables)} phases" if len(chosen.tables) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = _name(chosen)
        st.markdown(
            f"**{plain(name[:1].upper() + name[1:])}**{phases} on "
            f"**{plain(chosen.checkpoint.name)}**: "
            f"{totals.trainable:,} of {totals.all:,} parameters learn"
            f"{' in the last' if phases else ''}",
            width="content",
        )
        st.page_link("pages/freeze.py", label="Edit on the Freeze page", icon=":material/edit:")


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
            label_noise=choice.noise,
            random_backbone=choice.random_backbone,
            also_evaluate=[choice.also_evaluate] if _scores_elsewhere(choice) else [],
            starts_from=choice.starts_from or None,
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


def _scores_elsewhere(choice: Choice) -> bool:
    """Whether other data are asked for, and the run learns from data with the same tasks."""
    return bool(choice.also_evaluate) and choice.data == SAMPLE


def _sentences(lab: Lab, data: str) -> int:
    """Sentences to train on; the sample, which never changes, is counted once."""
    return _sample_sentences() if data == SAMPLE else _count(data, lab.settings.uploads)


@cache
def _sample_sentences() -> int:
    return _count(SAMPLE)


def _count(data: str, uploads: Path | None = None) -> int:
    dataset = load_dataset(data, uploads=uploads)
    return sum(splits["train"] for splits in dataset.counts().values())


def _cost(chosen: Chosen, steps: int) -> str:
    choice = chosen.choice
    if not steps:
        return "Nothing learns: the model is only evaluated"
    return f"{steps:,} steps of {choice.batch_size} sentences, one run at a time"
