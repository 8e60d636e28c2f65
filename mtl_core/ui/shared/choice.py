"""What a visitor has chosen, as one value that all pages share and the address holds.

Streamlit can bind a widget to a query parameter, but such a parameter carries the label shown
(`scenario=Heads only`, not `heads-only`), leaves the address with the widget, and is dropped when
another page does not draw it. So the choice is one value kept in the session: widgets write into
it, the address mirrors it, and a page reads it whether or not it draws the widget.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import streamlit as st
from pydantic import AfterValidator, Field, ValidationError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mtl_core.training.options import ScalarOptions, Seed, option_values
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.noise_text import as_one_text, shares_of

AskedRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
"""A plan's `Rate` that may be written as text, as in an address."""


class Choice(ScalarOptions):
    """Everything a table and a run depend on. Field, widget key and query parameter share a name.

    The fields of `ScalarOptions` are a run's; a new one is in the address without further code.
    `learning_rate` and `head_learning_rate` are None where the plan's own rates hold. `plan` is a
    plan file's text; where it is not empty it stands in place of the scenario. `starts_from` is
    the run to go on from, `label_noise` shares by task as `sentiment=0.3,ner=0.1`, `also_evaluate`
    other data to score the tasks on; all three are empty for none.
    """

    checkpoint: Annotated[str, Field(min_length=1, max_length=500)] = "minilm-l6"
    scenario: Annotated[str, Field(min_length=1, max_length=120)] = "heads-only"
    phase: Annotated[int, Field(ge=1, le=100)] = 1
    data: Annotated[str, Field(min_length=1, max_length=500)] = "sample"
    seed: Seed = 0
    learning_rate: AskedRate | None = None
    head_learning_rate: AskedRate | None = None
    plan: Annotated[str, Field(max_length=20_000)] = ""
    starts_from: Annotated[str, Field(max_length=120)] = ""
    label_noise: Annotated[str, Field(max_length=2_000), AfterValidator(as_one_text)] = ""
    also_evaluate: Literal["", "sample-posts"] = ""

    def run_options(self) -> dict[str, Any]:
        """The options of a run by their names in a spec."""
        return option_values(self, ScalarOptions) | {
            "label_noise": self.noise,
            "also_evaluate": (self.also_evaluate,) if self.also_evaluate else (),
            "starts_from": self.starts_from or None,
        }

    @property
    def noise(self) -> dict[str, float]:
        """`label_noise` by task."""
        return shares_of(self.label_noise)

    def replace(self, **changes: Any) -> "Choice":
        """The same choice with some fields changed. Raises pydantic's ValidationError."""
        return Choice.model_validate({**self.model_dump(), **changes})

    def as_query(self) -> dict[str, str]:
        """Query parameters that bring this choice back; what is at its default is left out."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return {name: _text(value) for name, value in content.items() if value is not None}


def choice_from(values: Mapping[str, Any], base: Choice | None = None) -> tuple[Choice, list[str]]:
    """A choice from untrusted values, each checked alone: a bad one keeps `base`'s value (the
    default without one), and a note says so. Empty and None mean the default."""
    kept, notes = (base or Choice()).model_dump(), []
    for name, value in values.items():
        if name not in kept:
            continue
        if value is None or value == "":
            kept[name] = Choice.model_fields[name].default
            continue
        try:
            kept[name] = getattr(Choice.model_validate({name: value}), name)
        except ValidationError as problem:
            reason = problem.errors(include_url=False)[0]["msg"].lower()
            notes.append(_ignored(name, value, reason, kept[name]))
    return Choice(**kept), notes


def current_choice() -> Choice:
    """The choice as it stands now: read it at the top of a page, before any widget.

    The address speaks on the first run of a session and on the browser's back and forward; from
    then on the widgets do. Values are checked here, whatever the browser claims to have checked.
    Notes on ignored values are in `ignored_notes()`.
    """
    if st.session_state.get(Key.PLAN) not in (None, st.session_state.get(Key.DRAFT)):
        st.session_state.pop(Key.DRAFT, None)
    kept = st.session_state.get(Key.CHOICE)
    if not isinstance(kept, Choice) or came_by_history():
        choice, notes = choice_from(st.query_params.to_dict())
    else:
        drawn = {name: st.session_state[name] for name in _FIELDS if name in st.session_state}
        choice, notes = choice_from(drawn, base=kept)
    st.session_state[Key.IGNORED] = notes
    _notice_page()
    return keep_choice(choice)


def keep_choice(choice: Choice) -> Choice:
    """Make `choice` the session's, before its widgets are drawn: the widgets follow.

    To be used from callbacks and at the top of a page; Streamlit refuses to change a widget's
    value once it is drawn.
    """
    st.session_state[Key.CHOICE] = choice
    for name in _FIELDS:
        if name in st.session_state and st.session_state[name] != getattr(choice, name):
            st.session_state[name] = getattr(choice, name)
    return choice


def change_choice(**changes: object) -> None:
    """Change the kept choice within a callback, what the widget itself changed left to it."""
    kept = st.session_state[Key.CHOICE]
    st.session_state[Key.CHOICE] = kept.replace(**changes)
    for name, value in changes.items():
        if name in st.session_state:
            st.session_state[name] = value


def seed_widget(name: str) -> None:
    """Give the widget of field `name` the choice's value; call it just before drawing it.

    On the first run of a page the value is given whatever the session says: what it holds then is
    the value of another page's widget of that key, and this one would begin at its default.
    """
    value = getattr(st.session_state[Key.CHOICE], name)
    if st.session_state.get(Key.PAGE_IS_NEW) or st.session_state.get(name) != value:
        st.session_state[name] = value


def ignored_notes() -> list[str]:
    """What was ignored in this run, and why; the page shows it."""
    notes: list[str] = st.session_state.setdefault(Key.IGNORED, [])
    return notes


def ignore(name: Key, reason: str, instead: Any) -> None:
    """Set field `name` back to `instead` and note why: for checks that need the checkpoint."""
    choice: Choice = st.session_state[Key.CHOICE]
    ignored_notes().append(_ignored(name, getattr(choice, name), reason, instead))
    keep_choice(choice.replace(**{name: instead}))


def ignore_plan(reason: str) -> None:
    """Fall back to the scenario and note why, but keep the text: its author will mend it."""
    choice: Choice = st.session_state[Key.CHOICE]
    ignored_notes().append(reason)
    st.session_state[Key.DRAFT] = choice.plan
    st.session_state[Key.CHOICE] = choice.replace(plan="")


def seed_plan_widget() -> None:
    """`seed_widget` for the plan: the text that could not be used is offered again."""
    choice: Choice = st.session_state[Key.CHOICE]
    text = choice.plan or st.session_state.get(Key.DRAFT, "")
    if st.session_state.get(Key.PLAN) != text:
        st.session_state[Key.PLAN] = text


def write_address(choice: Choice) -> None:
    """Make the browser's address hold `choice`, other parameters untouched: a permalink."""
    others = {name: v for name, v in st.query_params.to_dict().items() if name not in _FIELDS}
    wanted = {**choice.as_query(), **others}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


_FIELDS = tuple(Choice.model_fields)


def came_by_history() -> bool:
    """Whether the browser's back or forward led to this run of the page."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _notice_page() -> None:
    """Remember which page is drawn, and whether it is another than in the run before."""
    context = get_script_run_ctx()
    page = None if context is None else context.page_script_hash
    st.session_state[Key.PAGE_IS_NEW] = page != st.session_state.get(Key.PAGE)
    st.session_state[Key.PAGE] = page


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _ignored(name: str, value: Any, reason: str, instead: Any) -> str:
    shown = str(value)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    shows = f" Shown: {instead}." if instead not in ("", None) else ""
    return f"{name} = {shown} was ignored: {reason.rstrip('.')}.{shows}"
