"""Each operation of the lab, asked for by somebody who did not start the run."""

import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from mtl_core.engine.actor import THIS_MACHINE, Actor
from mtl_core.engine.lab import Lab
from mtl_core.engine.purge import purge_uploads
from mtl_core.errors import NotPermitted, OverLimit
from mtl_core.settings import Limits, Settings
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, read_upload, store_upload
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec

SpecOf = Callable[[str], RunSpec]
ANN, STRANGER = Actor(visitor="a" * 32), Actor(visitor="b" * 32)
TEACHER = STRANGER.model_copy(update={"may_change_all": True})
COMPARED = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0,))
STARTS = {"start", "start_comparison", "queue_comparison", "queue_planned", "save_upload"}
OWN_VIEW = {"hide_shipped", "show_shipped", "hidden", "may_delete_upload"}


@pytest.fixture
def lab(settings: Settings) -> Iterator[Lab]:
    """A lab that executes nothing."""
    opened = Lab(settings)
    yield opened
    opened.close()


@pytest.fixture
def of_ann(lab: Lab, spec_of: SpecOf) -> dict[str, str]:
    """The ids of what Ann has: runs, comparisons and an upload."""
    run, deleted = (lab.store.add(spec_of("quick"), visitor=ANN.visitor).id for _ in range(2))
    lab.store.hide(deleted)
    planned = [PlannedRun(spec_of("quick"))]
    compared, gone = (
        lab.store.add_comparison(COMPARED, planned, visitor=ANN.visitor).id for _ in range(2)
    )
    lab.store.hide_comparison(gone)
    cut = lab.store.add(spec_of("quick"), RunState.RUNNING, visitor=ANN.visitor).id
    lab.store.interrupt(cut, "its process was killed")
    upload = store_upload(uploaded(), lab.settings.uploads, read_upload)
    lab.store.add_uploader(upload, str(ANN.visitor))
    return {
        "run": run,
        "cut": cut,
        "deleted": deleted,
        "compared": compared,
        "gone": gone,
        "upload": upload,
    }


def uploaded() -> tuple[UploadedTask, ...]:
    def file(name: str, *texts: str) -> UploadedFile:
        rows = "\n".join(f"{text},{label}" for text, label in zip(texts, "pn", strict=True))
        return UploadedFile(name, f"text,label\n{rows}\n".encode())

    task = UploadedTask(
        name="mood",
        kind=TaskKind.SENTENCE,
        head="classifier",
        train=file("train.csv", "fine day", "bad luck"),
        validation=file("dev.csv", "good meal", "dull film"),
        text="text",
        label="label",
    )
    return (task,)


OPERATIONS: dict[str, Callable[[Lab, dict[str, str], Actor], object]] = {
    "stop": lambda lab, ids, by: lab.stop(ids["run"], by),
    "resume_run": lambda lab, ids, by: lab.resume_run(ids["cut"], by),
    "name_run": lambda lab, ids, by: lab.name_run(ids["run"], "mine", ["tag"], by),
    "delete": lambda lab, ids, by: lab.delete(ids["run"], by),
    "undo_delete": lambda lab, ids, by: lab.undo_delete(ids["deleted"], by),
    "stop_comparison": lambda lab, ids, by: lab.stop_comparison(ids["compared"], by),
    "resume_comparison": lambda lab, ids, by: lab.resume_comparison(ids["compared"], by),
    "add_seeds": lambda lab, ids, by: lab.add_seeds(ids["compared"], [], by),
    "name_comparison": lambda lab, ids, by: lab.name_comparison(ids["compared"], "mine", by),
    "delete_comparison": lambda lab, ids, by: lab.delete_comparison(ids["compared"], by),
    "undo_delete_comparison": lambda lab, ids, by: lab.undo_delete_comparison(ids["gone"], by),
    "delete_upload": lambda lab, ids, by: lab.delete_upload(ids["upload"], by),
}
OF_THE_TEACHER: dict[str, Callable[[Lab, Actor], object]] = {
    "pause_queue": lambda lab, by: lab.pause_queue(True, by),
    "clear_queue": lambda lab, by: lab.clear_queue(by),
}


def test_every_operation_that_takes_an_actor_is_tried_by_a_stranger() -> None:
    taking = {
        name
        for name, method in inspect.getmembers(Lab, inspect.isfunction)
        if not name.startswith("_") and "by" in inspect.signature(method).parameters
    }
    assert taking == {*OPERATIONS, *OF_THE_TEACHER, *STARTS, *OWN_VIEW}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_stranger_is_refused_and_changes_nothing(
    lab: Lab, of_ann: dict[str, str], name: str
) -> None:
    before = state_of(lab, of_ann)
    with pytest.raises(NotPermitted, match="another visitor"):
        OPERATIONS[name](lab, of_ann, STRANGER)
    assert state_of(lab, of_ann) == before


@pytest.mark.parametrize("actor", [ANN, TEACHER, THIS_MACHINE], ids=["owner", "teacher", "machine"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_owner_the_teacher_and_the_machine_s_user_may(
    lab: Lab, of_ann: dict[str, str], name: str, actor: Actor
) -> None:
    OPERATIONS[name](lab, of_ann, actor)


@pytest.mark.parametrize("name", OF_THE_TEACHER)
def test_only_the_teacher_controls_the_queue(lab: Lab, of_ann: dict[str, str], name: str) -> None:
    for actor in (ANN, STRANGER):
        with pytest.raises(NotPermitted, match="Only the teacher can"):
            OF_THE_TEACHER[name](lab, actor)
    assert (lab.store.is_paused(), lab.store.run(of_ann["run"]).state) == (False, RunState.WAITING)
    OF_THE_TEACHER[name](lab, TEACHER)


def test_what_was_started_outside_of_the_dashboard_is_changed_on_this_machine_only(
    lab: Lab, spec_of: SpecOf
) -> None:
    run = lab.store.add(spec_of("quick")).id
    with pytest.raises(NotPermitted):
        lab.stop(run, STRANGER)
    lab.stop(run, STRANGER.model_copy(update={"is_on_this_machine": True}))
    assert lab.store.run(run).state is RunState.STOPPED


def test_files_that_two_visitors_uploaded_are_kept_until_both_have_deleted_them(
    lab: Lab, of_ann: dict[str, str]
) -> None:
    reference = lab.save_upload(uploaded(), STRANGER)
    assert reference == of_ann["upload"]
    folder = lab.settings.uploads / reference.removeprefix("upload:")
    lab.delete_upload(reference, ANN)
    assert folder.is_dir()
    with pytest.raises(NotPermitted):
        lab.delete_upload(reference, ANN)
    lab.delete_upload(reference, STRANGER)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 5.0}, "You requested 5 epochs; the limit of this dashboard is 4"),
        ({"batch_size": 33}, "33 sentences per batch; the limit of this dashboard is 32"),
        ({"max_length": 65}, "65 tokens per sentence; the limit of this dashboard is 64"),
        ({"examples": {"ner": 8}}, "8 training sentences; the limit of this dashboard is 7"),
    ],
)
def test_a_run_over_a_limit_is_refused_with_the_limit(
    settings: Settings, spec_of: SpecOf, changes: dict[str, object], message: str
) -> None:
    limits = Limits(epochs=4, batch_size=32, length=64, examples=7)
    lab = Lab(settings.model_copy(update={"limits": limits}))
    allowed = {"epochs": 4.0, "batch_size": 32, "max_length": 64}
    spec = spec_of("quick").model_copy(update=allowed)
    with pytest.raises(OverLimit, match=message):
        lab.start(spec.model_copy(update=changes), ANN)
    for actor in (TEACHER, THIS_MACHINE):
        lab.start(spec.model_copy(update=changes), actor)
    lab.start(spec, ANN)
    lab.close()


def test_the_runs_that_wait_for_one_visitor_are_limited(
    settings: Settings, spec_of: SpecOf
) -> None:
    lab = Lab(settings.model_copy(update={"limits": Limits(waiting_runs=3, comparison_runs=2)}))
    planned = [PlannedRun(spec_of("quick"))] * 3
    with pytest.raises(OverLimit, match=r"3 runs of one comparison; the limit .* is 2"):
        lab.queue_planned(COMPARED, planned, by=ANN)
    lab.queue_planned(COMPARED, planned[:2], by=ANN)
    lab.start(spec_of("quick"), ANN)
    with pytest.raises(OverLimit, match="1 more run in addition to your 3 waiting runs"):
        lab.start(spec_of("quick"), ANN)
    lab.start(spec_of("quick"), STRANGER)
    lab.close()


def state_of(lab: Lab, ids: dict[str, str]) -> object:
    store = lab.store
    return (
        store.run(ids["run"]),
        store.run(ids["cut"]),
        store.deleted(ids["deleted"]),
        store.comparison(ids["compared"]),
        store.deleted_comparison(ids["gone"]),
        (lab.settings.uploads / ids["upload"].removeprefix("upload:")).is_dir(),
    )


def test_the_uploads_of_one_visitor_are_limited(settings: Settings, spec_of: SpecOf) -> None:
    lab = Lab(settings.model_copy(update={"limits": Limits(uploads=1)}))
    lab.save_upload(uploaded(), ANN)
    with pytest.raises(OverLimit, match="You have stored 1 upload, the limit for one visitor"):
        lab.save_upload(uploaded(), ANN)
    lab.save_upload(uploaded(), STRANGER)
    lab.close()


def test_an_upload_expires_once_no_run_needs_it(lab: Lab, spec_of: SpecOf) -> None:
    reference = lab.save_upload(uploaded(), ANN)
    run = lab.store.add(spec_of("quick").model_copy(update={"data": reference})).id
    kept, days = lab.settings, {"upload_days": 1}
    expiring = lab.settings.model_copy(update=days)
    assert purge_uploads(lab.store, expiring) == []
    _upload_two_days_ago(lab, reference)
    assert purge_uploads(lab.store, kept) == []
    assert purge_uploads(lab.store, expiring) == []
    lab.stop(run)
    assert purge_uploads(lab.store, expiring) == [reference]
    assert not (lab.settings.uploads / reference.removeprefix("upload:")).exists()


def _upload_two_days_ago(lab: Lab, reference: str) -> None:
    before = (datetime.now(UTC) - timedelta(days=2)).isoformat(timespec="microseconds")
    with closing(sqlite3.connect(lab.settings.database)) as connection, connection:
        connection.execute(
            "UPDATE uploads SET uploaded_at = ? WHERE reference = ?", (before, reference)
        )
