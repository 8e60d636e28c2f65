"""The results of a run: metric cards, outcome, phases, earlier stages and how to repeat it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from mtl_core.analysis.chain import chain_of
from mtl_core.analysis.summary import ProgressState, RunSummary, TaskProgress
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.freezing.table import State
from mtl_core.freezing.titles import task_title
from mtl_core.models.weights import LEARNED_FILE
from mtl_core.report.run_words import (
    duration,
    score_split_words,
    shared_words,
    spent_words,
)
from mtl_core.report.runs import phase_row
from mtl_core.report.stages import chain_lines, chain_rows, chain_title
from mtl_core.store.record import RunRecord, RunState
from mtl_core.text import NO_ENTITIES, bytes_text, percent
from mtl_core.training.events import RunFinished, TaskScore
from mtl_core.ui.shared.command_view import train_command_view
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.page import Hue, hue, plain
from mtl_core.ui.shared.run_cache import model_of, summary_of
from mtl_core.ui.shared.shot import tooltip

_CARD_HEIGHT = 112  # pixels; without it a card grows when its component has been loaded


def run_cards(summary: RunSummary) -> None:
    """Draw the metric cards: each task's score, the proof of freezing, and what is trained."""
    cards = len(summary.tasks) + 2
    with st.grid(cards if cards <= 5 else 4, min_column_width=160, gap="small"):
        for number, task in enumerate(summary.tasks):
            _score_card(number, task, summary)
        _proof_card(summary)
        _learning_card(summary)


def _score_card(number: int, task: TaskProgress, summary: RunSummary) -> None:
    name = task.task.name
    value, before = summary.value(name), summary.score_before(name)
    st.metric(
        f"{plain(task_title(name))} {task.metric}",
        "undefined" if summary.is_undefined(name) else "–" if value is None else f"{value:.3f}",
        _before_words(before, summary.judged_split(name)),
        delta_color=hue(number),
        delta_arrow="off",
        border=True,
        height=_CARD_HEIGHT,
        help=tooltip(score_split_words(summary, task)),
    )


def _before_words(before: TaskScore | None, split: str) -> str:
    """The split that the score is measured on, and the score before training: short, for a card."""
    if before is None:
        return f"{split}, before: unknown"
    return NO_ENTITIES if before.headline is None else f"{split}, was {before.headline:.3f}"


def _proof_card(summary: RunSummary) -> None:
    value, chip, color = _proof(summary)
    st.metric(
        "Frozen, bit-identical",
        value,
        chip,
        delta_color=color,
        delta_arrow="off",
        border=True,
        height=_CARD_HEIGHT,
        help=tooltip("Compares the SHA-256 of each frozen tensor before and after training."),
    )


def _proof(summary: RunSummary) -> tuple[str, str, Hue]:
    """The newest proof, of the whole run or of the last finished phase: value, note, colour."""
    if (end := summary.finished) is not None:
        count, same, where = end.frozen_tensors, end.frozen_identical, "tensors"
    else:
        proved = [p for p in summary.phases if p.frozen_identical is not None]
        if not proved:
            return _unproved(summary)
        count, same = proved[-1].frozen_tensors or 0, bool(proved[-1].frozen_identical)
        where = f"in phase {proved[-1].number}"
    if count == 0:
        return "none frozen", "every tensor can change", "gray"
    if not same:
        return "changed", "a frozen tensor changed", "red"
    return f"{count:,} of {count:,}", f"❄︎ {where}, by SHA-256", "blue"


def _unproved(summary: RunSummary) -> tuple[str, str, Hue]:
    phase = summary.phase or summary.phases[0]
    if phase.frozen_tensors == 0:
        return "none frozen", "every tensor can change", "gray"
    ended = phase.state is ProgressState.INTERRUPTED
    chip = "not checked: interrupted" if ended else "checked at the end"
    known = phase.frozen_tensors is not None
    return (
        (f"{phase.frozen_tensors:,} tensors" if known else "–"),
        chip,
        "gray" if ended else "blue",
    )


def _learning_card(summary: RunSummary) -> None:
    phase = summary.phase or summary.phases[0]
    count, part = phase.trainable, phase.share
    chip = "not known yet" if part is None else f"▲ {percent(part, 1)} of all"
    single = len(summary.phases) == 1
    st.metric(
        "Trainable parameters" if single else f"Trainable in phase {phase.number}",
        "–" if count is None else f"{count:,}",
        chip if count != 0 else "❄︎ all are frozen",
        delta_color="orange" if count else "blue",
        delta_arrow="off",
        border=True,
        height=_CARD_HEIGHT,
    )


def run_outcome(record: RunRecord, summary: RunSummary) -> None:
    """Draw how the run ended: durations, or the reason; nothing while it is active."""
    reason = plain(record.reason or "No reason was recorded.")
    match record.state:
        case RunState.FINISHED if summary.finished:
            st.markdown(
                f":small[{' · '.join(_totals(summary.finished, summary.spec.trained_together))}]"
            )
        case RunState.FAILED:
            st.error(
                f"{reason}  \nFix the cause, then start the run again with the form below. "
                "The results up to this point are saved.",
                icon=":material/error:",
            )
        case RunState.STOPPED:
            st.markdown(
                f":small[{reason} The results up to this point are saved. "
                "A stopped run cannot be resumed. The same plan and seed repeat it exactly.]"
            )
        case RunState.INTERRUPTED:
            st.warning(reason, icon=":material/power_off:")


def _totals(end: RunFinished, together: int | None) -> list[str]:
    shared = shared_words(together, end.trained_beside)
    proof = (
        f"**{end.frozen_tensors:,} of {end.frozen_tensors:,}** tensors bit-identical, by SHA-256"
        if end.frozen_identical
        else "**a frozen tensor changed**"
    )
    return [
        f"Took **{duration(end.total_seconds)}**{shared}",
        f"peak memory of the process **{bytes_text(end.peak_memory_bytes)}**",
        proof if end.frozen_tensors else "no tensor was frozen in all phases",
    ]


def run_details(summary: RunSummary) -> None:
    """Draw what a finished run's time was spent on, and where its frozen tensors are."""
    end = summary.finished
    if end is None:
        return
    count = end.frozen_in_checkpoint
    where = f" {count:,} frozen tensors are read from the unchanged checkpoint." if count else ""
    st.caption(f"Time: {spent_words(end)}.{where}")


def phase_table(summary: RunSummary, colors: Palette) -> None:
    """Draw the phases with the running one highlighted, and which stored outputs it reuses."""
    rows = pd.DataFrame([phase_row(phase, summary) for phase in summary.phases])
    vermilion = colors.states[State.TRAINABLE].text
    states = [phase.state for phase in summary.phases]
    styled = rows.style.apply(
        lambda _: [
            f"color: {vermilion}; font-weight: 600" if state is ProgressState.RUNNING else ""
            for state in states
        ],
        subset=["State", "Phase"],
    )
    data_table(
        styled,
        hide_index=True,
        height="content",
        alt="The phases of the run",
        column_config={
            name: st.column_config.TextColumn(name, alignment="right") for name in rows.columns[2:]
        },
    )
    if any(summary.judged_split(task.task.name) == "test" for task in summary.tasks):
        st.caption("Scores of phases are measured on the validation sentences.")
    if (phase := summary.phase) is not None and phase.reuse:
        which = f"Phase {phase.number}: " if len(summary.phases) > 1 else ""
        st.caption(plain(f"{which}{phase.reuse}"))


def stage_table(lab: Lab, summary: RunSummary) -> None:
    """Draw the earlier stages of a run that starts from another run; nothing for other runs."""
    if summary.spec.starts_from is None:
        return
    chain = chain_of(summary, lambda run: _summary_or_none(lab, run))
    with st.container(gap="xsmall"):
        st.markdown(f"## {plain(chain_title(chain))}")
        data_table(
            pd.DataFrame(chain_rows(chain)),
            hide_index=True,
            height="content",
            alt="The stages that led to this run",
        )
        for line in chain_lines(chain):
            st.markdown(f":small[{plain(line)}]")


def _summary_or_none(lab: Lab, run: str) -> RunSummary | None:
    try:
        return summary_of(lab, lab.store.run(run))
    except UnknownRun:
        return None


def how_to_repeat(lab: Lab, record: RunRecord, summary: RunSummary) -> None:
    """An expander with the command that repeats the run, its versions and its digests."""
    spec = summary.spec
    with st.expander("Repeat this run: command line, versions, digests"):
        model = model_of(lab, spec)
        train_command_view(spec, model)
        versions = ", ".join(f"{name} {version}" for name, version in spec.versions.items())
        facts = {
            "Run": record.id,
            **({"Processor": spec.processor} if spec.processor else {}),
            "Threads": str(spec.threads),
            "Versions": versions or "recorded when the run starts",
            "Weights, SHA-256": spec.weights_digest or "recorded when the run starts",
            **{f"{name}, SHA-256": digest for name, digest in spec.data_digests.items()},
        }
        st.markdown("\n".join(f"- {plain(name)}: `{value}`" for name, value in facts.items()))
        end = summary.finished
        if end and end.output:
            st.markdown(f"- Trained model: `{end.output}`{_how_to_complete(record.id, end.output)}")
        st.caption("On the same machine, this command reproduces every loss bit for bit.")


def _how_to_complete(run: str, folder: str) -> str:
    """The command that writes all tensors, for a model without those of its checkpoint."""
    if not (Path(folder) / LEARNED_FILE).is_file():
        return ""
    command = f"freeze-lab export {run} --what checkpoint --output {run}"
    return f", with the tensors that differ from the checkpoint's; all of them: `{command}`"
