"""The Train page without a run: the first run, the next run, and addresses of unknown runs."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.outlook import part_rates
from mtl_core.analysis.words import learning_words
from mtl_core.charts.loss import loss_sketch
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import within
from mtl_core.report.run_words import plan_words, rate_words, vector_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.data_name import full_data_name
from mtl_core.text import percent, shortened
from mtl_core.training.options import option_facts
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, header, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.train.run_actions import deleted_header
from mtl_core.ui.train.run_form import plan_name, run_form, scores_elsewhere


def first_run(lab: Lab, chosen: ResolvedChoice) -> None:
    """The page if there are no runs yet."""
    header(
        "No run yet",
        [
            "A run on the sample data takes about a minute on two cores. "
            "The loss of each head is drawn here during training."
        ],
    )
    run_form(lab, chosen)
    _sketches(chosen)


def next_run(lab: Lab, chosen: ResolvedChoice, records: Sequence[RunRecord]) -> None:
    """The page if there are runs and none is selected."""
    header(f"Next run: {_learners(chosen)}", [plain(fact) for fact in _facts(chosen)])
    _active(records)
    run_form(lab, chosen)


def no_such_run(lab: Lab, chosen: ResolvedChoice, requested: str) -> None:
    """The page if the run in the address does not exist."""
    header(
        f"There is no run “{plain(shortened(requested))}”",
        [
            "It may have been deleted, or the address is incomplete. "
            "All existing runs are listed below."
        ],
    )
    run_form(lab, chosen)


def deleted_run(lab: Lab, chosen: ResolvedChoice, deleted: RunRecord) -> None:
    """The page if the run in the address was deleted and can still be restored."""
    deleted_header(lab, deleted)
    run_form(lab, chosen)


def another_run(lab: Lab, chosen: ResolvedChoice, shown: RunRecord) -> None:
    """The form in a closed expander below a run."""
    waits = "" if shown.state.is_final else " (added to the queue)"
    with st.expander(f"Start another run{waits}"):
        run_form(lab, chosen)


def _sketches(chosen: ResolvedChoice) -> None:
    """Grey placeholders for the loss charts."""
    colors = current_palette()
    with st.grid(min(2, len(chosen.model.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(chosen.model.tasks):
            name = f"{colors.task(number).letter} · {task_title(task.name)}"
            title = f"{name}: the loss is drawn here during training"
            _sketch(f"sketch_{task.name}", title, colors.name, colors)


@st.cache_data(max_entries=32, show_spinner=False)  # every visitor sees the same ones
def _sketch(key: str, title: str, theme: str, _colors: Palette) -> None:
    del theme  # only part of the cache's key
    chart(loss_sketch(title, _colors), title, key)


def _active(records: Sequence[RunRecord]) -> None:
    """A link to the run that is training."""
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
            "Show this run",
            key=Key.WATCH,
            type="tertiary",
            icon=":material/visibility:",
            on_click=_show,
            args=(running.id,),
        )


def _show(run: str) -> None:
    st.query_params[Key.RUN] = run


def _learners(chosen: ResolvedChoice) -> str:
    words = learning_words(chosen.tables[-1])
    if len(chosen.tables) > 1:
        return f"{len(chosen.tables)} phases; in the last, {words} are trainable"
    verb = "are" if " and " in words or words.startswith(("heads", "all")) else "is"
    return f"{words} {verb} trainable"


def _facts(chosen: ResolvedChoice) -> list[str]:
    choice = chosen.choice
    rates = [rate for table in chosen.tables for rate in part_rates(table)]
    return [
        choice.checkpoint,
        plan_name(chosen),
        rate_words(rates),
        f"data: {_data_name(chosen)}",
        *vector_words(chosen.model.sentence_vector, chosen.model.tasks),
        f"seed {choice.seed}",
        *_unusual(choice),
    ]


def _data_name(chosen: ResolvedChoice) -> str:
    tasks = (task.name for task in chosen.model.tasks)
    return full_data_name(chosen.choice.data, tasks, chosen.data_name)


def _unusual(choice: Choice) -> list[str]:
    """Rare settings, which a closed expander would hide."""
    facts = [f"starts from {choice.starts_from}"] if choice.starts_from else []
    facts += option_facts(choice)
    facts += [
        f"{percent(share)} wrong labels in {within(task)}" for task, share in choice.noise.items()
    ]
    return facts + (
        [f"also evaluated on {choice.also_evaluate}"] if scores_elsewhere(choice) else []
    )
