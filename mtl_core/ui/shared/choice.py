"""The visitor's selections as one value, shared by all pages and stored in the address.

Streamlit can bind a widget to a query parameter. The parameter then contains the displayed label
(`scenario=Heads only` instead of `heads-only`) and disappears on pages without the widget.
Therefore the selections are one value in the session state. Widgets write to it, the address
mirrors it, and every page can read it.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal

import streamlit as st
from pydantic import AfterValidator, Field, ValidationError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.training.options import (
    ScalarOptions,
    Seed,
    argument_text,
    first_problem,
    option_title,
    option_values,
)
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain


def parse_label_noise(text: str) -> dict[str, float]:
    """Parse label noise such as `sentiment=0.3,ner=0.1`; shares of 0 are left out.

    Raises ValueError if the text has another form or a share is not between 0 and 1.
    """
    shares = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        task, _, share = part.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = float("nan")
        if not task or not isfinite(number) or not 0 <= number <= 1:
            raise ValueError("expected task=share with a share from 0 to 1, such as ner=0.3")
        shares[task] = number
    return {task: share for task, share in shares.items() if share}


def label_noise_text(shares: Mapping[str, float]) -> str:
    """Format label noise as text for `parse_label_noise`; shares of 0 are left out."""
    return ",".join(f"{task}={share!r}" for task, share in shares.items() if share)


def _normalized_noise(text: str) -> str:
    return label_noise_text(parse_label_noise(text))


RateOrText = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
"""Like `Rate` of a plan, but also accepts text, because addresses contain text."""


class Choice(ScalarOptions):
    """The settings of a table and a run. Field, widget key and query parameter share a name.

    The fields of `ScalarOptions` are options of a run; new ones are in the address automatically.
    `learning_rate` and `head_learning_rate` are None to use the plan's rates. `plan` is the text
    of a plan file; if it is not empty, it replaces the scenario. `starts_from` is the run whose
    model is trained further. `label_noise` is text such as `sentiment=0.3,ner=0.1`.
    `also_evaluate` is additional evaluation data. These three are empty if not used.
    `sentence_vector` is empty for the one that the checkpoint was trained with.
    """

    checkpoint: Annotated[str, Field(min_length=1, max_length=500)] = EMBEDDED
    scenario: Annotated[str, Field(min_length=1, max_length=120)] = "heads-only"
    phase: Annotated[int, Field(ge=1, le=100)] = 1
    data: Annotated[str, Field(min_length=1, max_length=500)] = "sample"
    seed: Seed = 0
    learning_rate: RateOrText | None = None
    head_learning_rate: RateOrText | None = None
    plan: Annotated[str, Field(max_length=20_000)] = ""
    starts_from: Annotated[str, Field(max_length=120)] = ""
    label_noise: Annotated[str, Field(max_length=2_000), AfterValidator(_normalized_noise)] = ""
    also_evaluate: Literal["", "sample-posts"] = ""
    sentence_vector: SentenceVector | Literal[""] = ""

    def run_options(self) -> dict[str, Any]:
        """The options of a run as keyword arguments of a spec."""
        return option_values(self, ScalarOptions) | {
            "label_noise": self.noise,
            "also_evaluate": (self.also_evaluate,) if self.also_evaluate else (),
            "starts_from": self.starts_from or None,
        }

    @property
    def noise(self) -> dict[str, float]:
        """The shares of wrong labels by task."""
        return parse_label_noise(self.label_noise)

    def replace(self, **changes: Any) -> "Choice":
        """Return a copy with some fields changed. Raises pydantic's ValidationError."""
        return Choice.model_validate({**self.model_dump(), **changes})

    def as_query(self) -> dict[str, str]:
        """The query parameters for this choice, without default values."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return {name: _text(value) for name, value in content.items() if value is not None}


def choice_from(values: Mapping[str, Any], base: Choice | None = None) -> tuple[Choice, list[str]]:
    """Build a choice from untrusted values; also return notes about ignored values.

    Each value is validated separately. An invalid value is replaced by that of `base`, or by the
    default without `base`. Empty values and None select the default.
    """
    content, notes = (base or Choice()).model_dump(), []
    for name, value in values.items():
        if name not in content:
            continue
        if value is None or value == "":
            content[name] = Choice.model_fields[name].default
            continue
        try:
            content[name] = getattr(Choice.model_validate({name: value}), name)
        except ValidationError as problem:
            notes.append(_not_used(first_problem(problem), content[name]))
    return Choice(**content), notes


def current_choice() -> Choice:
    """Read the current choice. Call it at the top of a page, before any widget is drawn.

    Values come from the address in the first run of a session and after back or forward in the
    browser; otherwise from the widgets. All values are validated on the server. Notes about
    ignored values are in `ignored_notes()`.
    """
    if st.session_state.get(Key.PLAN) not in (None, st.session_state.get(Key.DRAFT)):
        st.session_state.pop(Key.DRAFT, None)
    stored = st.session_state.get(Key.CHOICE)
    if not isinstance(stored, Choice) or came_by_history():
        choice, notes = choice_from(st.query_params.to_dict())
    else:
        drawn = {name: st.session_state[name] for name in _FIELDS if name in st.session_state}
        choice, of_widgets = choice_from(drawn, base=stored)
        notes = []
        for note in of_widgets:  # a warning at the top would move the field
            st.toast(plain(note), icon=":material/info:", duration="long")
    st.session_state[Key.IGNORED] = notes
    _detect_page_change()
    return keep_choice(choice)


def keep_choice(choice: Choice) -> Choice:
    """Store `choice` in the session and set its widgets to the new values.

    Call it in a callback or at the top of a page. Streamlit does not allow changing the value of a
    widget after it was drawn.
    """
    st.session_state[Key.CHOICE] = choice
    for name in _FIELDS:
        if name in st.session_state and st.session_state[name] != getattr(choice, name):
            st.session_state[name] = getattr(choice, name)
    return choice


def change_choice(**changes: object) -> None:
    """Change fields of the stored choice and their widgets. Call it in a callback."""
    choice: Choice = st.session_state[Key.CHOICE]
    st.session_state[Key.CHOICE] = choice.replace(**changes)
    for name, value in changes.items():
        if name in st.session_state:
            st.session_state[name] = value


def seed_widget(name: str) -> None:
    """Set the widget of field `name` to the choice's value; call it right before drawing it.

    In the first run of a page, the value is always set. The session state may then contain the
    value of another page's widget with the same key, and the widget would start at its default.
    """
    value = getattr(st.session_state[Key.CHOICE], name)
    if st.session_state.get(Key.PAGE_IS_NEW) or st.session_state.get(name) != value:
        st.session_state[name] = value


def ignored_notes() -> list[str]:
    """The notes about values ignored in this run, for display on the page."""
    notes: list[str] = st.session_state.setdefault(Key.IGNORED, [])
    return notes


def ignore(name: Key, reason: str, instead: Any) -> None:
    """Replace the value of field `name` by `instead` and add a note with the reason."""
    choice: Choice = st.session_state[Key.CHOICE]
    value = f"{option_title(name)} {getattr(choice, name)}"
    ignored_notes().append(_not_used(f"{value}: {reason.rstrip('.')}.", instead))
    keep_choice(choice.replace(**{name: instead}))


def ignore_plan(reason: str) -> None:
    """Use the scenario instead of the plan and add a note; the plan's text is kept as a draft."""
    choice: Choice = st.session_state[Key.CHOICE]
    ignored_notes().append(reason)
    st.session_state[Key.DRAFT] = choice.plan
    st.session_state[Key.CHOICE] = choice.replace(plan="")


def seed_plan_widget() -> None:
    """Like `seed_widget` for the plan; an invalid plan's text is shown again for correction."""
    choice: Choice = st.session_state[Key.CHOICE]
    text = choice.plan or st.session_state.get(Key.DRAFT, "")
    if st.session_state.get(Key.PLAN) != text:
        st.session_state[Key.PLAN] = text


def write_address(choice: Choice) -> None:
    """Write `choice` to the address of the page; other query parameters are not changed."""
    others = {name: v for name, v in st.query_params.to_dict().items() if name not in _FIELDS}
    query = {**choice.as_query(), **others}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


_FIELDS = tuple(Choice.model_fields)


def came_by_history() -> bool:
    """Whether this run of the page was caused by back or forward in the browser."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _detect_page_change() -> None:
    """Store the current page, and whether it differs from that of the previous run."""
    context = get_script_run_ctx()
    page = None if context is None else context.page_script_hash
    st.session_state[Key.PAGE_IS_NEW] = page != st.session_state.get(Key.PAGE)
    st.session_state[Key.PAGE] = page


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _not_used(problem: str, instead: Any) -> str:
    """The problem of a value that was ignored, and the value that is used."""
    return problem if instead in ("", None) else f"{problem} {argument_text(instead)} is used."
