"""Baselines of the data beside plans: those that are known, and a word while they are not."""

from dataclasses import dataclass

import streamlit as st

from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import FreezeLabError
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.curve import BaselinesBySize, limits_at
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.comparison import TrainSize
from mtl_core.ui.compare.compared_now import learned_from, limited_data
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.shot import taking_shot

_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class BaselinesNow:
    """What is known of them at this moment: `known`, or the data that are being worked on, or the
    `problem` that came up; nothing of the three where the plans share no data."""

    known: tuple[Baseline, ...] = ()
    awaited: Dataset | None = None
    problem: str | None = None


def baselines_of_data_now(lab: Lab, shown: ComparedRuns) -> BaselinesNow:
    """The baselines of the data that the plans share. A page does not wait for them; a picture of
    it does."""
    return _of_data_now(lab, learned_from(lab, shown))


def _of_data_now(lab: Lab, data: Dataset | None) -> BaselinesNow:
    if data is None:
        return BaselinesNow()
    try:
        known = lab.baselines.wait_for(data) if taking_shot() else lab.baselines.get(data)
    except FreezeLabError as problem:
        return BaselinesNow(problem=str(problem))
    return BaselinesNow(awaited=data) if known is None else BaselinesNow(known)


@dataclass(frozen=True, slots=True)
class BaselinesBySizeNow:
    """What is known by number of training sentences, and what keeps the others away."""

    known: BaselinesBySize
    missing: BaselinesNow


def baselines_by_size_now(lab: Lab, shown: ComparedRuns) -> BaselinesBySizeNow:
    """The baselines of the data at each number of training sentences, the largest first, one
    worked out after the other: what is worked out trains beside a run that is under way."""
    known: dict[TrainSize, tuple[Baseline, ...]] = {}
    for size, (spec, limits) in limits_at(shown).items():
        found = _of_data_now(lab, limited_data(lab, spec, limits))
        known[size] = found.known
        if found.awaited is not None or found.problem is not None:
            return BaselinesBySizeNow(known, found)
    return BaselinesBySizeNow(known, BaselinesNow())


def say_what_is_missing(baselines: BaselinesNow) -> None:
    """That they are being worked out, until they are and the page is drawn again; or why they are
    not."""
    if baselines.problem is not None:
        st.caption(f"Without majority class and bag of words. {plain(baselines.problem)}")
    elif baselines.awaited is not None:
        st.fragment(_watch, run_every=_LOOK_SECONDS)(baselines.awaited)


def _watch(data: Dataset) -> None:
    if not the_lab().baselines.is_computing(data):
        st.rerun(scope="app")
    st.caption(
        "Two baselines of these data, majority class and bag of words, are being worked out; the "
        "figures will show them in a moment."
    )
