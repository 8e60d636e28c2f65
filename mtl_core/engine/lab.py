"""The lab: what the dashboard works with. Store, queue and inspector under one roof."""

import atexit
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType

from mtl_core.cost.speed import Speed
from mtl_core.engine import comparisons as comparing
from mtl_core.engine import inspector as inspecting
from mtl_core.engine import supervisor as supervising
from mtl_core.engine.allowed_data import forget_unused_upload
from mtl_core.engine.calibration import Calibration
from mtl_core.engine.comparison_progress import ComparisonProgress, progress_of
from mtl_core.engine.inspector import Inspector
from mtl_core.engine.inspector_queries import Asking
from mtl_core.engine.purge import forget_deleted
from mtl_core.engine.supervisor import Supervisor
from mtl_core.engine.trainer_child import FOREGROUND
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.naming import clean_tags
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, PlannedRun, RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_dataset, load_tasks
from mtl_core.tasks.shared import check_other_data
from mtl_core.tasks.upload_keeping import keep_upload
from mtl_core.tasks.uploads import UploadedTask
from mtl_core.training.comparison import ComparisonSpec, arm_of
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import start_folder


class Lab(Asking):
    """Start, watch and stop runs, and ask what a checkpoint is made of, without torch.

    Safe for threads. `store` is for reading; runs begin and end through the lab. With `apart` it
    works only on comparisons that it starts or goes on with itself, which no other lab then does,
    and at the priority of its own process: the command line's.
    """

    def __init__(
        self,
        settings: Settings,
        trainer_argv: Sequence[str] = supervising.ARGV,
        inspector_argv: Sequence[str] = inspecting.ARGV,
        apart: bool = False,
    ) -> None:
        super().__init__(settings, Inspector(inspector_argv))
        self.store = RunStore(settings.database)
        self._owner = Owner.this_process() if apart else None
        argv = (*trainer_argv, *((FOREGROUND,) if apart else ()))
        self._supervisor = Supervisor(self.store, settings, argv, reserved=apart)
        self._calibration = Calibration(
            settings, self.store, lambda: self._supervisor.child_pid, inspector_argv
        )

    def open(self) -> "Lab":
        """Mark what an earlier server left unfinished, forget what was deleted, and begin to work
        through the queue."""
        self.store.mark_interrupted()
        forget_deleted(self.store, self.settings)
        self._supervisor.start()
        self._calibration.allow()
        return self

    def close(self) -> None:
        """End the children; a run under way becomes interrupted."""
        self._calibration.close()
        self._supervisor.close()
        self._inspector.close()
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

    def start(self, spec: RunSpec) -> RunRecord:
        """Put a run into the queue; it begins at once if nothing else runs.

        Raises CheckpointError or DataError for a checkpoint or data that a browser may not name,
        and InvalidRun where the run that this one goes on from has no model that fits.
        """
        checkpoint = resolve_checkpoint(spec.checkpoint, below=self.settings.checkpoint_roots)
        for reference in (spec.data, *spec.also_evaluate):
            self.require_allowed_data(reference)
        if spec.starts_from is not None:
            self._require_start(spec, checkpoint)
        record = self.store.add(spec)
        self._supervisor.wake()
        return record

    def start_comparison(self, spec: ComparisonSpec, name: str | None = None) -> ComparisonRecord:
        """Put all runs of a comparison into the queue, refused whole where one cannot run.

        Raises BadInput: a checkpoint or data that a browser may not name, weights that are not
        here, a run to go on from without a model that fits, more training sentences than there
        are, and, with all problems at once, scenarios and values that do not fit.
        """
        resolve_checkpoint(spec.checkpoint, below=self.settings.checkpoint_roots)
        for data in (spec.data, *spec.also_evaluate):
            self.require_allowed_data(data)
        tasks = load_tasks(spec.data, self.settings.uploads)
        return self.queue_comparison(spec, self.model_description(spec.checkpoint, tasks), name)

    def queue_comparison(
        self, spec: ComparisonSpec, model: ModelDescription, name: str | None = None
    ) -> ComparisonRecord:
        """`start_comparison` for a user who may name any path: the command line's."""
        runs = prepare_comparison(spec, model, self.settings.threads)
        check_other_data(spec.data, spec.also_evaluate, model.tasks, self.settings.uploads)
        for limits in {arm_of(run)[1] for run in runs} - {()}:
            load_dataset(spec.data, dict(limits), self.settings.uploads)
        self._require_start(runs[0], resolve_checkpoint(spec.checkpoint))
        past = comparing.paces(self.store, self.store.runs()) if spec.seconds else []
        return self.queue_planned(spec, comparing.planned_runs(spec, runs, past), name)

    def _require_start(self, spec: RunSpec, checkpoint: Checkpoint) -> None:
        """Raises BadInput where the weights that a run begins with are not here, or do not fit."""
        earlier = spec.starts_from
        start_folder(spec, checkpoint, model_folder(self.store, earlier) if earlier else None)

    def queue_planned(
        self, spec: ComparisonSpec, runs: Sequence[PlannedRun], name: str | None = None
    ) -> ComparisonRecord:
        """Queue a comparison whose runs are planned already, such as ones that go on from others'
        models; nothing is checked."""
        record = self.store.add_comparison(spec, runs, name, self._owner)
        self._supervisor.wake()
        return record

    def comparison_progress(self, comparison: str) -> ComparisonProgress:
        """How far a comparison has come, and the seconds it will still take."""
        return progress_of(self.store, self.store.comparison(comparison), datetime.now(UTC))

    def stop_comparison(self, comparison: str) -> ComparisonRecord:
        """End a comparison: what waits at once, what runs within two seconds."""
        return self.store.stop_comparison(comparison)

    def resume_comparison(self, comparison: str) -> ComparisonRecord:
        """Queue again what was stopped, failed or interrupted; what is finished stays."""
        comparing.resume(self.store, self.store.comparison(comparison), self._owner)
        self._supervisor.wake()
        return self.store.comparison(comparison)

    def delete_comparison(self, comparison: str) -> None:
        """Hide a comparison and its runs at once; they are forgotten ten minutes later.

        Raises BadInput while one of them runs.
        """
        self.store.hide_comparison(comparison)

    def undo_delete_comparison(self, comparison: str) -> ComparisonRecord:
        """Bring a deleted comparison back. Raises UnknownComparison once it is forgotten."""
        self.store.bring_back_comparison(comparison)
        self._supervisor.wake()
        return self.store.comparison(comparison)

    def keep_upload(self, tasks: tuple[UploadedTask, ...]) -> str:
        """Keep what a visitor uploaded; the reference by which choices and specs name it.

        Raises DataError for data that cannot be read or kept.
        """
        return keep_upload(tasks, self.settings.uploads)

    def forget_upload(self, reference: str) -> None:
        """Remove an upload and its files; the runs that learned from it stay.

        Raises DataError for one that is not here, and BadInput while a run needs it.
        """
        forget_unused_upload(reference, self.store, self.settings)

    def warm_up(self) -> None:
        """Say that someone is about to start a run: its first word then comes five seconds
        sooner."""
        self._supervisor.warm_up()

    def speed(self) -> Speed | None:
        """How fast this machine trains; None until it is known. In an open lab asking has it
        measured, once, in the background, while no run is going on."""
        return self._calibration.speed()

    def stop(self, run: str) -> RunRecord:
        """Ask a run to stop; within two seconds it has. Raises UnknownRun."""
        return self.store.request_stop(run)

    def name_run(self, run: str, title: str | None, tags: Iterable[str]) -> RunRecord:
        """Give a run a title and tags, both or, where one of them is too long, neither.

        Raises BadInput, or UnknownRun.
        """
        cleaned = clean_tags(tags)
        self.store.rename(run, title)
        return self.store.tag(run, cleaned)

    def delete(self, run: str) -> None:
        """Hide a run at once; it is forgotten, with its events and its model, ten minutes later.

        Raises UnknownRun, or BadInput while it runs.
        """
        self.store.hide(run)

    def undo_delete(self, run: str) -> RunRecord:
        """Bring a deleted run back. Raises UnknownRun once it is forgotten."""
        record = self.store.bring_back(run)
        self._supervisor.wake()
        return record


_lab: Lab | None = None
_opening = threading.Lock()


def the_lab(on_open: Callable[[Lab], None] | None = None) -> Lab:
    """The one lab of this process, opened by whoever asks first and closed with the process.

    `on_open` is called with it if it is opened by this call. Raises BadInput where its store
    cannot be opened.
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
