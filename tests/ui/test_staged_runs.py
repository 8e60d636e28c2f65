"""Staged training on the Train page: the chain that is shown, and going on from a run."""

from collections.abc import Iterable

from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.events import RunEvent
from tests.chain_story import HEADS_SCORES, TOP_SCORES, stage_story
from tests.visiting import visited


def stored(lab: Lab, events: Iterable[RunEvent]) -> RunRecord:
    told = list(events)
    record = lab.store.add(told[0].spec, RunState.RUNNING)
    lab.store.append(record.id, told)
    return lab.store.run(record.id)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error, app.warning, app.info)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_a_run_that_starts_from_another_shows_its_stages(lab: Lab) -> None:
    first = stored(lab, stage_story("one", "heads-only", *HEADS_SCORES))
    story = stage_story("two", "freeze-head:ner", *TOP_SCORES, starts_from=first.id)
    second = stored(lab, story)
    app = visited("train", run=second.id)
    assert f"## This run is stage 2: it starts from {first.id}" in texts(app)
    (table,) = [frame.value for frame in app.dataframe if "Stage" in frame.value]
    assert list(table["Run"]) == [first.id, f"{second.id} (this run)"]
    assert list(table["NER entity F1"]) == ["0.020 → 0.500", "0.500 → 0.375, head frozen"]
    assert "NER entity F1 \N{MINUS SIGN}0.125 since stage 1" in texts(app)


def test_stages_of_a_deleted_run_are_shown_as_deleted(lab: Lab) -> None:
    first = stored(lab, stage_story("one", "heads-only", *HEADS_SCORES))
    story = stage_story("two", "freeze-head:ner", *TOP_SCORES, starts_from=first.id)
    second = stored(lab, story)
    lab.delete(first.id)
    app = visited("train", run=second.id)
    assert f"## This run starts from {first.id}" in texts(app)
    assert "which was deleted" in texts(app)


def test_a_run_that_starts_from_a_checkpoint_has_no_stages(lab: Lab) -> None:
    app = visited("train", run=stored(lab, stage_story("one", "full", *HEADS_SCORES)).id)
    assert not [frame for frame in app.dataframe if "Stage" in frame.value]
