"""Errors to read: what a plan answers for what, and the sentences on which two runs differ."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.changed import Changed, changed_answers
from mtl_core.analysis.confusion import Confusion, confusion
from mtl_core.analysis.grouped import PlanResult
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.words import verb
from mtl_core.charts.confusion import confusion_figure
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.export.compared import Compared, a_run
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.dataset import Dataset, Example, Label
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.ui.compare_chosen import dataset_of
from mtl_core.ui.keys import Key
from mtl_core.ui.live_chart import live_chart
from mtl_core.ui.page import plain
from mtl_core.ui.run_cards import hue
from mtl_core.ui.shot import taking_shot

_ROW_HEIGHT, _HEADER_HEIGHT, _ROWS_HIGH = 35, 36, 9
_SIGNS = {(True, False): "✓ → ✕", (False, True): "✕ → ✓", (False, False): "✕ → ✕"}


def errors_view(lab: Lab, shown: Compared, facts: str, colors: Palette) -> None:
    """Both for one task and two plans; nothing where no run told its answers, or the data they
    were given on are not here."""
    told = [plan for plan in shown.plans.plans if _told(plan)]
    if not told or not shown.plans.same_questions:
        return
    dataset = dataset_of(lab, _told(told[0])[0].spec)
    if dataset is None:
        return
    gold = gold_labels(dataset)
    st.markdown("### Errors to read")
    if taking_shot():
        task, first, second = shown.plans.tasks[0], told[0], told[-1]
    else:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            task = _task_picker(shown)
            first = _picked("Plan", Key.FIRST_READ, told, 0)
            second = _picked("against", Key.SECOND_READ, told, -1) if len(told) > 1 else first
    left, right = st.columns([5, 8], gap="medium")
    with left, st.container(gap="xsmall"):
        found = confusion(first, task, gold)
        if found is not None:
            _confusion(shown, task, first, found, facts, colors)
    if len(told) > 1:
        with right, st.container(gap="xsmall"):
            _changed(task, first, second, dataset, gold)


def _told(plan: PlanResult) -> list[RunSummary]:
    return [run for run in plan.runs.values() if run.finished is not None and run.answers]


def _task_picker(shown: Compared) -> Task:
    tasks = {task.name: task for task in shown.plans.tasks}
    if st.session_state.get(Key.TASK_READ) not in tasks:
        st.session_state[Key.TASK_READ] = next(iter(tasks))
    name = st.segmented_control(
        "Task", list(tasks), key=Key.TASK_READ, format_func=task_title, required=True
    )
    return tasks.get(name or "", shown.plans.tasks[0])


def _picked(title: str, key: Key, plans: list[PlanResult], default: int) -> PlanResult:
    labels = {plan.label: plan for plan in plans}
    if st.session_state.get(key) not in labels:
        st.session_state[key] = plans[default].label
    return labels.get(st.selectbox(title, list(labels), key=key, width=230), plans[default])


def _confusion(
    shown: Compared,
    task: Task,
    plan: PlanResult,
    found: Confusion,
    facts: str,
    colors: Palette,
) -> None:
    number = [each.name for each in shown.plans.tasks].index(task.name)
    title = f"{plan.label}: {confusion_words(found)}"
    over = f"Sum over {found.seeds} seeds" if found.seeds > 1 else "One seed"
    exact = "" if task.kind is TaskKind.SENTENCE else " An entity counts where its words are exact."
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(task_title(task.name))}], {plain(title)}")
        st.caption(f"{over}. Right answers in colour.{exact}")
    live_chart(
        confusion_figure(found.labels, found.counts, colors.task(number), colors),
        title=f"{task_title(task.name)}, {title}",
        facts=facts,
        filename=f"compare-{task.name}-confusion",
        colors=colors,
        key="compare_confusion",
    )


def confusion_words(found: Confusion) -> str:
    """The most frequent error in words."""
    errors = [
        (count, found.labels[true], found.labels[said])
        for true, row in enumerate(found.counts)
        for said, count in enumerate(row)
        if true != said and count
    ]
    if not errors:
        return "no error"
    count, true, said = max(errors)
    return f"{true} answered as {said} {count:,} times"


def _changed(
    task: Task,
    first: PlanResult,
    second: PlanResult,
    dataset: Dataset,
    gold: GoldLabels,
) -> None:
    seeds = [seed for seed in first.runs if seed in second.runs]
    one, other = (
        (first.runs[seeds[0]], second.runs[seeds[0]]) if seeds else (a_run(first), a_run(second))
    )
    if first.label == second.label:
        st.caption("Choose two plans to read the sentences on which they differ.")
        return
    found = changed_answers(one, other, task, gold)
    if found is None:
        st.caption("One of the two did not tell its answers.")
        return
    lost = sum(each.first_right for each in found)
    won = sum(each.second_right for each in found)
    with st.container(gap=None):
        answers = verb(second.label, "answers", "answer")
        sentences = "1 sentence" if len(found) == 1 else f"{len(found):,} sentences"
        st.markdown(f"### {plain(second.label)} {answers} {sentences} differently")
        st.caption(
            f"From {plain(first.label)}, seed {one.spec.seed}, to {plain(second.label)}, seed "
            f"{other.spec.seed}: {won} won, {lost} lost."
        )
    if found:
        _sentences(found, first.label, second.label, dataset)


def _sentences(found: tuple[Changed, ...], first: str, second: str, dataset: Dataset) -> None:
    rows = pd.DataFrame(
        [
            {
                "": _SIGNS.get((each.first_right, each.second_right), ""),
                "Sentence": _text(dataset.validation[each.place]),
                "In the data": _label(each, each.right, dataset),
                first: _label(each, each.first, dataset),
                second: _label(each, each.second, dataset),
            }
            for each in found
        ]
    )
    st.dataframe(
        rows,
        key=Key.CHANGED,
        hide_index=True,
        height="content" if len(found) <= _ROWS_HIGH else _HEADER_HEIGHT + _ROWS_HIGH * _ROW_HEIGHT,
        row_height=_ROW_HEIGHT,
        alt="Sentences that two plans answer differently",
        column_config={
            "": st.column_config.TextColumn("", width=64),
            "Sentence": st.column_config.TextColumn("Sentence", width=390),
        },
    )


def _text(example: Example) -> str:
    return example.text if example.text is not None else " ".join(example.words or ())


def _label(each: Changed, label: Label, dataset: Dataset) -> str:
    """A sentence's label, or its entities with their words."""
    if isinstance(label, str):
        return label
    words = dataset.validation[each.place].words or ()
    return ", ".join(f"{word} {tag}" for word, tag in zip(words, label, strict=True) if tag != "O")
