"""Servers, trainers and inspectors that are killed: no process stays, no run is lost or doubled."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtl_core.engine.exit_status import describe_exit
from mtl_core.engine.inspector import Inspector
from mtl_core.engine.lab import Lab
from mtl_core.engine.resuming import MOST_ATTEMPTS, delete_state, recover
from mtl_core.engine.run_writer import RunWriter
from mtl_core.errors import ChildDied
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunStarted
from mtl_core.training.spec import RunSpec

Wait = Callable[..., None]
SpecOf = Callable[[str], RunSpec]

SERVER = """
import sys
from pathlib import Path
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings

with Lab(Settings(home=Path(sys.argv[1]), threads=1), [sys.executable, sys.argv[2]]):
    print("ready", flush=True)
    sys.stdin.readline()
"""
KILLED = (
    "The process that executed it was killed, or the machine was shut down. The events until then "
    "are stored; resume it to continue after its last saved step."
)


@pytest.fixture
def server(settings: Settings, trainer_argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Another process with an open lab on the same store."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(settings.home), trainer_argv[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def processes_of(store: RunStore, run: str) -> list[int]:
    """The process that executes a run, and the trainer of which it is a copy."""
    _, began = store.events(run)[0]
    assert isinstance(began, RunStarted)
    return [int(note) for note in began.notes[1:3]]


def test_the_runs_of_a_killed_server_are_resumed_and_its_processes_end(
    server: subprocess.Popen[str],
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    is_gone: Callable[[int], bool],
) -> None:
    ended = store.add(spec_of("quick"), visitor="ann").id
    wait_until(lambda: store.run(ended).state is RunState.FINISHED)
    before = store.events(ended)
    cut = store.add(spec_of("counting"), visitor="ann").id
    wait_until(lambda: store.run(cut).last_event > 5)
    pids = processes_of(store, cut)
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_until(lambda: all(map(is_gone, pids)))
    with Lab(settings, trainer_argv) as restarted:
        wait_until(lambda: store.run(cut).last_event > 5)
        assert processes_of(store, cut)[1] not in pids
        restarted.stop(cut)
        wait_until(lambda: store.run(cut).state is RunState.STOPPED)
    steps = [event.step for _, event in store.events(cut, kinds={"step"})]  # type: ignore[union-attr]
    assert steps == list(range(1, len(steps) + 1))
    assert store.events(ended) == before


def lost_again(store: RunStore, spec: RunSpec, run: str | None = None) -> str:
    """Let a process that has ended be the owner of a run."""
    gone = Owner(Owner.this_process().place, 2**22 + 1, "1")
    if run is None:
        return store.add(spec, RunState.RUNNING, gone, "ann").id
    (claimed,) = store.claim_job(gone)
    assert claimed.id == run
    return run


def test_a_run_that_ends_its_process_each_time_is_marked_with_the_reason_in_the_end(
    store: RunStore, settings: Settings, spec_of: SpecOf
) -> None:
    run = lost_again(store, spec_of("deaf"))
    for _ in range(MOST_ATTEMPTS):
        assert recover(store, settings, resumes=True) == [run]
        lost_again(store, spec_of("deaf"), run)
    assert recover(store, settings, resumes=True) == []
    assert (store.run(run).state, store.run(run).reason) == (RunState.INTERRUPTED, KILLED)


@pytest.mark.parametrize("content", [b"", b"\xff"])
def test_a_damaged_count_of_attempts_does_not_keep_a_server_from_its_start(
    store: RunStore, settings: Settings, spec_of: SpecOf, content: bytes
) -> None:
    run = lost_again(store, spec_of("deaf"))
    count = settings.state_folder(run).with_suffix(".attempts")
    count.parent.mkdir(parents=True)
    count.write_bytes(content)
    assert recover(store, settings, resumes=True) == [run]


def test_a_count_of_attempts_that_cannot_be_written_leaves_the_run_to_its_visitor(
    store: RunStore, settings: Settings, spec_of: SpecOf
) -> None:
    run = lost_again(store, spec_of("deaf"))
    (settings.home / "states").write_text("a file where the folder should be")
    delete_state(settings, run)
    assert recover(store, settings, resumes=True) == []
    assert (store.run(run).state, store.run(run).reason) == (RunState.INTERRUPTED, KILLED)


def test_a_server_that_was_taken_for_ended_adds_nothing_to_the_run_of_another_one(
    store: RunStore, settings: Settings, spec_of: SpecOf
) -> None:
    run = lost_again(store, spec_of("deaf"))
    stalled = RunWriter(store, store.run(run))
    assert recover(store, settings, resumes=True) == [run]
    stalled.stop("late")
    assert (stalled.ended, store.events(run)) == (True, [])
    (claimed,) = store.claim_job(Owner.this_process())
    stalled = RunWriter(store, stalled.run)
    stalled.stop("late")
    RunWriter(store, claimed).stop("enough")
    assert [event.event for _, event in store.events(run)] == ["run_stopped"]
    assert store.run(run).reason == "enough"


def test_two_servers_on_one_store_execute_each_run_once(
    server: subprocess.Popen[str],
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
) -> None:
    runs = [store.add(spec_of("quick"), visitor="ann").id for _ in range(8)]
    with Lab(settings, trainer_argv):
        wait_until(lambda: all(store.run(run).state is RunState.FINISHED for run in runs))
    kinds = ["run_started", "step", "step", "step", "run_finished"]
    assert [[event.event for _, event in store.events(run)] for run in runs] == [kinds] * 8


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (-signal.SIGABRT, ["terminate called after throwing an instance of 'std::bad_alloc'", ""]),
        (1, ["Traceback (most recent call last):", "MemoryError"]),
    ],
)
def test_a_process_that_wrote_that_memory_ran_out_ended_for_that_reason(
    status: int, lines: list[str]
) -> None:
    described = describe_exit(status, [line.encode() for line in lines])
    assert "Memory ran out: try a smaller batch size or maximum length" in described
    assert "neither the plan nor the data" not in described


def test_an_inspector_that_is_killed_in_the_middle_of_a_request_is_replaced(
    inspector_argv: list[str],
) -> None:
    inspector = Inspector(inspector_argv)
    minilm = resolve_checkpoint("minilm-l6", ANY_FILE)
    with pytest.raises(
        ChildDied, match=r"The process was ended by SIGKILL\. Most often the system"
    ):
        inspector.describe(minilm.model_copy(update={"reference": "killed"}))
    assert inspector.describe(minilm).hidden_size == 384
    inspector.close()
