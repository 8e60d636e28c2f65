"""Starting a comparison: plans, seeds, sentences and length, its price, and one button."""

from collections.abc import Sequence
from functools import cache
from time import monotonic

import streamlit as st
from pydantic import ValidationError

from mtl_core.analysis.price import Price, price_of
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import BadInput
from mtl_core.freezing.recipes import scenario_kind
from mtl_core.freezing.scenarios import scenarios
from mtl_core.lessons.run_words import about
from mtl_core.lessons.titles import scenario_phrase, task_title
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.dataset import SAMPLE, load_tasks
from mtl_core.tasks.task import Task
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.ui.choice import Choice
from mtl_core.ui.keys import Key
from mtl_core.ui.page import plain

FIRST = ("heads-only", "top-1", "full")
"""What a visitor who chooses nothing compares: little, some, all."""

_WIDTH = 560
_SEEDS = (1, 2, 3, 4, 5)
_EVERY = 0
_EXAMPLES = (_EVERY, 50, 100, 200)
_NOISE = (0.0, 0.1, 0.2, 0.4)
_COUNTED = {"top": 3, "bottom": 1}
_EPOCHS, _SECONDS = "epochs", "seconds"
_DOUBLE_CLICK_SECONDS = 2.0


def new_comparison(choice: Choice) -> None:
    """A popover with the form; only the form runs again while it is filled in."""
    started = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))[2]
    with (
        st.popover("New comparison", icon=":material/add:", key=f"{Key.NEW_COMPARISON}_{started}"),
        st.container(width=_WIDTH),
    ):
        st.fragment(_form)(choice)


def first_comparison(lab: Lab, colors: Palette) -> None:
    """The button of an empty page: three plans on the sample, with its price."""
    spec = ComparisonSpec(checkpoint="minilm-l6", scenarios=FIRST, seeds=(0, 1, 2), data=SAMPLE)
    price = _price(lab, spec)
    names = [scenario_phrase(name) for name in FIRST]
    if st.button(
        f"Compare {', '.join(names[:-1])} and {names[-1]} on the sample: {price_words(price)}",
        key=Key.FIRST_COMPARISON,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        start_comparison(lab, spec)


def start_comparison(lab: Lab, spec: ComparisonSpec) -> None:
    """Start it once and show it; a second click of a double click only shows it."""
    last, when, known = st.session_state.get(Key.LAST_COMPARISON, (None, 0.0, ""))
    if last != spec or monotonic() - when > _DOUBLE_CLICK_SECONDS:
        try:
            known = lab.start_comparison(spec).id
        except BadInput as problem:
            st.error(plain(str(problem)))
            return
        st.session_state[Key.LAST_COMPARISON] = (spec, monotonic(), known)
    show_comparison(known)
    st.rerun(scope="app")


def show_comparison(comparison: str) -> None:
    """Make the page show a comparison from its next run on."""
    st.session_state[Key.COMPARISON_SHOWN] = comparison
    st.session_state.pop(Key.COMPARISON, None)


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
    except BadInput as obstacle:
        st.warning(plain(str(obstacle)), icon=":material/info:")
        return
    st.caption(
        f"On **{plain(choice.checkpoint)}** and data **{plain(choice.data)}**, as chosen on the "
        "Freeze and Train pages."
    )
    spec, problem = _asked(choice, model)
    price = _price(lab, spec, model) if spec else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        clicked = st.button(
            "Start" if price is None else f"Start: {price_words(price)}",
            key=Key.START_COMPARISON,
            icon=":material/play_arrow:",
            disabled=spec is None,
        )
        if spec is not None:
            runs = len(spec.scenarios) * len(spec.seeds)
            st.caption(_origin(runs, price), width="content")
    if problem:
        st.warning(plain(problem), icon=":material/info:")
    if clicked and spec is not None:
        start_comparison(lab, spec)


def _origin(runs: int, price: Price | None) -> str:
    count = "1 run" if runs == 1 else f"{runs} runs, one after another"
    if price is None or price.seconds is None:
        return count
    return f"{count}; time {'measured here' if price.measured_here else 'of two cores'}"


def _asked(choice: Choice, model: ModelDescription) -> tuple[ComparisonSpec | None, str | None]:
    """The form's fields, and what they ask for; or None and what is missing."""
    names = _plans(model)
    with st.container(horizontal=True, gap="medium"):
        seeds = st.segmented_control(
            "Seeds",
            _SEEDS,
            key=Key.SEEDS,
            default=3,
            required=True,
            help="One seed separates nothing but what the sentences tell; three tell a difference "
            "from luck.",
        )
        budget = st.segmented_control(
            "Each run trains for",
            [_EPOCHS, _SECONDS],
            key=Key.BUDGET,
            default=_EPOCHS,
            required=True,
        )
        length = st.number_input(
            str(budget).capitalize(),
            min_value=0.1,
            max_value=1000.0,
            value=3.0 if budget == _EPOCHS else 20.0,
            key=f"{Key.LENGTH}_{budget}",
            width=110,
        )
    examples = st.segmented_control(
        "Training sentences of each task",
        _EXAMPLES,
        key=Key.EXAMPLES,
        default=_EVERY,
        format_func=lambda count: "all" if count == _EVERY else str(count),
        required=True,
    )
    noise = _noise(model.tasks)
    if not names:
        return None, "Choose a plan, better two or more."
    return _spec(choice, model.tasks, names, (seeds, budget, length, examples), noise)


def _plans(model: ModelDescription) -> Sequence[str]:
    listed = [each.name for each in scenarios(model) if _is_offered(each.name)]
    default = [name for name in FIRST if name in listed]
    return st.pills(
        "Plans",
        listed,
        key=Key.SCENARIOS,
        default=default,
        format_func=scenario_phrase,
        selection_mode="multi",
        wrap=True,
    )


def _is_offered(scenario: str) -> bool:
    """Whether a scenario has a pill; the command line takes every one."""
    kind, argument = scenario_kind(scenario)
    return int(argument) <= _COUNTED[kind] if kind in _COUNTED else True


def _noise(tasks: Sequence[Task]) -> dict[str, float]:
    with st.expander("Wrong labels on purpose"):
        shares = {
            task.name: st.select_slider(
                f"{task_title(task.name)}: share of wrong training labels",
                _NOISE,
                key=f"{Key.LABEL_NOISE}_{task.name}",
                format_func=lambda share: f"{share:.0%}",
            )
            for task in tasks
        }
    return {name: share for name, share in shares.items() if share}


def _spec(
    choice: Choice,
    tasks: Sequence[Task],
    names: Sequence[str],
    asked: tuple[int | None, str | None, float, int | None],
    noise: dict[str, float],
) -> tuple[ComparisonSpec | None, str | None]:
    seeds, budget, length, examples = asked
    try:
        return ComparisonSpec(
            checkpoint=choice.checkpoint,
            scenarios=tuple(names),
            seeds=tuple(range(choice.seed, choice.seed + (seeds or 1))),
            data=choice.data,
            epochs=length if budget == _EPOCHS else choice.epochs,
            seconds=length if budget == _SECONDS else None,
            batch_size=choice.batch_size,
            max_length=choice.max_length,
            learning_rate=choice.learning_rate,
            head_learning_rate=choice.head_learning_rate,
            examples={task.name: examples for task in tasks} if examples else {},
            label_noise=noise,
        ), None
    except ValidationError as problem:
        return None, str(problem.errors(include_url=False)[0]["msg"])


def _price(lab: Lab, spec: ComparisonSpec, model: ModelDescription | None = None) -> Price | None:
    try:
        if model is None:
            model = lab.model_description(spec.checkpoint, _tasks(lab, spec.data))
        specs = prepare_comparison(spec, model, lab.settings.threads)
    except BadInput:
        return None
    return price_of(specs, lab.store.runs(shipped=None), spec.seconds)


def _tasks(lab: Lab, data: str) -> tuple[Task, ...]:
    return _sample_tasks() if data == SAMPLE else load_tasks(data, lab.settings.uploads)


@cache
def _sample_tasks() -> tuple[Task, ...]:
    return load_tasks(SAMPLE)
