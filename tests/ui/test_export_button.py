"""The Export button of the Compare page and of an ended run."""

from collections.abc import Iterable

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunState
from mtl_core.training.events import RunEvent
from mtl_core.ui.export_bundle import note_of_runs, zip_of_runs
from tests.run_story import finished_heads_only, spec_of
from tests.visiting import visited


def stored(lab: Lab, events: Iterable[RunEvent]) -> str:
    told = list(events)
    record = lab.store.add(told[0].spec, RunState.RUNNING)
    lab.store.append(record.id, told)
    return record.id


def downloads(app: AppTest) -> list[str]:
    return [each.label for each in app.get("download_button")]


BOTH = ["Note as one HTML page", "Note, figures, tables, scripts as zip"]


def test_compare_offers_the_compared_runs_as_a_note_and_as_a_zip(lab: Lab) -> None:
    ids = [stored(lab, finished_heads_only()) for _ in range(2)]
    app = visited("compare", runs=",".join(ids))
    assert downloads(app) == BOTH
    commands = [each.value for each in app.caption if "mtl_core export" in each.value]
    assert len(commands) == 1
    assert f"export {' '.join(ids)} --output freeze-lab-{ids[0]}-and-1-more`" in commands[0]


def test_with_no_run_chosen_there_is_nothing_to_export(lab: Lab) -> None:
    for _ in range(2):
        stored(lab, finished_heads_only())
    app = visited("compare")
    app.pills(key="runs").set_value([]).run()
    assert not app.exception
    assert downloads(app) == []


def test_an_ended_run_is_offered_on_its_own_page_and_a_waiting_one_is_not(lab: Lab) -> None:
    ended = stored(lab, finished_heads_only())
    waiting = lab.store.add(spec_of("full")).id
    assert downloads(visited("train", run=ended)) == BOTH
    assert downloads(visited("train", run=waiting)) == []


@pytest.mark.parametrize("runs", [1, 2])
def test_what_the_buttons_give_is_made_from_the_store(lab: Lab, runs: int) -> None:
    ids = [stored(lab, finished_heads_only()) for _ in range(runs)]
    assert note_of_runs(lab, ids).startswith("<!doctype html>")
    assert zip_of_runs(lab, ids, "stem").startswith(b"PK")
