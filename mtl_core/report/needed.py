"""The data and checkpoints that the runs of a report need, and that Freeze Lab does not include.

A bundle contains them only on request. Whoever repeats the runs needs files with the same SHA-256.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mtl_core.analysis.summary import RunSummary
from mtl_core.models.catalogue import catalogue
from mtl_core.report.data_words import split_counts
from mtl_core.report.portable import HERE
from mtl_core.report.run_words import checkpoint_name
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.dataset import MANIFEST_NAME, SHIPPED
from mtl_core.text import counted, listed
from mtl_core.training.spec import RunSpec

_FILES_NAMED = 4
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class NeededData:
    """Data of runs. `spec` has their reference and their digests as those of its own data.

    `sentences` has the labelled sentences of each split by task; empty if they are unknown.
    """

    spec: RunSpec
    name: str
    sentences: Mapping[str, Mapping[str, int]]

    @property
    def words(self) -> str:
        """The name, the number of sentences and the start of each file's SHA-256."""
        counts = [f"{split_counts(each)} sentences for {task}" for task, each in _known(self)]
        files = [f"{name} {digest[:_DIGITS]}" for name, digest in self.spec.data_digests.items()]
        more = len(files) - _FILES_NAMED
        shown = files[:_FILES_NAMED] + ([counted(more, "more file")] if more > 0 else [])
        digests = [f"SHA-256 of {listed(shown)}"] if shown else []
        facts = "; ".join([*([listed(counts)] if counts else []), *digests])
        return f"{self.name} ({facts})" if facts else self.name


@dataclass(frozen=True, slots=True)
class NeededCheckpoint:
    """A checkpoint of runs. `digest` is the SHA-256 of its weights, None if it is unknown."""

    reference: str
    digest: str | None

    @property
    def name(self) -> str:
        """The last part of a path; any other reference as it is."""
        return checkpoint_name(self.reference)

    @property
    def words(self) -> str:
        """The name, and the start of the SHA-256."""
        return f"{self.name} (SHA-256 {self.digest[:_DIGITS]})" if self.digest else self.name


Needed = NeededData | NeededCheckpoint


def needed_data(runs: Iterable[RunSummary]) -> tuple[NeededData, ...]:
    """The data of runs that Freeze Lab does not include, each once; as a started run read them."""
    found: dict[str, NeededData] = {}
    for run in runs:
        for each in _data_of(run):
            known = found.get(each.spec.data)
            if known is None or (each.spec.data_digests and not known.spec.data_digests):
                found[each.spec.data] = each
    return tuple(each for reference, each in found.items() if reference not in SHIPPED)


def needed_checkpoints(
    specs: Iterable[RunSpec], is_public: Callable[[str], bool]
) -> tuple[NeededCheckpoint, ...]:
    """The checkpoints of specs that are not in the catalogue and not `is_public`, each once."""
    found: dict[str, NeededCheckpoint] = {}
    included = {name for each in catalogue() for name in each.names}
    for spec in specs:
        reference, digest = spec.checkpoint, checkpoint_digest(spec)
        if reference in included or is_public(reference):
            continue
        if reference not in found or found[reference].digest is None:
            found[reference] = NeededCheckpoint(reference, digest)
    return tuple(found.values())


def checkpoint_digest(spec: RunSpec) -> str | None:
    """The SHA-256 of the checkpoint's weights; None if the run has not read them, or is waiting."""
    reads_weights = spec.starts_from is None and not spec.random_backbone
    return spec.weights_digest if reads_weights else None


def data_title(reference: str, spec: RunSpec, name: str | None = None) -> str:
    """The name of data of a run; of a manifest without a name, that of its folder."""
    folder = reference.removesuffix(f"/{MANIFEST_NAME}")
    known = reference if folder in (".", "") else folder
    return data_name(known, (task.name for task in spec.tasks), name)


def folder_names(references: Iterable[str]) -> dict[str, str]:
    """By reference of data or a checkpoint, the name of its folder in a bundle."""
    found: dict[str, str] = {}
    for reference in dict.fromkeys(references):
        stem = reference.removeprefix(HERE).removesuffix(f"/{MANIFEST_NAME}")
        stem = re.sub(r"\.ya?ml$", "", stem)
        name = re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "files"
        names = (name, *(f"{name}-{number}" for number in range(2, len(found) + 3)))
        found[reference] = next(each for each in names if each not in found.values())
    return found


def _data_of(run: RunSummary) -> Iterator[NeededData]:
    spec = run.spec
    yield NeededData(spec, data_title(spec.data, spec, spec.data_name), run.examples)
    for other in spec.also_evaluate:
        yield NeededData(spec.with_data(other), data_title(other, spec), {})


def _known(data: NeededData) -> Iterator[tuple[str, Mapping[str, int]]]:
    return ((task, splits) for task, splits in data.sentences.items() if splits)
