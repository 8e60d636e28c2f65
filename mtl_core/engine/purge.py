"""Purges deleted runs once they can no longer be restored, and uploads that have expired."""

import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from mtl_core.engine.resuming import delete_state
from mtl_core.errors import DataError
from mtl_core.settings import Settings
from mtl_core.store.record import UNDO
from mtl_core.store.runs import RunStore
from mtl_core.tasks.uploads import delete_upload


def purge_deleted(store: RunStore, settings: Settings, after: timedelta = UNDO) -> list[str]:
    """Delete permanently the runs that were deleted at least `after` ago; returns their ids.

    Their saved models are removed too. A model's folder is removed only after its row, so that a
    run that can still be restored always has its model.
    """
    purged = store.forget_hidden(before=datetime.now(UTC) - after)
    for run in purged:
        shutil.rmtree(settings.run_folder(run), ignore_errors=True)
        delete_state(settings, run)
    return purged


def purge_uploads(store: RunStore, settings: Settings) -> list[str]:
    """Delete the uploads of visitors that are older than the setting allows; returns them.

    An upload that a run still needs is deleted after that run has ended. Uploads of earlier
    versions, whose time is not known, are never deleted here.
    """
    if settings.upload_days is None:
        return []
    due = store.uploaded_before(datetime.now(UTC) - timedelta(days=settings.upload_days))
    purged = [reference for reference in due if not runs_needing(store, reference)]
    for reference in purged:
        with suppress(DataError):  # its folder is gone
            delete_upload(reference, settings.uploads)
        store.remove_uploaders(reference)
    return purged


def runs_needing(store: RunStore, reference: str) -> list[str]:
    """The ids of the active runs that read an upload."""
    return [
        run.id for run in store.active() if reference in (run.spec.data, *run.spec.also_evaluate)
    ]
