"""Data as a browser may name and remove them."""

from pathlib import Path

from mtl_core.errors import BadInput, DataError
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import SHIPPED
from mtl_core.tasks.upload_keeping import forget_upload
from mtl_core.tasks.upload_reference import is_upload, upload_folder


def require_allowed_data(reference: str, settings: Settings) -> None:
    """Raises DataError for data outside the folders that a browser may name, and for an upload
    that is not here."""
    if is_upload(reference):
        upload_folder(reference, settings.uploads)
        return
    roots = [root.resolve() for root in settings.data_roots]
    if reference in SHIPPED or any(_lies_below(reference, root) for root in roots):
        return
    where = (
        f"Data may lie below {', '.join(map(str, roots))}."
        if roots
        else "No folder is open for data of one's own: set FREEZE_LAB_DATA, or use the "
        "command line."
    )
    shipped = " or ".join(f"'{name}'" for name in SHIPPED)
    raise DataError(f"'{reference}' cannot be used from here. {where} Or choose {shipped}.")


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
    forget_upload(reference, settings.uploads)


def _lies_below(reference: str, root: Path) -> bool:
    try:
        return Path(reference).resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):  # too long, a null character, a circle of links
        return False
