"""Deletes uploads that no run needs."""

from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.tasks.uploads import delete_upload


def forget_unused_upload(reference: str, store: RunStore, settings: Settings) -> None:
    """Remove an upload and its files; the runs that learned from it stay.

    Raises DataError for one that is not here, and BadInput while a run needs it.
    """
    using = [
        run.id for run in store.active() if reference in (run.spec.data, *run.spec.also_evaluate)
    ]
    if using:
        raise BadInput(
            f"This upload is needed by {', '.join(using[:3])}, which "
            f"{'has' if len(using) == 1 else 'have'} not ended. Stop the run, or wait for it."
        )
    delete_upload(reference, settings.uploads)
