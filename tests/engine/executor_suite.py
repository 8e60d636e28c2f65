"""The contract of an executor, as tests. A test class of each executor inherits them.

The subclass defines the fixture `executor`; its runs behave as `children/trainer.py` says.
"""

import os
import signal
from collections.abc import Callable, Sequence
from time import monotonic

import pytest

from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.protocol import EventMessage, Separate, Train
from mtl_core.file_access import NO_FILE
from mtl_core.training.events import FINAL_EVENTS, RunEvent, RunFailed, RunStarted, RunStopped
from mtl_core.training.spec import RunSpec

Jobs = Callable[..., tuple[Train, ...]]
Wait = Callable[[Callable[[], bool]], None]
Events = dict[str, list[RunEvent]]
COMPLETE = ["run_started", "step", "step", "step", "run_finished"]
PATIENCE_SECONDS = 30.0


def received(executor: Executor, enough: Callable[[Events], bool]) -> Events:
    """The events by run, in the order of arrival, until there are enough of them."""
    events: Events = {}
    until = monotonic() + PATIENCE_SECONDS
    while not enough(events):
        assert monotonic() < until, f"only {kinds_of(events)} arrived"
        message = executor.receive(0.2)
        if isinstance(message, EventMessage):
            events.setdefault(message.run, []).append(message.event)
    return events


def ended(*runs: str) -> Callable[[Events], bool]:
    """Whether all these runs have a final event."""
    return lambda events: all(
        run in events and isinstance(events[run][-1], FINAL_EVENTS) for run in runs
    )


def begun(*runs: str) -> Callable[[Events], bool]:
    """Whether all these runs have done a step."""
    return lambda events: all(len(events.get(run, ())) >= 2 for run in runs)


def kinds_of(events: Events) -> dict[str, list[str]]:
    return {run: [event.event for event in of_run] for run, of_run in events.items()}


def process_of(events: Sequence[RunEvent]) -> int:
    """The process that executes a run."""
    assert isinstance(events[0], RunStarted)
    return int(events[0].notes[1])


class ExecutorSuite:
    """What every executor does."""

    @pytest.fixture
    def job(self, spec_of: Callable[[str], RunSpec]) -> Callable[..., tuple[Train, ...]]:
        """A job; each run is named and behaves as `behaviour-number` says."""

        def make(*runs: str) -> tuple[Train, ...]:
            return tuple(
                Train(run=run, spec=spec_of(run.partition("-")[0]), access=NO_FILE) for run in runs
            )

        return make

    def test_the_events_of_a_run_arrive_in_order(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("quick"))
        events = received(executor, ended("quick"))
        assert kinds_of(events) == {"quick": COMPLETE}
        assert [e.step for e in events["quick"] if e.event == "step"] == [1, 2, 3]

    def test_two_jobs_run_at_the_same_time(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("patient-1"))
        executor.submit(job("patient-2"))
        events = received(executor, begun("patient-1", "patient-2"))
        assert process_of(events["patient-1"]) != process_of(events["patient-2"])

    def test_a_stop_ends_one_run_by_its_own_event_and_no_other(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("patient-1"))
        executor.submit(job("patient-2"))
        received(executor, begun("patient-1", "patient-2"))
        executor.stop("patient-1")
        events = received(executor, ended("patient-1"))
        assert kinds_of(events) == {"patient-1": ["run_stopped"]}
        executor.stop("patient-2")
        assert kinds_of(received(executor, ended("patient-2"))) == {"patient-2": ["run_stopped"]}

    def test_the_runs_of_one_job_share_a_process(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("quick-1", "quick-2", "quick-3"))
        events = received(executor, ended("quick-1", "quick-2", "quick-3"))
        assert kinds_of(events) == dict.fromkeys(("quick-1", "quick-2", "quick-3"), COMPLETE)
        assert len({process_of(of_run) for of_run in events.values()}) == 1

    def test_a_run_of_a_job_is_stopped_alone(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("patient-1", "patient-2"))
        received(executor, begun("patient-1", "patient-2"))
        executor.stop("patient-2")
        events = received(executor, ended("patient-2"))
        assert isinstance(events["patient-2"][-1], RunStopped)
        executor.stop("patient-1")
        events = received(executor, ended("patient-1"))
        assert isinstance(events["patient-1"][-1], RunStopped)

    def test_a_run_of_a_job_that_is_ended_gives_no_event_and_the_others_go_on(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("patient-1", "patient-2"))
        received(executor, begun("patient-1", "patient-2"))
        executor.end("patient-1")
        executor.stop("patient-2")
        events = received(executor, ended("patient-2"))
        assert not ended("patient-1")(events)
        executor.submit(job("quick"))
        assert kinds_of(received(executor, ended("quick"))) == {"quick": COMPLETE}

    def test_a_run_in_the_middle_of_a_step_can_be_ended(
        self, executor: Executor, job: Jobs, is_gone: Callable[[int], bool], wait_until: Wait
    ) -> None:
        executor.submit(job("deaf"))
        events = received(executor, begun("deaf"))
        executor.end("deaf")
        wait_until(lambda: is_gone(process_of(events["deaf"])))
        assert executor.receive(0.0) is None

    def test_a_crash_fails_the_runs_of_its_job_and_no_other(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("patient-1"))
        executor.submit(job("deaf-1", "deaf-2"))
        before = received(executor, begun("patient-1", "deaf-1", "deaf-2"))
        os.kill(process_of(before["deaf-1"]), signal.SIGKILL)
        events = received(executor, ended("deaf-1", "deaf-2"))
        for run in ("deaf-1", "deaf-2"):
            failure = events[run][-1]
            assert isinstance(failure, RunFailed)
            assert failure.reason.startswith("The process was ended by SIGKILL.")
        executor.stop("patient-1")
        events = received(executor, ended("patient-1"))
        assert isinstance(events["patient-1"][-1], RunStopped)

    def test_an_error_fails_all_runs_of_its_job(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("quick", "broken"))
        events = received(executor, ended("quick", "broken"))
        assert {type(of_run[-1]) for of_run in events.values()} == {RunFailed}
        failure = events["quick"][-1]
        assert isinstance(failure, RunFailed)
        assert failure.reason == "Unexpected ValueError: a mistake of ours"

    def test_runs_that_cannot_be_trained_together_are_returned_and_submitted_one_by_one(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("apart-1", "apart-2"))
        until, message = monotonic() + PATIENCE_SECONDS, None
        while not isinstance(message, Separate) and monotonic() < until:
            message = executor.receive(0.2)
        assert message == Separate(runs=("apart-1", "apart-2"))
        for run in message.runs:
            executor.submit(job(run))
        events = received(executor, begun("apart-1", "apart-2"))
        assert process_of(events["apart-1"]) != process_of(events["apart-2"])

    def test_an_ended_run_can_be_stopped_and_ended_without_effect(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("quick"))
        received(executor, ended("quick"))
        executor.stop("quick")
        executor.end("quick")
        executor.end("never submitted")
        assert executor.receive(0.0) is None

    def test_close_ends_all_processes(
        self, executor: Executor, job: Jobs, is_gone: Callable[[int], bool], wait_until: Wait
    ) -> None:
        executor.submit(job("deaf-1"))
        executor.submit(job("deaf-2"))
        events = received(executor, begun("deaf-1", "deaf-2"))
        executor.close()
        wait_until(lambda: all(is_gone(process_of(of_run)) for of_run in events.values()))
        assert executor.pids == ()
