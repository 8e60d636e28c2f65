"""Application service: run store, queue and inspector."""

import atexit
import hmac
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from mtl_core.cost.speed import Speed
from mtl_core.engine import comparisons, inspector
from mtl_core.engine.actor import (
    THIS_MACHINE,
    Actor,
    require_may_change,
    require_teacher,
)
from mtl_core.engine.calibration import Calibration
from mtl_core.engine.capacity import runs_at_once
from mtl_core.engine.comparison_progress import ComparisonProgress, progress_of
from mtl_core.engine.data_reader import DataReader
from mtl_core.engine.disk import require_space
from mtl_core.engine.executor.choice import executor_for
from mtl_core.engine.executor.local import TRAINER_ARGV
from mtl_core.engine.foreground import run_in_foreground
from mtl_core.engine.inspector import Inspector
from mtl_core.engine.inspector_queries import InspectorQueries
from mtl_core.engine.limits import require_in_limits, require_room, require_upload_room
from mtl_core.engine.purge import purge_deleted, purge_uploads, runs_needing
from mtl_core.engine.reading_processes import ReadingProcesses
from mtl_core.engine.resuming import recover, resume_run
from mtl_core.engine.supervisor import Supervisor
from mtl_core.engine.together import TogetherGroups
from mtl_core.engine.trainer_child import FOREGROUND
from mtl_core.errors import BadInput, NotPermitted
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, PlannedRun, RunRecord, RunState, clean_tags
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import require_allowed_data
from mtl_core.tasks.shared_tasks import check_other_data
from mtl_core.tasks.uploads import UploadedTask, delete_upload, store_upload
from mtl_core.training.comparison import ComparisonSpec, arm_key
from mtl_core.training.events import RunEvent
from mtl_core.training.prepare_comparison import (
    ModelOf,
    prepare_comparison,
    with_stated_vectors,
)
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import start_folder
from mtl_core.training.starting import Report


class Lab(InspectorQueries):
    """Starts, stops and deletes runs and comparisons, and describes checkpoints, without torch.

    Each operation takes the actor who asks for it (`by`) and raises NotPermitted if that actor may
    not change the run, the comparison or the upload, and OverLimit if a visitor queues too much.
    The default actor is the user of this machine, who may do everything.

    Safe for threads. Read runs from `store`; start and end them through the lab. With `reserved`
    the lab executes only the comparisons that it started or resumed, which no other lab executes,
    its trainer has the priority of this process, and any file may be loaded, in this process. The
    command line uses that.
    """

    def __init__(
        self,
        settings: Settings,
        trainer_argv: Sequence[str] = TRAINER_ARGV,
        inspector_argv: Sequence[str] = inspector.ARGV,
        reserved: bool = False,
    ) -> None:
        access = settings.owner_access if reserved else settings.browser_access
        processes = (
            None if reserved else ReadingProcesses(settings.read_seconds, settings.read_bytes)
        )
        super().__init__(settings, access, Inspector(inspector_argv), DataReader(access, processes))
        self.store = RunStore(settings.database)
        self._owner = Owner.this_process() if reserved else None
        argv = (*trainer_argv, *((FOREGROUND,) if reserved else ()))
        self._supervisor = Supervisor(
            self.store,
            settings,
            executor_for(settings, argv),
            reserved=reserved,
            group=TogetherGroups(self.store),
            load_data=self.data.dataset,
        )
        self._calibration = Calibration(
            settings, self.store, lambda: self._supervisor.trainer_pids, inspector_argv
        )

    def open(self) -> "Lab":
        """Resume the runs of ended processes, purge deleted runs and start the supervisor."""
        recover(self.store, self.settings, resumes=self._owner is None)
        purge_deleted(self.store, self.settings)
        purge_uploads(self.store, self.settings)
        self._supervisor.start()
        self._calibration.enable()
        return self

    def close(self) -> None:
        """End the child processes; the running runs become interrupted."""
        self._calibration.close()
        self._supervisor.close()
        self._inspector.close()
        self.data.close()
        self.store.close()

    def __enter__(self) -> "Lab":
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, spec: RunSpec, by: Actor = THIS_MACHINE) -> RunRecord:
        """Add a run to the queue; it starts at once if there is room for it.

        Raises CheckpointError or DataError for a checkpoint or data that a browser may not load,
        and InvalidRun if the run to start from has no matching saved model.
        """
        self._require_limits(by, [spec], 1)
        require_space(self.settings)
        resolve_checkpoint(spec.checkpoint, self.access)
        for reference in (spec.data, *spec.also_evaluate):
            require_allowed_data(reference, self.access)
        if spec.starts_from is not None:
            self._require_start(spec)
        record = self.store.add(self.data.named(spec), visitor=by.visitor)
        self._supervisor.wake()
        return record

    def run_in_foreground(
        self,
        spec: RunSpec,
        output: Path | None,
        on_event: Callable[[RunEvent], None],
        resumed: RunRecord | None = None,
        on_stage: Report = lambda _: None,
    ) -> None:
        """As `engine.foreground`; the supervisor thread of an open lab writes the heartbeats."""
        run_in_foreground(self.store, self.settings, spec, output, on_event, resumed, on_stage)

    def start_comparison(
        self, spec: ComparisonSpec, name: str | None = None, by: Actor = THIS_MACHINE
    ) -> ComparisonRecord:
        """Add all runs of a comparison to the queue, or none if one of them is invalid.

        Raises BadInput for a checkpoint or data that a browser may not load, missing weights, a
        run to start from without a matching saved model, and more training sentences than exist.
        The problems of all arms are listed in one message.
        """
        for data in (spec.data, *_other_data(spec)):
            require_allowed_data(data, self.access)
        tasks = self.data.dataset(spec.data).tasks
        return self.queue_comparison(
            spec, lambda ref, vector: self.model_description(ref, tasks, vector), name, by
        )

    def queue_comparison(
        self,
        spec: ComparisonSpec,
        model_of: ModelOf,
        name: str | None = None,
        by: Actor = THIS_MACHINE,
    ) -> ComparisonRecord:
        """`start_comparison` with given model descriptions, for the command line."""
        if spec.run_count > self.settings.limits.comparison_runs:  # before they are planned
            self._require_limits(by, (), spec.run_count, spec)
        threads = self.settings.threads_of_each(spec.run_count)
        runs = prepare_comparison(spec, model_of, threads, self._require_start)
        check_other_data(spec.data, _other_data(spec), runs[0].tasks, self.data.dataset)
        for limits in {arm_key(run)[1] for run in runs} - {()}:
            self.data.dataset(spec.data, dict(limits))
        spec, runs = with_stated_vectors(spec, runs), tuple(map(self.data.named, runs))
        past = self.store.runs(states=(RunState.FINISHED,)) if spec.seconds else []
        measured = comparisons.measured_epochs(self.store, past)
        return self.queue_planned(spec, comparisons.planned_runs(spec, runs, measured), name, by)

    def _require_start(self, spec: RunSpec) -> None:
        """Raises BadInput if the initial weights of a run are missing or do not match it."""
        checkpoint = resolve_checkpoint(spec.checkpoint, self.access)
        earlier = spec.starts_from
        start_folder(spec, checkpoint, model_folder(self.store, earlier) if earlier else None)

    def queue_planned(
        self,
        spec: ComparisonSpec,
        runs: Sequence[PlannedRun],
        name: str | None = None,
        by: Actor = THIS_MACHINE,
    ) -> ComparisonRecord:
        """Add a comparison to the queue whose runs are already planned; only limits are checked."""
        self._require_limits(by, [run.spec for run in runs], len(runs), spec)
        require_space(self.settings)
        record = self.store.add_comparison(spec, runs, name, self._owner, by.visitor)
        self._supervisor.wake()
        return record

    def comparison_progress(self, comparison: str) -> ComparisonProgress:
        """The progress of a comparison, with the estimated remaining seconds."""
        record = self.store.comparison(comparison)
        runs = (*record.trial_runs, *record.runs)
        threads = max((run.spec.threads for run in runs), default=1)
        at_once = self.runs_at_once(threads, record.spec.device)
        return progress_of(self.store, record, datetime.now(UTC), at_once)

    def runs_at_once(self, threads: int, device: str = "cpu") -> int:
        """How many runs like this are trained at once, if memory allows; one on each GPU."""
        return runs_at_once(threads, device, self._supervisor.capacity())

    def stop_comparison(self, comparison: str, by: Actor = THIS_MACHINE) -> ComparisonRecord:
        """Stop a comparison: waiting runs at once, running ones within two seconds."""
        require_may_change(by, self.store.comparison(comparison))
        return self.store.stop_comparison(comparison)

    def resume_comparison(self, comparison: str, by: Actor = THIS_MACHINE) -> ComparisonRecord:
        """Queue the stopped, failed and interrupted runs again; finished runs stay."""
        record = self.store.comparison(comparison)
        require_may_change(by, record)
        again = sum(run.state is not RunState.FINISHED for run in record.runs)
        self._require_limits(by, (), again)
        comparisons.resume(self.store, record, self._owner)
        self._supervisor.wake()
        return self.store.comparison(comparison)

    def add_seeds(
        self, comparison: str, seeds: Sequence[int], by: Actor = THIS_MACHINE
    ) -> ComparisonRecord:
        """Queue runs of a comparison's plans with more seeds. Raises BadInput; see
        `comparisons.add_seeds`."""
        record = self.store.comparison(comparison)
        if not record.shipped:  # refused below, with another remedy
            require_may_change(by, record)
        self._require_limits(by, (), len(seeds) * len(record.spec.arms))
        comparisons.add_seeds(self.store, record, seeds, self._owner)
        self._supervisor.wake()
        return self.store.comparison(comparison)

    def name_comparison(
        self, comparison: str, name: str | None, by: Actor = THIS_MACHINE
    ) -> ComparisonRecord:
        """Rename a comparison; an empty name restores the default one. Raises BadInput."""
        require_may_change(by, self.store.comparison(comparison))
        return self.store.rename_comparison(comparison, name)

    def delete_comparison(self, comparison: str, by: Actor = THIS_MACHINE) -> None:
        """Hide a comparison and its runs, and delete them permanently after ten minutes.

        Raises BadInput while one of its runs is training.
        """
        require_may_change(by, self.store.comparison(comparison))
        self.store.hide_comparison(comparison)

    def undo_delete_comparison(self, comparison: str, by: Actor = THIS_MACHINE) -> ComparisonRecord:
        """Restore a deleted comparison. Raises UnknownComparison once it is purged."""
        deleted = self.store.deleted_comparison(comparison)
        if deleted is not None:
            require_may_change(by, deleted)
        self.store.bring_back_comparison(comparison)
        self._supervisor.wake()
        return self.store.comparison(comparison)

    def save_upload(
        self, tasks: tuple[UploadedTask, ...], by: Actor = THIS_MACHINE, name: str = ""
    ) -> str:
        """Store uploaded data and return the reference for specs and forms.

        `name` is that of the data set on pages and in notes; empty for none. Raises DataError for
        data that cannot be read or stored.
        """
        require_space(self.settings)
        stored = self.store.uploads_of(by.visitor or "")
        require_upload_room(by, stored, self.settings.limits)
        reference = store_upload(tasks, self.settings.uploads, self.data.upload, name)
        if by.visitor is not None:
            self.store.add_uploader(reference, by.visitor)
        return reference

    def delete_upload(self, reference: str, by: Actor = THIS_MACHINE) -> None:
        """Delete an upload and its files; runs that trained on it are kept.

        If other visitors uploaded the same files, they are kept for them. Raises DataError if
        there is no such upload, and BadInput while a run needs it.
        """
        uploaders = self.store.uploaders(reference)
        if not _is_uploader(by, uploaders):
            raise NotPermitted(
                f"'{reference}' was uploaded by another visitor. Only that visitor and the "
                "teacher can delete it."
            )
        if not by.may_change_all and by.visitor is not None and uploaders > {by.visitor}:
            self.store.remove_uploaders(reference, by.visitor)
            return
        if using := runs_needing(self.store, reference):
            raise BadInput(
                f"This upload is needed by {', '.join(using[:3])}, which "
                f"{'has' if len(using) == 1 else 'have'} not ended. Stop the run, or wait for it."
            )
        delete_upload(reference, self.settings.uploads)
        self.store.remove_uploaders(reference)

    def may_delete_upload(self, reference: str, by: Actor) -> bool:
        """Whether the actor uploaded these files, or may change everything."""
        return _is_uploader(by, self.store.uploaders(reference))

    def hide_shipped(self, id_: str, by: Actor) -> None:
        """Hide an included run or comparison from its viewer; the others still see it."""
        self.store.hide_from(by.visitor or "", id_)

    def show_shipped(self, by: Actor) -> None:
        """Show a viewer all included runs and comparisons again."""
        self.store.show_all_to(by.visitor or "")

    def hidden(self, by: Actor) -> frozenset[str]:
        """The ids of the included runs and comparisons that a viewer has hidden."""
        return self.store.hidden_from(by.visitor or "")

    def is_teacher_key(self, key: str) -> bool:
        """Whether `key` is the teacher key of this dashboard."""
        known = self.settings.teacher_key
        return known is not None and hmac.compare_digest(known.encode(), key.strip().encode())

    def pause_queue(self, paused: bool, by: Actor = THIS_MACHINE) -> None:
        """Start no waiting run any more, or start them again. Runs in progress continue."""
        require_teacher(by, "pause the queue")
        self.store.pause(paused)
        self._supervisor.wake()

    def clear_queue(self, by: Actor = THIS_MACHINE) -> list[str]:
        """Stop all waiting runs; their ids."""
        require_teacher(by, "clear the queue")
        return self.store.clear_queue()

    def _require_limits(
        self,
        by: Actor,
        specs: Sequence[RunSpec],
        runs: int,
        comparison: ComparisonSpec | None = None,
    ) -> None:
        limits = self.settings.limits
        require_in_limits(by, specs, limits)
        require_room(by, self.store.waiting_of(by.visitor), runs, limits, comparison)

    def warm_up(self) -> None:
        """Start the trainer in advance: the first event of a run then arrives 5 s earlier."""
        self._supervisor.warm_up()

    def speed(self) -> Speed | None:
        """The training speed of this machine; None until it is measured.

        In an open lab the first call starts the measurement, in the background, unless a run is
        training.
        """
        return self._calibration.speed()

    def stop(self, run: str, by: Actor = THIS_MACHINE) -> RunRecord:
        """Stop a run within two seconds. Raises UnknownRun."""
        require_may_change(by, self.store.run(run))
        return self.store.request_stop(run)

    def resume_run(self, run: str, by: Actor = THIS_MACHINE) -> RunRecord:
        """Queue a run again that was cut off; it continues after its last saved step.

        Raises UnknownRun, and BadInput for a run that is active or finished.
        """
        require_may_change(by, self.store.run(run))
        self._require_limits(by, (), 1)
        record, _ = resume_run(self.store, self.settings, run)
        self._supervisor.wake()
        return record

    def name_run(
        self, run: str, title: str | None, tags: Iterable[str], by: Actor = THIS_MACHINE
    ) -> RunRecord:
        """Set the title and the tags of a run; neither if one of them is too long.

        Raises BadInput, or UnknownRun.
        """
        require_may_change(by, self.store.run(run))
        cleaned = clean_tags(tags)
        self.store.rename(run, title)
        return self.store.tag(run, cleaned)

    def delete(self, run: str, by: Actor = THIS_MACHINE) -> None:
        """Hide a run, and delete it permanently with events and model after ten minutes.

        Raises UnknownRun, or BadInput while it is training.
        """
        require_may_change(by, self.store.run(run))
        self.store.hide(run)

    def undo_delete(self, run: str, by: Actor = THIS_MACHINE) -> RunRecord:
        """Restore a deleted run. Raises UnknownRun once it is purged."""
        require_may_change(by, self.store.deleted(run) or self.store.run(run))
        record = self.store.bring_back(run)
        self._supervisor.wake()
        return record


def _is_uploader(actor: Actor, uploaders: frozenset[str]) -> bool:
    """Whether an actor uploaded files, or may change everything; `uploaders` are known visitors."""
    return any(map(actor.owns, uploaders or {None}))


def _other_data(spec: ComparisonSpec) -> tuple[str, ...]:
    """The other data on which any arm is evaluated."""
    named = (spec.options_of(arm)["also_evaluate"] for arm in spec.arms)
    return tuple(dict.fromkeys(data for each in named for data in each))


_lab: Lab | None = None
_opening = threading.Lock()


def the_lab(on_open: Callable[[Lab], None] | None = None) -> Lab:
    """The lab of this process. The first call opens it; it is closed when the process exits.

    `on_open` is called with the lab if this call opens it. Raises BadInput if the store cannot be
    opened.
    """
    global _lab
    with _opening:
        if _lab is None:
            lab = Lab(Settings.from_environment()).open()
            atexit.register(lab.close)
            if on_open is not None:
                on_open(lab)
            _lab = lab
        return _lab


def close_the_lab() -> None:
    """Close the lab of this process, if it is open; the process is about to end."""
    with _opening:
        if _lab is not None:
            _lab.close()
