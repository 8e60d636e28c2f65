"""Runs in the files of MLflow and TensorBoard, read back by these programs themselves."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mtl_core.export.tracking import follow
from mtl_core.export.tracking.follow import track
from mtl_core.export.tracking.trackers import TrackerKind, mlflow_uri, open_tracker
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunFailed
from tests.commands import Answer, run_in_home
from tests.run_story import came_along, finished_heads_only, spec_of

RUN = "one-that-came-along"


@pytest.fixture
def store() -> Iterator[RunStore]:
    with closing(RunStore(Settings.from_environment().database)) as opened:
        opened.import_comparison(came_along())
        yield opened


def command(*arguments: object) -> Answer:
    return run_in_home(Settings.from_environment().home, *arguments)


def mlflow_run(folder: Path, run: str = RUN):  # type: ignore[no-untyped-def]
    client = MlflowClient(tracking_uri=mlflow_uri(str(folder)))
    experiment = client.get_experiment_by_name("Freeze Lab")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id], f"tags.freeze_lab_run = '{run}'")
    return client, found


def test_a_run_is_in_mlflow_once_with_its_options_and_every_loss(
    store: RunStore, tmp_path: Path
) -> None:
    for _ in range(2):
        track(store, [RUN], open_tracker(TrackerKind.MLFLOW, str(tmp_path)))
    client, found = mlflow_run(tmp_path)
    assert found.info.status == "FINISHED"
    assert found.data.params["checkpoint"] == "minilm-l6"
    assert found.data.params["plan"] == "heads-only"
    steps = [event for _, event in store.events(RUN, kinds={"step"})]
    history = client.get_metric_history(found.info.run_id, "loss/sentiment")
    assert [(each.step, each.value) for each in history] == [
        (event.step, event.loss["sentiment"]) for event in steps if event.event == "step"
    ]
    assert "  train:\n  - heads\n" in found.data.tags["mlflow.note.content"]


def test_a_run_is_in_tensorboard_with_its_plan_and_every_loss(
    store: RunStore, tmp_path: Path
) -> None:
    for _ in range(2):
        track(store, [RUN], open_tracker(TrackerKind.TENSORBOARD, str(tmp_path)))
    read = EventAccumulator(str(tmp_path / RUN)).Reload()
    steps = [event for _, event in store.events(RUN, kinds={"step"})]
    assert [(each.step, each.value) for each in read.Scalars("loss/ner")] == [
        (event.step, pytest.approx(event.loss["ner"])) for event in steps if event.event == "step"
    ]
    (plan,) = read.Tensors("plan/text_summary")
    assert b"name: heads-only" in plan.tensor_proto.string_val[0]
    (state,) = read.Tensors("state/text_summary")
    assert state.tensor_proto.string_val[0] == b"finished"


def test_a_run_is_followed_until_it_ends(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.add(spec_of("heads-only"), RunState.RUNNING).id
    *first, _ = finished_heads_only(run)
    store.append(run, first[:3])
    slept = []

    def add_the_rest(seconds: float) -> None:
        slept.append(seconds)
        store.append(run, [*first[3:], RunFailed(elapsed_seconds=9.0, reason="The disk is full.")])

    monkeypatch.setattr(follow, "sleep", add_the_rest)
    ended: list[str] = []
    track(store, [run], open_tracker(TrackerKind.MLFLOW, str(tmp_path)), ended.append)
    assert ended == [run]
    assert len(slept) == 1
    client, found = mlflow_run(tmp_path, run)
    assert (found.info.status, found.data.tags["reason"]) == ("FAILED", "The disk is full.")
    assert len(client.get_metric_history(found.info.run_id, "loss/ner")) == 10


def test_the_command_writes_a_comparison_and_names_how_to_open_it(
    store: RunStore, tmp_path: Path
) -> None:
    answer = run_in_home(
        Settings.from_environment().home,
        "track",
        "came-along",
        "--to",
        "tensorboard",
        "--place",
        str(tmp_path),
    )
    assert answer.code == 0
    assert answer.out.splitlines() == [
        f"{RUN} is written to {tmp_path}.",
        f"1 run in {tmp_path}. Open it with: tensorboard --logdir {tmp_path}",
    ]
    assert list((tmp_path / RUN).iterdir())


def test_a_place_that_cannot_be_used_is_bad_input(store: RunStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    answer = run_in_home(
        Settings.from_environment().home, "track", RUN, "--to", "mlflow", "--place", str(file)
    )
    assert answer.code == 2
    assert answer.err.startswith(f"mlflow cannot use '{file}'")
