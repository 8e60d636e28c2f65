"""Purges deleted runs once they can no longer be restored."""

import shutil
from datetime import UTC, datetime, timedelta

from mtl_core.settings import Settings
from mtl_core.store.record import UNDO
from mtl_core.store.runs import RunStore


def purge_deleted(store: RunStore, settings: Settings, after: timedelta = UNDO) -> list[str]:
    """Delete permanently the runs that were deleted at least `after` ago; returns their ids.

    Their saved models are removed too. A model's folder is removed only after its row, so that a
    run that can still be restored always has its model.
    """
    purged = store.forget_hidden(before=datetime.now(UTC) - after)
    for run in purged:
        shutil.rmtree(settings.run_folder(run), ignore_errors=True)
    return purged
