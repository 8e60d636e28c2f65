"""The runs that test the claims, as they ship: written from a store, and taken into another.

One file a comparison, named by its id, so that a store that knows the id need not read it.
"""

import gzip
import logging
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError, InternalError, UnknownComparison
from mtl_core.store.runs import RunStore
from mtl_core.store.shipping import ShippedComparison

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).with_name("shipped")
_ENDING = ".json.gz"


def ship(store: RunStore, comparisons: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """Write finished comparisons into `folder`, in place of what is there; the files.

    Raises BadInput for one that is not finished, before anything is replaced.
    """
    shipped = [store.comparison_to_ship(comparison) for comparison in comparisons]
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"*{_ENDING}"):
        old.unlink()
    return [_written(each, folder) for each in shipped]


def take_in_shipped(lab: Lab) -> None:
    """`import_shipped` for a dashboard that opens: what cannot be read is logged, not fatal."""
    try:
        import_shipped(lab.store)
    except FreezeLabError:
        logger.exception("The shipped runs could not be taken in.")


def import_shipped(store: RunStore, folder: Path = FOLDER) -> list[str]:
    """Take in what ships and is not in the store yet; the ids of the runs added.

    The one made first is taken in last, and so is the newest that the store lists: it is the
    experiment that most claims share. Raises InternalError for a file that is damaged.
    """
    lacking = [_read(file) for file in folder.glob(f"*{_ENDING}") if not _is_known(store, file)]
    lacking.sort(key=lambda comparison: comparison.created_at, reverse=True)
    return [run for comparison in lacking for run in store.import_comparison(comparison)]


def _is_known(store: RunStore, file: Path) -> bool:
    try:
        store.comparison(file.name.removesuffix(_ENDING))
    except UnknownComparison:
        return False
    return True


def _written(comparison: ShippedComparison, folder: Path) -> Path:
    file = folder / f"{comparison.id}{_ENDING}"
    text = comparison.model_dump_json(exclude_defaults=False).encode()
    file.write_bytes(gzip.compress(text, mtime=0))
    return file


def _read(file: Path) -> ShippedComparison:
    try:
        return ShippedComparison.model_validate_json(gzip.decompress(file.read_bytes()))
    except (OSError, EOFError, ValidationError) as problem:
        raise InternalError(f"The shipped runs in {file.name} cannot be read: {problem}") from None
