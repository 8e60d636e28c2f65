"""How a run ended, what to do next, and what it takes to repeat it."""

import streamlit as st

from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.written import written_model
from mtl_core.engine.lab import Lab
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.report.repeat import needs_plan_file, train_command
from mtl_core.report.run_words import duration, memory, spent_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.events import RunFinished
from mtl_core.ui.predict.models import BEFORE
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import model_of


def run_end(record: RunRecord, summary: RunSummary) -> None:
    """Say how the run ended; nothing while it has not."""
    reason = plain(record.reason or "No reason was written down.")
    match record.state:
        case RunState.FINISHED if summary.finished:
            st.markdown(f":small[{' · '.join(_results(summary.finished))}]")
        case RunState.FAILED:
            st.error(
                f"{reason}  \nMend what it names, then start the plan again below. "
                "Everything the run said until then is kept.",
                icon=":material/error:",
            )
        case RunState.STOPPED:
            st.markdown(
                f":small[{reason} What it measured until then is kept. "
                "It cannot be continued; the same plan and seed repeat it step by step.]"
            )
        case RunState.INTERRUPTED:
            st.warning(reason, icon=":material/power_off:")


def _results(end: RunFinished) -> list[str]:
    proof = (
        f"**{end.frozen_tensors:,} of {end.frozen_tensors:,}** tensors bit-identical, by SHA-256"
        if end.frozen_identical
        else "**a frozen tensor changed**"
    )
    return [
        f"Took **{duration(end.total_seconds)}**: {spent_words(end)}",
        f"peak memory **{memory(end.peak_memory_bytes)}**",
        proof if end.frozen_tensors else "no tensor was frozen throughout",
    ]


def ask_button(record: RunRecord, summary: RunSummary) -> None:
    """What leads from a run that has a model to Predict, with the model before training beside."""
    if isinstance(written_model(summary), str):
        return
    if st.button(
        "Try it on a sentence",
        key=Key.TO_PREDICT,
        icon=":material/chat:",
        help="What this model answers, beside the same model before training.",
    ):
        query = {str(Key.RUNS): f"{BEFORE},{record.id}"}
        st.switch_page("pages/predict.py", query_params=query)


def how_to_repeat(lab: Lab, record: RunRecord, summary: RunSummary) -> None:
    """An expander with the command line and the spec: versions, digests, everything."""
    spec = summary.spec
    with st.expander("Repeat this run: command line, versions, digests"):
        model = model_of(lab, spec)
        st.code(train_command(spec, model), language="bash")
        if needs_plan_file(spec, model):
            st.caption("Save this plan as plan.yaml beside it:")
            st.code(plan_to_yaml(spec.plan), language="yaml")
        versions = ", ".join(f"{name} {version}" for name, version in spec.versions.items())
        facts = {
            "Run": record.id,
            "Threads": str(spec.threads),
            "Versions": versions or "written down when the run begins",
            "Weights, SHA-256": spec.weights_digest or "written down when the run begins",
            **{f"{name}, SHA-256": digest for name, digest in spec.data_digests.items()},
        }
        st.markdown("\n".join(f"- {plain(name)}: `{value}`" for name, value in facts.items()))
        if summary.finished and summary.finished.output:
            st.markdown(f"- Trained model: `{summary.finished.output}`")
        st.caption("The same command on the same machine gives each loss again, to the last bit.")
