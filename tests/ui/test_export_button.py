"""The Export button of the Compare page and of an ended run."""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.export.included import Included
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, store_upload
from mtl_core.text import bytes_text
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


def on_upload(lab: Lab, tiny_data: Path) -> str:
    """A finished run on an upload, which recorded its digests."""
    tasks = tuple(
        UploadedTask(task, kind, head, *(file_of(tiny_data, name, split) for split in SPLITS))
        for task, kind, head, name in (
            ("sentiment", TaskKind.SENTENCE, "classifier", "reviews.{}.csv"),
            ("ner", TaskKind.TOKEN, "ner", "entities.{}.conll"),
        )
    )
    reference = store_upload(tasks, lab.settings.uploads, name="Kind reviews")
    data = lab.data.dataset(reference)
    begin, *others = finished_heads_only()
    recorded = {"data": reference, "data_name": data.name, "data_digests": dict(data.digests)}
    spec = begin.spec.model_copy(update=recorded)
    examples = {"sentiment": {"train": 8, "validation": 4}}
    return stored(lab, [begin.model_copy(update={"spec": spec, "examples": examples}), *others])


def file_of(data: Path, name: str, split: str) -> UploadedFile:
    path = data.parent / name.format(split)
    return UploadedFile(path.name, path.read_bytes())


SPLITS = ("train", "dev")
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
    assert "--scenarios heads-only,full \\\n#   --seeds 1,2" in script
    note = note_of_runs(lab, ids, record)
    assert "3 of 4 runs have not finished: " not in note  # three are told one by one
    assert note.count("has not finished") == 3
    assert f"# {record.id}" in note


def test_the_page_says_that_the_data_do_not_travel_and_includes_them_on_request(
    lab: Lab, tiny_data: Path
) -> None:
    run = on_upload(lab, tiny_data)
    files = list(lab.settings.uploads.glob("*/*"))
    size = bytes_text(sum(each.stat().st_size for each in files))
    app = visited("train", run=run)
    choice = app.checkbox(key="export_data")
    assert choice.label == f"Include the data in the zip: {size}"
    (caption,) = [each.value for each in app.caption if "does not contain" in each.value]
    caption = caption.replace("\\", "")  # the escapes of Markdown
    assert caption.startswith(
        "The zip does not contain the data Kind reviews (8 + 4 sentences for sentiment; SHA-256 of "
    )
    assert "upload:" not in caption
    choice.check().run()
    assert not app.exception
    assert not any("does not contain" in each.value for each in app.caption)
    assert any(f"export {run} --with-data --output" in each.value for each in app.caption)
    included = Included(data=True, access=lab.access)
    with zipfile.ZipFile(io.BytesIO(zip_of_runs(lab, [run], "stem", included=included))) as archive:
        inside = [name for name in archive.namelist() if name.startswith("stem/data/")]
        assert {Path(name).name for name in inside} == {each.name for each in files}
        assert archive.testzip() is None
    (changed,) = [each for each in files if each.suffix == ".csv" and "awful" in each.read_text()][
        :1
    ]
    changed.write_text(changed.read_text().replace("awful", "bad"))
    app.run()
    assert "The data have changed since the run" in app.error[0].value
    with pytest.raises(BadInput, match="'Kind reviews' cannot be included: they have changed"):
        zip_of_runs(lab, [run], "stem", included=included)


def test_nothing_is_said_about_data_that_come_with_freeze_lab(lab: Lab) -> None:
    app = visited("train", run=stored(lab, finished_heads_only()))
    assert [each.key for each in app.checkbox if each.key == "export_data"] == []
    assert not any("does not contain" in each.value for each in app.caption)
