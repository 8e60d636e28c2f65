"""Several runs at once: started, stopped, crashed and interrupted independently."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from mtl_core.engine.capacity import Capacity
from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.engine.supervisor import Supervisor
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import PlannedRun, RunRole, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFinished, RunStarted
from mtl_core.training.spec import RunSpec

Wait = Callable[[Callable[[], bool]], None]
SpecOf = Callable[[str], RunSpec]
Queue = Callable[..., list[str]]
TWO_AT_ONCE = Capacity(runs=2, cores=2)
COMPARED = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0,))


@pytest.fixture
def supervisor(
    store: RunStore, settings: Settings, trainer_argv: list[str]
) -> Iterator[Supervisor]:
    """A supervisor of two runs at once, not started yet."""
    made = Supervisor(store, settings, LocalExecutor(trainer_argv), capacity=lambda: TWO_AT_ONCE)
    yield made
    made.close()


@pytest.fixture
def queue(store: RunStore, spec_of: SpecOf) -> Queue:
    """Add runs with these behaviours; returns their ids."""

    def add(*behaviours: str, threads: int = 1) -> list[str]:
        specs = (spec_of(each).model_copy(update={"threads": threads}) for each in behaviours)
        return [store.add(spec).id for spec in specs]

    return add


@pytest.fixture
def begun(store: RunStore, wait_until: Wait) -> Callable[..., None]:
    """Wait until each of the runs has done a step."""

    def wait(*runs: str) -> None:
        wait_until(lambda: all(store.run(run).last_event >= 2 for run in runs))

    return wait


@pytest.fixture
def ended(store: RunStore, wait_until: Wait) -> Callable[..., list[RunState]]:
    """Wait for runs to end; returns their final states."""

    def wait(*runs: str) -> list[RunState]:
        wait_until(lambda: all(store.run(run).state.is_final for run in runs))
        return [store.run(run).state for run in runs]

    return wait


def process_of(store: RunStore, run: str) -> int:
    """The process that executes a run."""
    _, began = store.events(run)[0]
    assert isinstance(began, RunStarted)
    return int(began.notes[1])


def trainer_of(store: RunStore, run: str) -> int:
    """The trainer of which that process is a copy."""
    _, began = store.events(run)[0]
    assert isinstance(began, RunStarted)
    return int(began.notes[2])


def test_two_runs_are_trained_at_once_and_a_third_follows_the_first_to_end(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    first, second, third = queue("patient", "patient", "patient")
    supervisor.start()
    begun(first, second)
    assert store.run(third).state is RunState.WAITING
    assert process_of(store, first) != process_of(store, second)
    store.request_stop(second)
    assert ended(second) == [RunState.STOPPED]
    begun(third)
    assert store.run(first).state is RunState.RUNNING
    assert trainer_of(store, third) == trainer_of(store, second)
    assert store.run(first).stop_requested is False


def test_a_run_waits_for_the_run_that_it_starts_from(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    spec_of: SpecOf,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    (first,) = queue("patient")
    second = store.add(spec_of("quick").model_copy(update={"starts_from": first})).id
    supervisor.start()
    begun(first)
    store.request_stop(first)
    ended(first, second)
    assert store.run(first).finished_at <= store.run(second).started_at  # type: ignore[operator]


def test_a_run_with_all_threads_runs_alone(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    (wide,) = queue("patient", threads=2)
    (narrow,) = queue("quick")
    supervisor.start()
    begun(wide)
    store.request_stop(wide)
    assert ended(wide, narrow) == [RunState.STOPPED, RunState.FINISHED]
    assert store.run(wide).finished_at <= store.run(narrow).started_at  # type: ignore[operator]


def test_a_run_that_measures_an_epoch_has_the_machine_to_itself(
    supervisor: Supervisor,
    store: RunStore,
    spec_of: SpecOf,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    pace = PlannedRun(spec_of("patient"), RunRole.PACE)
    made = store.add_comparison(COMPARED, [pace, PlannedRun(spec_of("quick"))])
    measuring, result = made.trial_runs[0].id, made.runs[0].id
    supervisor.start()
    begun(measuring)
    store.request_stop(measuring)
    assert ended(measuring, result) == [RunState.STOPPED, RunState.FINISHED]
    assert store.run(measuring).finished_at <= store.run(result).started_at  # type: ignore[operator]


def test_a_crash_fails_one_run_and_not_the_one_beside_it(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    crashing, beside, after = queue("deaf", "patient", "quick")
    supervisor.start()
    begun(crashing, beside)
    os.kill(process_of(store, crashing), signal.SIGKILL)
    assert ended(crashing, after) == [RunState.FAILED, RunState.FINISHED]
    assert store.run(beside).state is RunState.RUNNING
    store.request_stop(beside)
    assert ended(beside) == [RunState.STOPPED]


def test_both_runs_are_stopped_even_in_the_middle_of_a_step(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
    is_gone: Callable[[int], bool],
    wait_until: Wait,
) -> None:
    runs = queue("deaf", "deaf")
    supervisor.start()
    begun(*runs)
    for run in runs:
        store.request_stop(run)
    assert ended(*runs) == [RunState.STOPPED] * 2
    wait_until(lambda: all(is_gone(process_of(store, run)) for run in runs))


def test_closing_interrupts_every_running_run(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    is_gone: Callable[[int], bool],
    wait_until: Wait,
) -> None:
    *running, waiting = queue("deaf", "patient", "quick")
    supervisor.start()
    begun(*running)
    supervisor.close()
    assert [store.run(run).state for run in running] == [RunState.INTERRUPTED] * 2
    assert store.run(waiting).state is RunState.WAITING
    wait_until(lambda: all(is_gone(process_of(store, run)) for run in running))


def test_runs_of_another_process_leave_room_for_one_run_only(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    spec_of: SpecOf,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    elsewhere = Owner("another machine", 1, None)
    store.add(spec_of("patient"), RunState.RUNNING, elsewhere)
    first, second = queue("patient", "quick")
    supervisor.start()
    begun(first)
    store.request_stop(first)
    assert ended(first, second) == [RunState.STOPPED, RunState.FINISHED]
    assert store.run(first).finished_at <= store.run(second).started_at  # type: ignore[operator]


def test_runs_that_another_process_trains_together_are_one_job(
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    queue: Queue,
    spec_of: SpecOf,
    begun: Callable[..., None],
) -> None:
    store.add_comparison(COMPARED, [PlannedRun(spec_of("patient")) for _ in range(3)])
    elsewhere = Owner("another machine", 1, None)
    assert len(store.claim_job(elsewhere, group=lambda first, others: (first, *others))) == 3
    executor = LocalExecutor(trainer_argv)
    supervisor = Supervisor(
        store, settings, executor, capacity=lambda: Capacity(runs=3, cores=3, memory_bytes=None)
    )
    first, second, third = queue("patient", "patient", "patient")
    supervisor.start()
    begun(first, second)
    assert store.run(third).state is RunState.WAITING
    supervisor.close()


def test_a_run_beside_another_one_has_the_number_in_its_final_event(
    supervisor: Supervisor,
    store: RunStore,
    queue: Queue,
    begun: Callable[..., None],
    ended: Callable[..., list[RunState]],
) -> None:
    patient, quick = queue("patient", "quick")
    supervisor.start()
    begun(patient)
    assert ended(quick) == [RunState.FINISHED]
    store.request_stop(patient)
    ended(patient)
    (alone,) = queue("quick")
    assert ended(alone) == [RunState.FINISHED]
    ends = [store.latest(run, "run_finished") for run in (quick, alone)]
    assert [end.trained_beside for end in ends if isinstance(end, RunFinished)] == [1, 0]
