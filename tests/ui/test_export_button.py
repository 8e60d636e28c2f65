"""The Export button of the Compare page and of an ended run."""

import io
import zipfile
from collections.abc import Iterable

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunEvent
from mtl_core.ui.shared.export_popover import note_of_runs, zip_of_runs
from tests.run_story import finished_heads_only, spec_of
from tests.visiting import visited


def stored(lab: Lab, events: Iterable[RunEvent]) -> str:
    told = list(events)
    record = lab.store.add(told[0].spec, RunState.RUNNING)
    lab.store.append(record.id, told)
    return record.id


def downloads(app: AppTest) -> list[str]:
    return [each.label for each in app.get("download_button")]


BOTH = ["Note as one HTML page", "Note, figures, tables and scripts as zip"]


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


def test_a_comparison_is_exported_under_its_own_name(lab: Lab) -> None:
    asked = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only", "full"), seeds=(1, 2))
    planned = [
        PlannedRun(spec_of(scenario, seed=seed))
        for seed in asked.seeds
        for scenario in asked.arm_names
    ]
    record = lab.store.add_comparison(asked, planned)
    first = record.runs[0].id
    lab.store.append(first, list(finished_heads_only(first)))
    record = lab.store.comparison(record.id)
    app = visited("compare", comparison=record.id)
    assert downloads(app) == BOTH
    (command,) = [each.value for each in app.caption if "mtl_core export" in each.value]
    assert f"export {record.id} --output freeze-lab-{record.id}`" in command
    ids = [run.id for run in record.runs]
    with zipfile.ZipFile(io.BytesIO(zip_of_runs(lab, ids, "stem", record))) as archive:
        names = set(archive.namelist())
        spec = archive.read("stem/comparison.json")
        script = archive.read("stem/repeat.sh").decode()
    assert {"stem/tables/plans.csv", "stem/tables/fronts.csv", "stem/note.md"} <= names
    assert ComparisonSpec.model_validate_json(spec) == asked
    assert "--scenarios heads-only,full \\\n  --seeds 1,2" in script
    note = note_of_runs(lab, ids, record)
    assert "3 of 4 runs have not finished: " not in note  # three are told one by one
    assert note.count("has not finished") == 3
    assert f"# {record.id}" in note
