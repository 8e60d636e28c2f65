"""Finds the data and checkpoints of a bundle on this machine, by the SHA-256 of their files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtl_core.cli.repeat.unpacked import UnpackedBundle, data_of_run, other_data
from mtl_core.errors import BadInput, CheckpointError, DataError
from mtl_core.models.base_weights import weights_digest
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.report.needed import NeededCheckpoint, NeededData, checkpoint_digest
from mtl_core.report.portable import HERE
from mtl_core.settings import Settings
from mtl_core.tasks.dataset import MANIFEST_NAME, SHIPPED, Dataset, load_dataset
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec

_RECORDED: dict[str, Any] = {
    "data_name": None,
    "weights_digest": None,
    "data_digests": {},
    "other_data_digests": {},
    "versions": {},
    "processor": None,
    "trained_together": None,
}
"""What a run fills into its spec when it starts; a repeated run fills in its own."""


@dataclass(frozen=True, slots=True)
class Found:
    """References of this machine by those of the bundle."""

    data: Mapping[str, str]
    checkpoints: Mapping[str, str]

    def in_run(self, spec: RunSpec, started: Mapping[str, str]) -> RunSpec:
        """The spec for this machine; `started` has the ids of repeated runs by the original."""
        return spec.model_copy(
            update={
                **_RECORDED,
                "checkpoint": self.checkpoints[spec.checkpoint],
                "data": self.data[spec.data],
                **self._options(spec.model_dump(), started),
            }
        )

    def in_comparison(self, spec: ComparisonSpec, started: Mapping[str, str]) -> ComparisonSpec:
        """As `in_run`, for a comparison; its seeds count as chosen at once."""
        arms = tuple(
            arm.model_copy(
                update={
                    "checkpoint": arm.checkpoint and self.checkpoints[arm.checkpoint],
                    "options": {**arm.options, **self._options(arm.options, started)},
                }
            )
            for arm in spec.arms
        )
        own = spec.model_dump(include={"also_evaluate", "starts_from"})
        checkpoint = self.checkpoints.get(spec.checkpoint, spec.checkpoint)  # no arm may use it
        return spec.model_copy(
            update={
                "arms": arms,
                "checkpoint": checkpoint,
                "data": self.data[spec.data],
                "looks": (),
                **self._options(own, started),
            }
        )

    def _options(self, given: Mapping[str, Any], started: Mapping[str, str]) -> dict[str, Any]:
        """Those of the options that name data or a run, for this machine."""
        changed: dict[str, Any] = {}
        if "also_evaluate" in given:
            changed["also_evaluate"] = tuple(self.data[each] for each in given["also_evaluate"])
        if given.get("starts_from"):
            changed["starts_from"] = started[given["starts_from"]]
        return changed


@dataclass
class _Search:
    """References that were found, and a line for each thing that is missing."""

    bundle: UnpackedBundle
    settings: Settings
    given_data: Sequence[str]
    given_checkpoints: Sequence[str]
    missing: list[str] = field(default_factory=list)

    def data(self, needed: NeededData) -> str:
        """A reference to data with the digests of the runs; an empty text if there are none."""
        reference = needed.spec.data
        problems = []
        for candidate in self._data_candidates(reference):
            try:
                found = load_dataset(candidate, self.settings.owner_access)
            except DataError as problem:
                problems += [str(problem)] if candidate in self.given_data else []
                continue
            if _is_same(found, needed.spec):
                return candidate if candidate in SHIPPED else _lasting(candidate)
            problems.append(f"{candidate} has other files than those of the runs.")
        upload = " Or upload its files on the Data page of this machine." * is_upload(reference)
        self.missing.append(
            f"- data {needed.words}: put the manifest and its files into "
            f"{self.bundle.root / 'data'}/NAME, or pass --data PATH.{upload}{_after(problems)}"
        )
        return ""

    def checkpoint(self, needed: NeededCheckpoint, reads_weights: bool) -> str:
        """A reference to a checkpoint with the digest of the runs; empty if there is none."""
        problems = []
        for candidate in self._checkpoint_candidates(needed.reference):
            try:
                found = resolve_checkpoint(candidate, self.settings.owner_access)
                digest = weights_digest(require_weights(found)) if reads_weights else None
            except CheckpointError as problem:
                named = candidate in (*self.given_checkpoints, needed.reference)
                problems += [str(problem)] if named and not candidate.startswith(HERE) else []
                continue
            if needed.digest in (None, digest):
                local = found.entry is None and found.hub_id is None
                return str((found.folder or found.config_file).resolve()) if local else candidate
            problems.append(f"{candidate} has other weights (SHA-256 {(digest or '')[:12]}).")
        where = (
            f": put its folder into {self.bundle.root / 'weights'}, or below a folder of "
            "FREEZE_LAB_CHECKPOINTS, or pass --checkpoint PATH."
        )
        in_catalogue = any(needed.reference in each.names for each in catalogue())
        self.missing.append(
            f"- checkpoint {needed.words}{'.' if in_catalogue else where}{_after(problems)}"
        )
        return ""

    def _data_candidates(self, reference: str) -> Iterator[str]:
        if reference in SHIPPED:
            yield reference
            return
        yield from self.given_data
        yield from map(str, sorted(self.bundle.root.glob(f"data/*/{MANIFEST_NAME}")))
        name = reference.removeprefix(HERE)
        if name == reference:
            yield reference
            return
        yield from (str(root / name) for root in (*self.settings.data_roots, Path()))

    def _checkpoint_candidates(self, reference: str) -> Iterator[str]:
        yield from self.given_checkpoints
        yield from map(str, sorted(self.bundle.root.glob("weights/*")))
        name = reference.removeprefix(HERE)
        yield reference
        if name != reference:
            yield from dict.fromkeys(f"{root / name}" for root in self.settings.checkpoint_roots)
            last = Path(name).name
            yield from (f"{root / last}" for root in self.settings.checkpoint_roots)


def find_files(
    bundle: UnpackedBundle,
    settings: Settings,
    data: Sequence[str] = (),
    checkpoints: Sequence[str] = (),
) -> Found:
    """Find what the runs of a bundle need: in the bundle, at the given paths, or by its name.

    Raises BadInput that lists everything that is missing, and what to do about each.
    """
    search = _Search(bundle, settings, data, checkpoints)
    found = Found(
        {each.spec.data: search.data(each) for each in _data(bundle)},
        {
            each.reference: search.checkpoint(each, reads_weights)
            for each, reads_weights in _checkpoints(bundle)
        },
    )
    search.missing += [
        f"- run {run}, from which others start: it was deleted before this bundle was made. Ask "
        "for a bundle of that run."
        for run in bundle.unknown_starts
    ]
    if search.missing:
        lines = "\n".join(search.missing)
        raise BadInput(
            f"{bundle.title} needs files that are not here; nothing was trained.\n{lines}"
        )
    return found


def _data(bundle: UnpackedBundle) -> Iterable[NeededData]:
    """The data of all runs, each once; as a run that has started recorded them."""
    found: dict[str, NeededData] = {}
    for run in bundle.runs:
        for each in data_of_run(run):
            known = found.get(each.spec.data)
            if known is None or not known.spec.data_digests:
                found[each.spec.data] = each
    if bundle.comparison is not None:  # an arm may have no run in the bundle
        options = map(bundle.comparison.options_of, bundle.comparison.arms)
        for other in (each for one in options for each in one["also_evaluate"]):
            found.setdefault(other, other_data(bundle.repeated[0].spec, other))
    return found.values()


def _checkpoints(bundle: UnpackedBundle) -> Iterator[tuple[NeededCheckpoint, bool]]:
    """The checkpoints of all runs, each once, and whether their weights are read."""
    specs = [run.spec for run in bundle.runs]
    of_arms = bundle.comparison.checkpoints if bundle.comparison else ()
    for reference in dict.fromkeys((*(spec.checkpoint for spec in specs), *of_arms)):
        using = [spec for spec in specs if spec.checkpoint == reference]
        digests = (digest for spec in using if (digest := checkpoint_digest(spec)))
        reads = any(spec.starts_from is None and not spec.random_backbone for spec in using)
        yield NeededCheckpoint(reference, next(digests, None)), reads


def _is_same(found: Dataset, spec: RunSpec) -> bool:
    """Whether data have the files that a run recorded, also under other names."""
    if not spec.data_digests or found.as_recorded(spec.data_digests) is not None:
        return True
    return sorted(found.digests.values()) == sorted(spec.data_digests.values())


def _lasting(reference: str) -> str:
    """The reference as it is valid in every folder."""
    return reference if is_upload(reference) else str(Path(reference).resolve())


def _after(problems: Iterable[str]) -> str:
    return "".join(f" {each}" for each in dict.fromkeys(problems))
