"""Runs from the queue to their final event, in real child processes."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.engine.supervisor import Supervisor
from mtl_core.settings import Settings
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFailed, RunStarted, RunStopped
from mtl_core.training.spec import RunSpec

Wait = Callable[[Callable[[], bool]], None]
SpecOf = Callable[[str], RunSpec]


@pytest.fixture
def supervisor(
    store: RunStore, settings: Settings, trainer_argv: list[str]
) -> Iterator[Supervisor]:
    running = Supervisor(store, settings, LocalExecutor(trainer_argv))
    running.start()
    yield running
    running.close()


@pytest.fixture
def start(supervisor: Supervisor, store: RunStore, spec_of: SpecOf) -> Callable[[str], str]:
    """Queue a run with this behaviour; returns its id."""

    def queue(behaviour: str) -> str:
        run = store.add(spec_of(behaviour)).id
        supervisor.wake()
        return run

    return queue


@pytest.fixture
def ended(store: RunStore, wait_until: Wait) -> Callable[[str], RunState]:
    """Wait for a run to end; returns its final state."""

    def wait(run: str) -> RunState:
        wait_until(lambda: store.run(run).state.is_final)
        return store.run(run).state

    return wait


def kinds(store: RunStore, run: str) -> list[str]:
    return [event.event for _, event in store.events(run)]


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


def test_a_runs_events_arrive_in_order(
    start: Callable[[str], str], ended: Callable[[str], RunState], store: RunStore
) -> None:
    run = start("quick")
    assert ended(run) is RunState.FINISHED
    assert [number for number, _ in store.events(run)] == [1, 2, 3, 4, 5]
    assert kinds(store, run) == ["run_started", "step", "step", "step", "run_finished"]
    assert [event.step for _, event in store.events(run, kinds={"step"})] == [1, 2, 3]  # type: ignore[union-attr]


def test_the_trainer_receives_the_id_the_spec_and_the_folder_of_a_run(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    settings: Settings,
    spec_of: SpecOf,
) -> None:
    run = start("quick")
    ended(run)
    _, began = store.events(run)[0]
    assert isinstance(began, RunStarted)
    assert (began.run, began.spec) == (run, spec_of("quick"))
    assert began.notes[0] == str(settings.home / "runs" / run)


def test_a_second_run_waits_and_then_has_the_same_warm_child(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
) -> None:
    first, second = start("patient"), start("quick")
    wait_until(lambda: store.run(first).last_event >= 1)
    assert store.run(second).state is RunState.WAITING
    store.request_stop(first)
    assert ended(second) is RunState.FINISHED
    assert trainer_of(store, first) == trainer_of(store, second)
    assert store.run(first).finished_at <= store.run(second).started_at  # type: ignore[operator]


def test_a_run_added_by_another_process_is_found(
    supervisor: Supervisor,
    store: RunStore,
    spec_of: SpecOf,
    ended: Callable[[str], RunState],
) -> None:
    assert ended(store.add(spec_of("quick")).id) is RunState.FINISHED


def test_the_run_itself_reports_a_stop_between_two_steps(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
) -> None:
    run = start("patient")
    wait_until(lambda: store.run(run).last_event >= 1)
    store.request_stop(run)
    assert ended(run) is RunState.STOPPED
    assert store.run(run).reason == "stopped between two steps"


def test_a_step_that_never_ends_is_ended_by_a_stop(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
    is_gone: Callable[[int], bool],
) -> None:
    run = start("deaf")
    wait_until(lambda: store.run(run).last_event >= 2)
    store.request_stop(run)
    assert ended(run) is RunState.STOPPED
    assert kinds(store, run) == ["run_started", "step", "run_stopped"]
    wait_until(lambda: is_gone(process_of(store, run)))
    after = start("quick")
    assert ended(after) is RunState.FINISHED
    assert process_of(store, after) != process_of(store, run)


def test_a_killed_trainer_fails_its_run_with_the_cause(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
) -> None:
    run = start("deaf")
    wait_until(lambda: store.run(run).last_event >= 2)
    os.kill(process_of(store, run), signal.SIGKILL)
    assert ended(run) is RunState.FAILED
    reason = store.run(run).reason
    assert reason is not None
    assert reason.startswith("The process was ended by SIGKILL. Most often the system ran out of")
    assert kinds(store, run) == ["run_started", "step", "run_failed"]
    assert ended(start("quick")) is RunState.FINISHED


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("refused", "The weights of 'x' are not on this machine."),
        ("broken", "Unexpected ValueError: a mistake of ours"),
        ("mute", "The run ended without a final event."),
        (
            "crashed",
            "The process was ended by SIGSEGV. A library crashed; neither the plan nor the data is "
            "the cause. If memory was short, try a smaller batch size or maximum length, or a plan "
            "that trains only higher layers. Last line of its error output: Fatal: the last line "
            "it wrote",
        ),
    ],
)
def test_a_failure_is_the_final_event_and_the_next_run_starts(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    behaviour: str,
    reason: str,
) -> None:
    failing, next_one = start(behaviour), start("quick")
    assert ended(failing) is RunState.FAILED
    assert store.run(failing).reason == reason
    _, final_event = store.events(failing)[-1]
    assert isinstance(final_event, RunFailed)
    assert final_event.reason == reason
    assert ended(next_one) is RunState.FINISHED


def test_what_a_library_prints_does_not_break_the_protocol(
    start: Callable[[str], str], ended: Callable[[str], RunState], store: RunStore
) -> None:
    run = start("noisy")
    assert ended(run) is RunState.FINISHED
    assert kinds(store, run) == ["run_started", "step", "step", "step", "run_finished"]


def test_a_trainer_that_cannot_be_started_fails_the_run(
    store: RunStore, settings: Settings, spec_of: SpecOf, ended: Callable[[str], RunState]
) -> None:
    run = store.add(spec_of("quick")).id
    helpless = Supervisor(store, settings, LocalExecutor(["/nowhere/python"]))
    helpless.start()
    assert ended(run) is RunState.FAILED
    helpless.close()
    assert "No such file or directory: '/nowhere/python'" in (store.run(run).reason or "")


def test_closing_interrupts_the_current_run_and_keeps_the_queue(
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    ended: Callable[[str], RunState],
    is_gone: Callable[[int], bool],
) -> None:
    under_way, waiting = store.add(spec_of("deaf")).id, store.add(spec_of("quick")).id
    first = Supervisor(store, settings, LocalExecutor(trainer_argv))
    first.start()
    wait_until(lambda: store.run(under_way).last_event >= 2)
    first.close()
    assert store.run(under_way).state is RunState.INTERRUPTED
    assert store.run(under_way).reason == (
        "Freeze Lab was closed during this run. Resume it to continue after its last saved step."
    )
    assert store.run(waiting).state is RunState.WAITING
    wait_until(lambda: is_gone(process_of(store, under_way)))
    second = Supervisor(store, settings, LocalExecutor(trainer_argv))
    second.start()
    assert ended(waiting) is RunState.FINISHED
    second.close()


def test_the_trainer_has_a_low_priority(
    start: Callable[[str], str],
    supervisor: Supervisor,
    store: RunStore,
    wait_until: Wait,
) -> None:
    run = start("patient")
    wait_until(lambda: store.run(run).last_event >= 1)
    (pid,) = supervisor.trainer_pids
    nice = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16]
    assert int(nice) == min(19, os.nice(0) + 15)
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000"
    assert os.getsid(pid) == pid


def test_a_store_that_fails_for_a_while_does_not_end_the_supervision(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    settings: Settings,
    wait_until: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert ended(start("quick")) is RunState.FINISHED
    rename(settings.database, "runs", "elsewhere")
    wait_until(lambda: "The supervisor failed and will try again" in caplog.text)
    rename(settings.database, "elsewhere", "runs")
    assert ended(start("quick")) is RunState.FINISHED


def test_a_final_event_that_cannot_be_written_is_written_later(
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    settings: Settings,
    wait_until: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = start("deaf")
    wait_until(lambda: store.run(run).last_event >= 2)
    pid = process_of(store, run)
    rename(settings.database, "events", "elsewhere")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "A final event could not be written yet" in caplog.text)
    assert {getattr(record, "run", run) for record in caplog.records} == {run}
    rename(settings.database, "elsewhere", "events")
    assert ended(run) is RunState.FAILED
    _, final_event = store.events(run)[-1]
    assert isinstance(final_event, RunFailed)
    assert "SIGKILL" in final_event.reason


def rename(database: Path, old: str, new: str) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
    engine.dispose()


def test_a_stop_before_the_first_event_is_honoured(
    start: Callable[[str], str], ended: Callable[[str], RunState], store: RunStore
) -> None:
    run = start("patient")
    store.request_stop(run)
    assert ended(run) is RunState.STOPPED
    _, final_event = store.events(run)[-1]
    assert isinstance(final_event, RunStopped)


def test_a_child_warmed_up_beforehand_carries_out_the_next_run(
    supervisor: Supervisor,
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
) -> None:
    assert supervisor.trainer_pids == ()
    supervisor.warm_up()
    wait_until(lambda: len(supervisor.trainer_pids) == 1)
    (warm,) = supervisor.trainer_pids
    run = start("quick")
    ended(run)
    assert trainer_of(store, run) == warm


def test_no_child_is_warmed_up_beside_a_run(
    supervisor: Supervisor,
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    store: RunStore,
    wait_until: Wait,
) -> None:
    run = start("patient")
    wait_until(lambda: "step" in kinds(store, run))
    (training,) = supervisor.trainer_pids
    supervisor.warm_up()
    store.request_stop(run)
    assert ended(run) is RunState.STOPPED
    assert supervisor.trainer_pids == (training,)


def test_a_warm_child_that_died_meanwhile_costs_no_run(
    supervisor: Supervisor,
    start: Callable[[str], str],
    ended: Callable[[str], RunState],
    wait_until: Wait,
) -> None:
    ended(start("quick"))
    (pid,) = supervisor.trainer_pids
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: supervisor.trainer_pids == ())
    assert ended(start("quick")) is RunState.FINISHED


def test_the_runs_of_a_group_are_one_job_and_each_is_stopped_alone(
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    ended: Callable[[str], RunState],
) -> None:
    comparison = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0, 1, 2))
    planned = [PlannedRun(spec_of(each)) for each in ("patient", "quick", "patient")]
    alone = store.add(spec_of("quick")).id
    runs = [run.id for run in store.add_comparison(comparison, planned).runs]
    supervisor = Supervisor(
        store,
        settings,
        LocalExecutor(trainer_argv),
        group=lambda first, others: (first, *others),
    )
    supervisor.start()
    assert ended(alone) is RunState.FINISHED
    assert ended(runs[1]) is RunState.FINISHED
    wait_until(lambda: all(store.run(run).last_event >= 2 for run in runs))
    assert len({process_of(store, run) for run in runs}) == 1
    store.request_stop(runs[0])
    assert ended(runs[0]) is RunState.STOPPED
    assert store.run(runs[2]).state is RunState.RUNNING
    supervisor.close()
    assert store.run(runs[2]).state is RunState.INTERRUPTED


def test_runs_that_cannot_be_trained_together_wait_for_their_turn(
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    ended: Callable[[str], RunState],
) -> None:
    comparison = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0, 1, 2))
    planned = [PlannedRun(spec_of("apart")) for _ in range(3)]
    first, second, third = (run.id for run in store.add_comparison(comparison, planned).runs)
    supervisor = Supervisor(
        store,
        settings,
        LocalExecutor(trainer_argv),
        group=lambda first, others: (first, *others),
    )
    supervisor.start()
    wait_until(lambda: store.run(first).last_event >= 2)
    assert [store.run(run).state for run in (second, third)] == [RunState.WAITING] * 2
    store.request_stop(first)
    assert ended(first) is RunState.STOPPED
    wait_until(lambda: store.run(second).last_event >= 2)
    assert store.run(third).state is RunState.WAITING
    supervisor.close()


@pytest.mark.parametrize("allowed", [True, False])
def test_a_child_is_warmed_up_only_if_the_settings_allow_it(
    store: RunStore,
    settings: Settings,
    trainer_argv: list[str],
    spec_of: SpecOf,
    wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
    allowed: bool,
) -> None:
    prepared: list[LocalExecutor] = []
    monkeypatch.setattr(LocalExecutor, "prepare", lambda executor: prepared.append(executor))
    own = settings.model_copy(update={"warm_up": allowed})
    supervisor = Supervisor(store, own, LocalExecutor(trainer_argv))
    supervisor.warm_up()
    supervisor.start()
    run = store.add(spec_of("quick")).id
    supervisor.wake()
    wait_until(lambda: store.run(run).state.is_final)
    supervisor.close()
    assert len(prepared) == allowed
