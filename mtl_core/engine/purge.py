"""Forgetting deleted runs for good, once nobody can bring them back."""

import shutil
from datetime import UTC, datetime, timedelta

from mtl_core.settings import Settings
from mtl_core.store.record import UNDO
from mtl_core.store.runs import RunStore


def forget_deleted(store: RunStore, settings: Settings, after: timedelta = UNDO) -> list[str]:
    """Forget the runs that were deleted at least `after` ago, and the models they wrote; the ids.

    A model's folder goes only after its row, so that no run that can be brought back lacks it.
    """
    forgotten = store.forget_hidden(before=datetime.now(UTC) - after)
    for run in forgotten:
        shutil.rmtree(settings.run_folder(run), ignore_errors=True)
    return forgotten
