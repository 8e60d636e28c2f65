"""The command line of a run or a comparison, and the plan files that it reads."""

import streamlit as st

from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.description import ModelDescription
from mtl_core.report.repeat import compare_command, needs_plan_file, plan_files, train_command
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.page import plain


def train_command_view(spec: RunSpec, model: ModelDescription | None) -> None:
    """Draw the command that trains `spec`, and its plan if that is no scenario."""
    st.code(train_command(spec, model), language="bash")
    if needs_plan_file(spec, model):
        st.caption("Save this plan as plan.yaml in the same folder:")
        st.code(plan_to_yaml(spec.plan), language="yaml")


def compare_command_view(spec: ComparisonSpec) -> None:
    """Draw the command that trains all runs of `spec`, and the plans that are no scenarios."""
    st.code(compare_command(spec), language="bash")
    for path, plan in plan_files(spec).items():
        st.caption(f"Save this plan as {plain(path)}:")
        st.code(plan_to_yaml(plan), language="yaml")
