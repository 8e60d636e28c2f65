"""`runs`: list, show, stop, delete and prune, and the queue."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.spec import RunSpec

Command = Callable[..., Any]
SHORT = ("--scenario", "heads-only", "--epochs", 1, "--batch-size", 6)
JSONL = ("--format", "jsonl")


def test_runs_alone_prints_its_help(command: Command) -> None:
    answer = command("runs")

    assert answer.code == 0
    assert all(f"  {name} " in answer.out for name in ("list", "show", "delete"))


def test_runs_are_listed_shown_again_and_deleted(train: Command, command: Command) -> None:
    trained = train(*SHORT, *JSONL)
    run = trained.events[0]["run"]

    listed = command("runs", "list", "--format", "json")
    assert [each["run"] for each in listed.json] == [run]
    assert listed.json[0]["state"] == "finished"
    assert listed.json[0]["scenario"] == "heads-only"
    assert listed.json[0]["seed"] == 0
    assert listed.json[0]["arm"] is None
    assert listed.json[0]["ended"] > listed.json[0]["started"]
    assert run in command("runs", "list").out
    assert "sentiment accuracy" in command("runs", "list").out

    assert (listed.json[0]["title"], listed.json[0]["tags"]) == (None, [])

    again = command("runs", "show", run, *JSONL)
    assert (again.code, again.events) == (0, trained.events)
    assert command("runs", "show", run).out.startswith(f"Run {run}\n")

    assert command("runs", "delete", run) == (0, "", f"Run {run} is deleted.\n")
    assert command("runs", "list", "--format", "json").json == []
    assert command("runs", "show", run).code == 2


def test_runs_are_listed_with_their_title_and_tags(train: Command, command: Command) -> None:
    run = train(*SHORT, *JSONL).events[0]["run"]
    assert "tags" not in command("runs", "list").out
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.rename(run, "my [first] run")
        store.tag(run, ["thesis", "draft"])

    listed = command("runs", "list", "--format", "json").json[0]
    assert (listed["title"], listed["tags"]) == ("my [first] run", ["thesis", "draft"])
    out = command("runs", "list").out
    assert "my [first] run" in out
    assert "thesis, draft" in out


def test_a_run_deleted_on_the_page_is_not_listed_and_can_be_deleted_permanently(
    train: Command, command: Command
) -> None:
    run = train(*SHORT, *JSONL).events[0]["run"]
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.hide(run)

    assert command("runs", "list", "--format", "json").json == []
    assert f"Run '{run}' was deleted." in command("runs", "show", run).err
    assert command("runs", "delete", run) == (0, "", f"Run {run} is deleted.\n")
    assert f"There is no run '{run}'" in command("runs", "show", run).err


def test_an_empty_store_prints_how_to_start_a_run(command: Command) -> None:
    assert "No runs yet. `python -m mtl_core train" in command("runs", "list").out
    assert command("runs", "list", "--format", "json").out == "[]\n"


def test_the_queue_is_paused_resumed_and_cleared(command: Command, spec: RunSpec) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        runs = [store.add(spec).id for _ in range(3)]
        assert command("runs", "stop", runs[0]) == (0, "", f"{runs[0]} is stopped.\n")
        assert store.run(runs[0]).state is RunState.STOPPED
        assert "has ended already: stopped" in command("runs", "stop", runs[0]).err
        assert command("runs", "pause").err == "The queue is paused; 2 runs waiting.\n"
        assert store.is_paused()
        assert command("runs", "resume").err == "The queue is not paused.\n"
        assert not store.is_paused()
        assert command("runs", "clear").err == "2 waiting runs stopped.\n"
        assert store.active() == []


def test_saved_models_are_pruned_and_runs_stay(command: Command, spec: RunSpec) -> None:
    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        runs = [store.add(spec).id for _ in range(2)]
        store.clear_queue()
    for run in runs:
        settings.run_folder(run).mkdir(parents=True)
        (settings.run_folder(run) / "model.safetensors").write_bytes(bytes(2_000_000))
    said = command("runs", "prune", "--keep", 1, "--dry-run").err
    assert said == "1 saved model would be deleted: 2 MB.\n"
    assert command("runs", "prune", "--keep", 1).err == "1 saved model deleted: 2 MB.\n"
    assert [settings.run_folder(run).exists() for run in runs] == [False, True]
    assert len(command("runs", "list", "--format", "json").json) == 2


def test_a_long_list_of_runs_continues_after_a_run(command: Command, spec: RunSpec) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        runs = [store.add(spec).id for _ in range(5)]
        store.clear_queue()
    first = command("runs", "list", "--format", "json", "--limit", 2).json
    assert [each["run"] for each in first] == [runs[4], runs[3]]
    rest = command("runs", "list", "--format", "json", "--before", runs[3]).json
    assert [each["run"] for each in rest] == runs[2::-1]


@pytest.fixture
def spec() -> RunSpec:
    heads = Plan(name="heads only", phases=(Phase(name="heads", train=("heads",)),))
    return RunSpec(checkpoint="minilm-l6", plan=heads, tasks=DEFAULT_TASKS)
