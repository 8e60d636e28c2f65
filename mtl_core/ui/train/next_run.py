"""The Train page before a run: the first one, the next one, and one whose address leads nowhere."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.words import in_percent, learning_words
from mtl_core.charts.loss import loss_sketch
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import full_data_name, within
from mtl_core.report.run_words import plan_words, rate_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.options import option_facts
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, header, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.train.delete import deleted_header
from mtl_core.ui.train.run_form import plan_name, run_form, scores_elsewhere
from mtl_core.ui.train.run_settings import learns


def first_run(lab: Lab, chosen: ResolvedChoice) -> None:
    """The page of an empty store."""
    header(
        "No run yet",
        [
            "A run on the sample data takes about a minute on two cores. "
            "Its loss for each head will be drawn here as it learns."
        ],
    )
    run_form(lab, chosen)
    _sketches(chosen)


def next_run(lab: Lab, chosen: ResolvedChoice, records: Sequence[RunRecord]) -> None:
    """The page where there are runs and none is shown."""
    header(f"Next run: {_learners(chosen)}", [plain(fact) for fact in _facts(chosen)])
    _active(records)
    run_form(lab, chosen)


def no_such_run(lab: Lab, chosen: ResolvedChoice, asked: str) -> None:
    """The page of an address whose run is not in the store."""
    header(
        f"There is no run “{plain(asked[:40])}”",
        [
            "It may have been deleted, or its address cut short. "
            "The runs that exist are listed below."
        ],
    )
    run_form(lab, chosen)


def deleted_run(lab: Lab, chosen: ResolvedChoice, gone: RunRecord) -> None:
    """The page of an address whose run was deleted and can still be brought back."""
    deleted_header(lab, gone)
    run_form(lab, chosen)


def another_run(lab: Lab, chosen: ResolvedChoice, shown: RunRecord) -> None:
    """Below a run: the form, folded up."""
    waits = "" if shown.state.is_final else ": it waits its turn"
    with st.expander(f"Start another run{waits}"):
        run_form(lab, chosen)


def _sketches(chosen: ResolvedChoice) -> None:
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


def _learners(chosen: ResolvedChoice) -> str:
    words = learning_words(chosen.tables[-1])
    if len(chosen.tables) > 1:
        return f"{len(chosen.tables)} phases, in the last {words} learn"
    verb = "learn" if " and " in words or words.startswith(("heads", "all")) else "learns"
    return f"{words} {verb}"


def _facts(chosen: ResolvedChoice) -> list[str]:
    choice = chosen.choice
    backbone, heads = chosen.plan.rates_in(chosen.plan.phases[-1])
    rates = [("heads", heads)] * learns(chosen, heads=True)
    rates += [("encoder", backbone)] * learns(chosen, heads=False)
    return [
        choice.checkpoint,
        plan_name(chosen),
        rate_words(rates),
        f"data: {full_data_name(choice.data, (task.name for task in chosen.model.tasks))}",
        f"seed {choice.seed}",
        *_unusual(choice),
    ]


def _unusual(choice: Choice) -> list[str]:
    """What few runs have, and a closed fold would hide."""
    facts = [f"goes on from {choice.starts_from}"] if choice.starts_from else []
    facts += option_facts(choice)
    facts += [
        f"{in_percent(share)} wrong labels in {within(task)}"
        for task, share in choice.noise.items()
    ]
    return facts + ([f"scored on {choice.also_evaluate} too"] if scores_elsewhere(choice) else [])
