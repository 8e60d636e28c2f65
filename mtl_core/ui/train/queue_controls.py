"""The teacher's controls of the queue: enter the key, pause, resume and clear."""

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.text import counted
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.undo import try_action
from mtl_core.ui.shared.visitor import current_visitor, enter_teacher_key, leave_as_teacher


def queue_notice(lab: Lab) -> None:
    """A line for everybody while the queue is paused."""
    if lab.store.is_paused():
        st.info(
            "The queue is paused: waiting runs start when the teacher resumes it.",
            icon=":material/pause_circle:",
        )


def teacher_controls(lab: Lab) -> None:
    """A popover to enter the teacher key, and with it to control the queue.

    It is not drawn if this dashboard has no teacher key.
    """
    if lab.settings.teacher_key is None:
        return
    with st.popover("Teacher", icon=":material/school:", type="tertiary"):
        if current_visitor().may_change_all:
            _controls(lab)
        else:
            _key_form(lab)


def _key_form(lab: Lab) -> None:
    with st.form("teacher", border=False):
        key = st.text_input(
            "Teacher key",
            type="password",
            key=Key.TEACHER_KEY,
            help="`freeze-lab serve` prints the key, unless FREEZE_LAB_TEACHER_KEY sets it. With "
            "it you can stop, rename and delete the runs of all visitors.",
        )
        if st.form_submit_button("Sign in", key=Key.ENTER_TEACHER_KEY) and key:
            if enter_teacher_key(lab, key):
                st.rerun()
            st.error("Wrong teacher key.")


def _controls(lab: Lab) -> None:
    waiting = lab.store.waiting_count()
    st.caption(f"{counted(waiting, 'run')} waiting. You can change the runs of all visitors.")
    paused = lab.store.is_paused()
    st.button(
        "Resume the queue" if paused else "Pause the queue",
        key=Key.PAUSE_QUEUE,
        icon=":material/play_arrow:" if paused else ":material/pause:",
        on_click=_pause,
        args=(lab, not paused),
        help="Runs in progress continue.",
    )
    st.button(
        "Clear the queue",
        key=Key.CLEAR_QUEUE,
        icon=":material/clear_all:",
        disabled=not waiting,
        on_click=_clear,
        args=(lab,),
        help="Stops all waiting runs of all visitors. Runs in progress continue.",
    )
    st.button("Sign out", key=Key.LEAVE_AS_TEACHER, type="tertiary", on_click=leave_as_teacher)


def _pause(lab: Lab, paused: bool) -> None:
    try_action(lambda: lab.pause_queue(paused, current_visitor()))


def _clear(lab: Lab) -> None:
    try_action(lambda: lab.clear_queue(current_visitor()))
