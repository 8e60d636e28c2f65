"""Starting a comparison: its form, its price, its name, and one button."""

from functools import cache
from time import monotonic

import streamlit as st

from mtl_core.analysis.price import Price, price_of, with_trials
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import BadInput
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.description import ModelDescription
from mtl_core.report.run_words import about, rate_words
from mtl_core.settings import FileAccess
from mtl_core.store.record import TITLE_LENGTH
from mtl_core.tasks.dataset import SAMPLE, load_tasks
from mtl_core.tasks.task import Task
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.ui.compare.fields import FIRST, asked_comparison, rare_fields
from mtl_core.ui.compare.selection import show_comparison
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

_WIDTH = 560
_EQUAL_SECONDS = (
    "How many epochs a plan gets follows from what one epoch of it took before: seconds come out "
    "near each other, not equal. The table tells what each run took."
)
_DOUBLE_CLICK_SECONDS = 2.0


def new_comparison(choice: Choice) -> None:
    """A popover with the form; only the form runs again while it is filled in."""
    started = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))[2]
    with (
        st.popover("New comparison", icon=":material/add:", key=f"{Key.NEW_COMPARISON}_{started}"),
        st.container(width=_WIDTH),
    ):
        st.fragment(_form)(choice)


def first_comparison(lab: Lab, colors: Palette, label: str = "") -> None:
    """A button that starts three plans on the sample and leads to them, with its price.

    `label` stands in place of the plans' names where there is little room.
    """
    spec = ComparisonSpec(checkpoint="minilm-l6", scenarios=FIRST, seeds=(0, 1, 2), data=SAMPLE)
    names = [scenario_phrase(name) for name in FIRST]
    plans = f"{', '.join(names[:-1])} and {names[-1]} on the sample"
    if st.button(
        f"{label or f'Compare {plans}'}: {price_words(_price(lab, spec))}",
        key=Key.FIRST_COMPARISON,
        icon=":material/play_arrow:",
        type="secondary" if label or colors is DARK else "primary",
        help=f"{plans[:1].upper()}{plans[1:]}, three seeds each, trained on this machine in the "
        "background.",
    ) and (known := _started(lab, spec)):
        show_comparison(known)
        st.switch_page("pages/compare.py", query_params={str(Key.COMPARISON): known})


def start_comparison(lab: Lab, spec: ComparisonSpec, name: str | None = None) -> None:
    """Start it once and show it; a second click of a double click only shows it."""
    if known := _started(lab, spec, name):
        show_comparison(known)
        st.rerun(scope="app")


def _started(lab: Lab, spec: ComparisonSpec, name: str | None = None) -> str | None:
    """The comparison's id; None, and the reason is on the page, where it cannot be run."""
    last, when, known = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))
    if last == spec and monotonic() - when <= _DOUBLE_CLICK_SECONDS:
        return str(known)
    try:
        known = lab.start_comparison(spec, name).id
    except BadInput as problem:
        st.error(plain(str(problem)))
        return None
    st.session_state[Key.LAST_COMPARISON] = (spec, monotonic(), known)
    return str(known)


def price_words(price: Price | None) -> str:
    """`about 3 min`, or that it is not known."""
    if price is None or price.seconds is None:
        return "time not known before a first run"
    return about(price.seconds)


def _form(choice: Choice) -> None:
    lab = the_lab()
    try:
        tasks = _tasks(lab, choice.data)
        model = lab.model_description(choice.checkpoint, tasks)
    except BadInput as missing:
        st.warning(plain(str(missing)), icon=":material/info:")
        return
    st.caption(
        f"On **{plain(choice.checkpoint)}** and data **{plain(choice.data)}**, {_shared(choice)}, "
        "as chosen on the Freeze and Train pages."
    )
    fields, row, obstacle, fold = (st.container() for _ in range(4))
    with fold, st.expander("More", key=Key.MORE_OF_COMPARISON):
        name = st.text_input(
            "Name",
            key=Key.COMPARISON_NAME,
            max_chars=TITLE_LENGTH,
            placeholder="its plans, where it is left empty",
            help="What to call it, here and in the list of comparisons; it can be changed later.",
        )
        rare = rare_fields(lab, choice, model.tasks)
    with fields:
        spec, problem = asked_comparison(lab, choice, model, rare)
    price = _price(lab, spec, model) if spec else None
    with row.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            "Start" if price is None else f"Start: {price_words(price)}",
            key=Key.START_COMPARISON,
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if spec is not None:
            st.caption(_origin(spec, price), width="content")
    if spec is not None and spec.seconds is not None:
        row.caption(_EQUAL_SECONDS)
    if problem:
        obstacle.warning(plain(problem), icon=":material/info:")
    if clicked and spec is not None:
        start_comparison(lab, spec, name)


def _shared(choice: Choice) -> str:
    """What all runs share and the form does not ask for."""
    rates = [("encoder", choice.learning_rate), ("heads", choice.head_learning_rate)]
    told = rate_words([(part, rate) for part, rate in rates if rate is not None])
    run = plain(choice.starts_from)
    start = f", every run going on from **{run}**" if run else ""
    return (
        f"batches of {choice.batch_size}, at most {choice.max_length} sub-words, "
        f"{told or 'each plan at its own rates'}{start}"
    )


def _origin(spec: ComparisonSpec, price: Price | None) -> str:
    arms = len(spec.scenarios) * max(1, len(spec.train_sizes))
    runs = arms * len(spec.seeds)
    count = "1 run" if runs == 1 else f"{runs} runs, one after another"
    if len(spec.sweep) > 1:
        count += f", and {arms * (len(spec.sweep) - 1)} that try rates"
    if price is None or price.seconds is None:
        return count
    return f"{count}; time {'measured here' if price.measured_here else 'of two cores'}"


def _price(lab: Lab, spec: ComparisonSpec, model: ModelDescription | None = None) -> Price | None:
    try:
        if model is None:
            model = lab.model_description(spec.checkpoint, _tasks(lab, spec.data))
        specs = prepare_comparison(spec, model, lab.settings.threads)
    except BadInput:
        return None
    return price_of(with_trials(specs, spec.sweep), lab.store.runs(shipped=None), spec.seconds)


def _tasks(lab: Lab, data: str) -> tuple[Task, ...]:
    return _sample_tasks(lab.access) if data == SAMPLE else load_tasks(data, lab.access)


@cache
def _sample_tasks(access: FileAccess) -> tuple[Task, ...]:
    return load_tasks(SAMPLE, access)
