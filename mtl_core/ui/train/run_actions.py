"""The actions on a stored run: repeat, change, continue, try, delete, undo, name and tag."""

from collections.abc import Iterable

import streamlit as st

from mtl_core.analysis.summary import RunSummary
from mtl_core.engine.lab import Lab
from mtl_core.engine.resuming import is_resumable
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.description import ModelDescription
from mtl_core.report.repeat import scenario_rates
from mtl_core.report.run_words import moment, run_label
from mtl_core.store.model_folder import saved_model
from mtl_core.store.record import MOST_TAGS, TITLE_LENGTH, UNDO, RunRecord
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS
from mtl_core.training.arm import ComparisonArm, clean_name
from mtl_core.training.options import RunOptions, ScalarOptions, option_values
from mtl_core.training.spec import RunSpec
from mtl_core.ui.predict.models import BEFORE
from mtl_core.ui.shared.arms import add_arm_button, arm_of
from mtl_core.ui.shared.choice import Choice, choice_from, keep_choice, label_noise_text
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain
from mtl_core.ui.shared.run_cache import model_of
from mtl_core.ui.shared.undo import UNDO_MINUTES, try_action, undo_bar, undo_button
from mtl_core.ui.shared.visitor import current_visitor

_OF_THE_COMPARISON = frozenset({"max_length", "also_evaluate", "device"})
"""Options that an arm does not take from its run: all arms are judged on the same sentences."""


def again_buttons(lab: Lab, record: RunRecord) -> bool:
    """Draw "Run again" and "Change and run"; return whether "Run again" was clicked.

    The spec contains the digests of weights and data, so a repeated run fails if they differ.
    """
    again = st.button(
        "Run again",
        key=Key.RUN_AGAIN,
        icon=":material/replay:",
        help="Repeats the run with the same plan, data, settings and seed. It does not start if "
        "the data or the weights have changed.",
    )
    st.button(
        "Change and run",
        key=Key.CHANGE_AND_RUN,
        icon=":material/tune:",
        on_click=_change,
        args=(lab, record),
        help="Copies the settings of this run into the form. It does not start a run.",
    )
    return again


def resume_button(lab: Lab, record: RunRecord) -> None:
    """Draw the button that continues a run that was cut off; none for other runs and visitors."""
    if not is_resumable(record) or not current_visitor().may_change(record):
        return
    st.button(
        "Resume",
        key=Key.RESUME_RUN,
        icon=":material/resume:",
        on_click=_resume,
        args=(lab, record.id),
        help="Continues after the last saved step: the state is saved once a minute and at the end "
        "of each phase. If nothing was saved, it starts from the first step.",
    )


def _resume(lab: Lab, run: str) -> None:
    try_action(lambda: lab.resume_run(run, current_visitor()))


def choice_of(spec: RunSpec, model: ModelDescription | None) -> tuple[Choice, list[str]]:
    """The form's settings that give `spec`, and notes on what the form cannot represent.

    A plan that is not a scenario with learning rates becomes the user's own plan.
    """
    rates = scenario_rates(spec, model)
    plan = (
        {"plan": plan_to_yaml(spec.plan)}
        if rates is None
        else {
            "scenario": spec.scenario,
            "learning_rate": rates[0],
            "head_learning_rate": rates[1],
        }
    )
    settings = {"checkpoint", "data", "seed", "starts_from", "sentence_vector"}
    settings |= set(ScalarOptions.model_fields)
    others = {"label_noise": label_noise_text(spec.label_noise), **_other_data(spec)}
    choice, notes = choice_from({**spec.model_dump(include=settings), **plan, **others})
    if spec.also_evaluate and not choice.also_evaluate:
        scored = ", ".join(spec.also_evaluate)
        notes.append(f"The run was also evaluated on {scored}. The form has no such setting.")
    if spec.examples:
        limits = ", ".join(f"{task}={count}" for task, count in spec.examples.items())
        notes.append(
            f"The run used a limited number of sentences ({limits}). The form has no such "
            "setting, so all sentences will be used."
        )
    return choice, notes


def add_run_button(lab: Lab, record: RunRecord) -> None:
    """Draw the button that adds an arm with the run's plan and settings to a comparison."""
    add_arm_button(lambda: arm_of_run(record, model_of(lab, record.spec)))


def arm_of_run(record: RunRecord, model: ModelDescription | None) -> ComparisonArm:
    """The arm that trains as a run did, on the data of the comparison.

    Its name is that of the run, if it has one. Raises ValidationError.
    """
    spec = record.spec
    rates = scenario_rates(spec, model)
    plan: dict[str, object] = {"plan": spec.plan}
    if rates is not None:
        plan = {
            "scenario": spec.scenario,
            "learning_rate": rates[0],
            "head_learning_rate": rates[1],
        }
    options = option_values(spec, RunOptions)
    own = {name: value for name, value in options.items() if name not in _OF_THE_COMPARISON}
    name = clean_name(record.title or "") or None
    return arm_of(name, {"checkpoint": spec.checkpoint, "options": own, **plan})


def _other_data(spec: RunSpec) -> dict[str, str]:
    """`also_evaluate` as the form can represent it: the sample posts in addition to the sample."""
    fits = (spec.data, spec.also_evaluate) == (SAMPLE, (SAMPLE_POSTS,))
    return {"also_evaluate": SAMPLE_POSTS if fits else ""}


def _change(lab: Lab, record: RunRecord) -> None:
    choice, notes = choice_of(record.spec, model_of(lab, record.spec))
    keep_choice(choice)
    st.query_params.pop(Key.RUN, None)
    for note in notes:
        st.toast(plain(note))


def try_button(record: RunRecord, summary: RunSummary) -> None:
    """A button to the Predict page with this run's model; none if the run has no saved model."""
    if isinstance(saved_model(summary.run, summary.spec, summary.finished), str):
        return
    if st.button(
        "Try it on a sentence",
        key=Key.TO_PREDICT,
        icon=":material/chat:",
        help="Compares the predictions of this model with those before training.",
    ):
        query = {str(Key.RUNS): f"{BEFORE},{record.id}"}
        st.switch_page("pages/predict.py", query_params=query)


def continue_button(record: RunRecord, summary: RunSummary) -> None:
    """A button that prepares the next training stage; none if the run has no saved model."""
    if isinstance(saved_model(summary.run, summary.spec, summary.finished), str):
        return
    st.button(
        "Continue from this run",
        key=Key.CONTINUE_RUN,
        icon=":material/step_over:",
        on_click=_continue,
        args=(record,),
        help="Fills in the form for another run that starts from this run's model. Choose its "
        "plan there; nothing is started yet.",
    )


def _continue(record: RunRecord) -> None:
    """Copy the run's checkpoint, data and length into the form; the chosen plan stays."""
    choice: Choice = st.session_state[Key.CHOICE]
    copied = {"checkpoint", "data", "max_length", "sentence_vector"}
    values = record.spec.model_dump(include=copied)
    keep_choice(choice.replace(**values, starts_from=record.id, random_backbone=False))
    st.query_params.pop(Key.RUN, None)


def delete_button(lab: Lab, record: RunRecord) -> None:
    """A button that deletes the run. There is no confirmation, because it can be undone."""
    st.button(
        "Delete",
        key=Key.DELETE,
        icon=":material/delete:",
        on_click=_delete,
        args=(lab, record.id),
        help=f"Deletes the run. You can undo this for {UNDO_MINUTES} minutes.",
    )


def undo_line(lab: Lab, requested: str | None) -> None:
    """A line with Undo for the last deleted run, which is stored in the address.

    `requested` is the run in the address. If it is the deleted one, the page shows Undo instead.
    """
    run = st.query_params.get(Key.DELETED)
    deleted = lab.store.deleted(run) if run is not None and run != requested else None
    if deleted is not None:
        undo_bar(f"**{plain(run_label(deleted))}**", lambda: _undo_delete(lab, deleted.id))


def deleted_header(lab: Lab, record: RunRecord) -> None:
    """The header of the page of a deleted run that can still be restored."""
    deleted_at = record.deleted_at or record.created_at
    with header(
        "This run was deleted",
        [
            plain(run_label(record)),
            f"deleted {moment(deleted_at)}, can be restored until {moment(deleted_at + UNDO)}",
        ],
    ):
        undo_button(lambda: _undo_delete(lab, record.id))


def _delete(lab: Lab, run: str) -> None:
    if try_action(lambda: lab.delete(run, current_visitor())):
        st.query_params.pop(Key.RUN, None)
        st.query_params[Key.DELETED] = run


def _undo_delete(lab: Lab, run: str) -> None:
    if try_action(lambda: lab.undo_delete(run, current_visitor())):
        st.query_params[Key.RUN] = run


def name_line(lab: Lab, record: RunRecord) -> None:
    """The run's title and tags, the popover that edits them, and a link to its comparison."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if record.title:
            st.markdown(f"**{plain(record.title)}**", width="content")
        if record.shipped:
            st.badge("included with Freeze Lab", color="gray")
        for tag in record.tags:
            st.badge(plain(tag), color="gray")
        if current_visitor().may_change(record):
            with st.popover("Name and tags", icon=":material/label:", type="tertiary"):
                _name_form(lab, record)
        if record.comparison is not None and st.button(
            "See its comparison",
            key=Key.SEE_COMPARISON,
            icon=":material/bar_chart:",
            type="tertiary",
        ):
            st.switch_page(
                "pages/compare.py", query_params={str(Key.COMPARISON): record.comparison}
            )


def used_tags(records: Iterable[RunRecord]) -> list[str]:
    """The tags of the runs in alphabetical order, without repeats."""
    return sorted({tag for record in records for tag in record.tags}, key=str.casefold)


def _name_form(lab: Lab, record: RunRecord) -> None:
    title, tags = (f"{key}_{record.id}" for key in (Key.RUN_TITLE, Key.RUN_TAGS))
    with st.form(f"naming_{record.id}", border=False):
        st.text_input(
            "Name",
            value=record.title or "",
            max_chars=TITLE_LENGTH,
            key=title,
            placeholder="A name for this run",
        )
        st.text_input(
            "Tags",
            value=", ".join(record.tags),
            key=tags,
            placeholder="thesis, baseline",
            help=f"At most {MOST_TAGS} tags, separated by commas.",
        )
        if used := used_tags(lab.store.runs()):
            st.caption(f"Used tags: {plain(', '.join(used))}")
        st.form_submit_button(
            "Save", key=Key.SAVE_NAME, on_click=_save_name, args=(lab, record.id, title, tags)
        )


def _save_name(lab: Lab, run: str, title: str, tags: str) -> None:
    values = st.session_state[title], st.session_state[tags].split(",")
    try_action(lambda: lab.name_run(run, *values, current_visitor()))
