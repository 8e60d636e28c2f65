"""The form that starts a comparison, with an estimate of its duration."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from time import monotonic

import streamlit as st
from cachetools import LRUCache

from mtl_core.analysis.durations import DurationEstimate, estimate_duration, with_sweep_runs
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.computed_duration import computed_seconds
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.catalogue import EMBEDDED, entry
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.report.run_words import about, rate_words
from mtl_core.store.record import TITLE_LENGTH, RunRecord, RunState
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.text import counted
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.training.spec import RunSpec
from mtl_core.ui.compare.arms import clear_arms
from mtl_core.ui.compare.fields import FIRST, rare_fields, requested_comparison
from mtl_core.ui.compare.selection import show_comparison
from mtl_core.ui.shared.arms import collected_arms, write_arms
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.command_view import compare_command_view
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.visitor import current_visitor

_WIDTH = 560
_EQUAL_SECONDS = (
    "The number of epochs follows from the measured duration of one epoch, so the durations of the "
    "runs are similar, not equal. The table shows them."
)
_DOUBLE_CLICK_SECONDS = 2.0


def new_comparison(choice: Choice) -> None:
    """Draws the form in a popover, as a fragment: filling it in does not rerun the page.

    If plans were collected, `collected_comparison` draws it on the page instead.
    """
    if collected_arms():
        return
    started = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))[2]
    with (
        st.popover("New comparison", icon=":material/add:", key=f"{Key.NEW_COMPARISON}_{started}"),
        st.container(width=_WIDTH),
    ):
        st.fragment(_form)(choice)


def collected_comparison(choice: Choice) -> None:
    """Draws the form on the page if plans were collected on other pages."""
    arms = collected_arms()
    if not arms:
        return
    with st.container(border=True, key=Key.NEW_COMPARISON):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(f"## New comparison with {counted(len(arms), 'collected plan')}")
            st.button(
                "Remove all",
                key=Key.CLEAR_ARMS,
                icon=":material/delete:",
                type="tertiary",
                on_click=clear_arms,
            )
        st.fragment(_form)(choice)


def first_comparison(lab: Lab, colors: Palette, label: str = "") -> None:
    """Draws a button that starts three plans on the sample and opens their comparison.

    `label` replaces the plans' names where there is little room.
    """
    spec = ComparisonSpec(
        checkpoint=EMBEDDED,
        arms=plain_arms(FIRST),
        seeds=(0, 1, 2),
        data=SAMPLE,
        sentence_vector=entry(EMBEDDED).sentence_vector,
    )
    estimate = None
    with suppress(BadInput):  # reported after a click
        estimate = _estimate(lab, spec)
    names = [scenario_phrase(name) for name in FIRST]
    plans = f"{', '.join(names[:-1])} and {names[-1]} on the sample"
    if st.button(
        f"{label or f'Compare {plans}'}: {duration_estimate_text(estimate)}",
        key=Key.FIRST_COMPARISON,
        icon=":material/play_arrow:",
        type="secondary" if label or colors is DARK else "primary",
        help=f"{plans[:1].upper()}{plans[1:]}, three seeds each, trained on this machine in the "
        "background.",
    ) and (known := _started(lab, spec)):
        show_comparison(known)
        st.switch_page("pages/compare.py", query_params={str(Key.COMPARISON): known})


def start_comparison(lab: Lab, spec: ComparisonSpec, name: str | None = None) -> None:
    """Starts a comparison and shows it; the second click of a double click only shows it.

    The collected plans are removed, since the comparison has them.
    """
    if known := _started(lab, spec, name):
        clear_arms()
        show_comparison(known)
        st.rerun(scope="app")


def _started(lab: Lab, spec: ComparisonSpec, name: str | None = None) -> str | None:
    """Returns the comparison's id, or None after showing why it cannot start."""
    last, when, known = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))
    if last == spec and monotonic() - when <= _DOUBLE_CLICK_SECONDS:
        return str(known)
    try:
        known = lab.start_comparison(spec, name, current_visitor()).id
    except FreezeLabError as problem:
        st.error(plain(str(problem)))
        return None
    st.session_state[Key.LAST_COMPARISON] = (spec, monotonic(), known)
    return str(known)


def duration_estimate_text(estimate: DurationEstimate | None) -> str:
    """Formats an estimate: `about 3 min`, or that there is none."""
    if estimate is None or estimate.seconds is None:
        return "duration unknown until a first run has finished"
    return about(estimate.seconds)


def _form(choice: Choice) -> None:
    lab = the_lab()
    try:
        dataset = lab.data.dataset(choice.data)
        model = lab.model_description(choice.checkpoint, dataset.tasks, SentenceVector.FIRST_TOKEN)
    except BadInput as missing:
        st.warning(plain(str(missing)), icon=":material/info:")
        return
    data = data_name(choice.data, (task.name for task in dataset.tasks), dataset.name)
    st.caption(
        f"On **{plain(choice.checkpoint)}** and data **{plain(data)}**, {_shared(choice)}, "
        "as selected on the Freeze and Train pages."
    )
    fields, row, obstacle, fold = (st.container() for _ in range(4))
    with fold, st.expander("More", key=Key.MORE_OF_COMPARISON):
        name = st.text_input(
            "Name",
            key=Key.COMPARISON_NAME,
            max_chars=TITLE_LENGTH,
            placeholder="optional",
            help="The name of the comparison on this page and in lists. It can be changed later.",
        )
        rare = rare_fields(lab, choice, model)
    with fields:
        spec, problem = requested_comparison(lab, choice, model, rare)
    estimate = None
    try:
        estimate = _estimate(lab, spec) if spec else None
    except BadInput as cannot_start:
        spec, problem = None, str(cannot_start)
    with row.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            "Start" if estimate is None else f"Start: {duration_estimate_text(estimate)}",
            key=Key.START_COMPARISON,
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if spec is not None:
            with st.popover("Command", icon=":material/terminal:", key=Key.FORM_COMMAND):
                compare_command_view(spec)
            st.caption(_origin(lab, spec, estimate), width="content")
    if spec is not None and spec.seconds is not None:
        row.caption(_EQUAL_SECONDS)
    if problem:
        obstacle.warning(plain(problem), icon=":material/info:")
    write_arms()
    if clicked and spec is not None:
        start_comparison(lab, spec, name)


def _shared(choice: Choice) -> str:
    """Describes the settings that all runs share and that the form does not contain."""
    rates = [("encoder", choice.learning_rate), ("heads", choice.head_learning_rate)]
    rates_text = rate_words([(part, rate) for part, rate in rates if rate is not None])
    run = plain(choice.starts_from)
    start = f", starting from **{run}**" if run else ""
    return (
        f"batches of {choice.batch_size}, at most {choice.max_length} sub-words, "
        f"{rates_text or 'each plan with its own learning rates'}{start}"
    )


def _origin(lab: Lab, spec: ComparisonSpec, estimate: DurationEstimate | None) -> str:
    sizes = max(1, len(spec.train_sizes))
    arms = len(spec.arms) * sizes
    runs = arms * len(spec.seeds)
    threads = lab.settings.threads_of_each(spec.run_count)
    at_once = min(runs, lab.runs_at_once(threads, spec.device))
    how = f"{at_once} at a time" if at_once > 1 else "one after another"
    count = "1 run" if runs == 1 else f"{runs} runs, {how}"
    if sizes > 1:
        factors = (
            counted(len(spec.arms), "plan"),
            f"{sizes} sizes",
            counted(len(spec.seeds), "seed"),
        )
        count = f"{' × '.join(factors)} = {count}"
    if len(spec.sweep) > 1:
        count += f", and {arms * (len(spec.sweep) - 1)} for the learning rate sweep"
    if estimate is None or estimate.seconds is None:
        return count
    return f"{count}; estimated from {estimate.source}"


def _estimate(lab: Lab, spec: ComparisonSpec) -> DurationEstimate:
    """Estimates the duration. Raises BadInput for arms that cannot be trained."""
    tasks = lab.data.dataset(spec.data).tasks
    threads = lab.settings.threads_of_each(spec.run_count)
    specs = prepare_comparison(
        spec, lambda ref, vector: lab.model_description(ref, tasks, vector), threads
    )
    at_once = lab.runs_at_once(specs[0].threads, spec.device)
    past = _finished_runs(lab)
    all_runs = with_sweep_runs(specs, spec.sweep)
    return estimate_duration(all_runs, past, spec.seconds, at_once, partial(_computed_seconds, lab))


def _computed_seconds(lab: Lab, spec: RunSpec) -> float | None:
    """The duration of a run, computed from its costs; None if they or the speed are unknown."""
    speed = lab.speed()
    if speed is None:
        return None
    return computed_seconds(spec, lab.settings, lab.access, lab.data.dataset, speed)


def _finished_runs(lab: Lab) -> Sequence[RunRecord]:
    """The newest finished runs, read again when there is another one."""
    states = (RunState.FINISHED,)
    newest = lab.store.runs(limit=1, shipped=None, states=states)
    key = (lab.settings.database, *(each.id for each in newest))
    with _past_lock:
        known = _past.get(key)
    if known is None:
        known = tuple(lab.store.runs(shipped=None, states=states))
        with _past_lock:
            _past[key] = known
    return known


_past: LRUCache[tuple[object, ...], tuple[RunRecord, ...]] = LRUCache(2)
_past_lock = Lock()
