"""The runs shipped with Freeze Lab: written from one store, imported into another, or read.

Each comparison is one file named by its id, so a store can skip known ids without reading files.
"""

import logging
import lzma
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError, InternalError, UnknownComparison
from mtl_core.lessons.claim import Claim
from mtl_core.lessons.claim_results import ClaimResult
from mtl_core.lessons.claim_runs import ArmRuns, claim_finding, experiment_of, runs_of_arms
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.store.record import ListedComparison, RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.store.shipping import ShippedComparison
from mtl_core.tasks.data_sources import ReadsData

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).with_name("shipped")
_SUFFIX = ".json.xz"
_ORDER = [*EXPERIMENTS, None]


def add_shipped_runs(store: RunStore, runs: ArmRuns, folder: Path = FOLDER) -> list[Path]:
    """Adds the comparisons of these runs to `folder` and returns its files.

    `runs` are finished runs of arms that the folder lacks. Comparisons in the folder that test no
    claim as it is now are removed; so are those whose every arm `runs` has.
    Raises BadInput if a comparison is not finished; the folder is then unchanged.
    """
    added = [store.comparison_to_ship(each) for each in _comparisons(runs)]
    before = ShippedRuns(folder).by_arm if folder.is_dir() else {}
    needed = set(_comparisons({arm: before[arm] for arm in before if arm not in runs}))
    folder.mkdir(exist_ok=True)
    for old in _files(folder):
        if _id(old) not in needed:
            old.unlink()
    for each in added:
        _write(each, folder)
    return _files(folder)


def _comparisons(runs: ArmRuns) -> tuple[str, ...]:
    """The ids of the comparisons that runs belong to."""
    each = (run.comparison for by_seed in runs.values() for run in by_seed.values())
    return tuple(dict.fromkeys(comparison for comparison in each if comparison))


class ShippedRuns:
    """The shipped runs by arm and seed, read from their files without a store.

    Raises InternalError for a damaged file.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        comparisons = sorted(map(_read, _files(folder)), key=_order)  # as the store lists them
        self.by_arm: ArmRuns = runs_of_arms(each.record() for each in comparisons)
        self._runs = {run.id: run for each in comparisons for run in each.runs}
        self._summaries: dict[str, RunSummary] = {}

    def summary_of(self, run: RunRecord) -> RunSummary:
        """Returns the summary of one of the shipped runs."""
        if run.id not in self._summaries:
            self._summaries[run.id] = summarise(run.id, run.spec, self._runs[run.id].events())
        return self._summaries[run.id]


def judged_by_shipped_runs(claims: Iterable[Claim], load: ReadsData) -> dict[str, ClaimResult]:
    """Judges each claim by the shipped runs; the results by id, for `claim_results.FILE`.

    `load` reads the data that the runs were scored on.
    """
    shipped = ShippedRuns()
    return {
        claim.id: ClaimResult.of(
            claim,
            claim_finding(claim, shipped.by_arm, shipped.summary_of, load),
            shipped.by_arm,
        )
        for claim in claims
    }


def import_shipped_at_start(lab: Lab) -> None:
    """Imports the shipped runs when the dashboard starts; an error is logged, not raised."""
    try:
        import_shipped(lab.store)
    except FreezeLabError:
        logger.exception("The shipped runs could not be imported.")


def import_shipped(store: RunStore, folder: Path = FOLDER) -> list[str]:
    """Imports the shipped comparisons that the store lacks and returns the ids of the added runs.

    They are listed in the order of their experiments, so the first one is imported last.
    Raises InternalError for a damaged file.
    """
    lacking = [_read(file) for file in _files(folder) if not _is_known(store, file)]
    lacking.sort(key=_order, reverse=True)
    return [run for comparison in lacking for run in store.import_comparison(comparison)]


def _order(comparison: ShippedComparison) -> tuple[int, datetime]:
    """Sorts comparisons by their experiment, then by time; those of no experiment are the last."""
    listed = ListedComparison(
        id=comparison.id,
        name=comparison.name,
        spec=comparison.spec,
        created_at=comparison.created_at,
    )
    return _ORDER.index(experiment_of(listed)), comparison.created_at


def _files(folder: Path) -> list[Path]:
    """The files of shipped comparisons."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _id(file: Path) -> str:
    """The id of the comparison in a file."""
    return file.name.removesuffix(_SUFFIX)


def _is_known(store: RunStore, file: Path) -> bool:
    try:
        store.comparison(_id(file))
    except UnknownComparison:
        return False
    return True


def _write(comparison: ShippedComparison, folder: Path) -> None:
    file = folder / f"{comparison.id}{_SUFFIX}"
    text = comparison.model_dump_json(exclude_defaults=False).encode()
    file.write_bytes(lzma.compress(text))  # less than half of what gzip needs


def _read(file: Path) -> ShippedComparison:
    try:
        return ShippedComparison.model_validate_json(lzma.decompress(file.read_bytes()))
    except (OSError, EOFError, lzma.LZMAError, ValidationError) as problem:
        raise InternalError(f"The shipped runs in {file.name} cannot be read: {problem}") from None
