"""Reads a bundle that somebody received: what is to be repeated, and the runs before it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mtl_core import __version__
from mtl_core.errors import BadInput
from mtl_core.report.needed import NeededData, data_title
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.text import listed
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec

_SPEC, _COMPARISON, _EVENTS = "spec.json", "comparison.json", "events.jsonl"
_RUN_FOLDERS = ("runs", "earlier")

Spec = TypeVar("Spec", bound=BaseModel)


@dataclass(frozen=True)
class UnpackedRun:
    """A run of a bundle: its id, its spec and its folder."""

    id: str
    spec: RunSpec
    folder: Path

    @cached_property
    def events(self) -> list[dict[str, object]]:
        """The events of the run as JSON; none if the file is missing or damaged."""
        try:
            lines = (self.folder / _EVENTS).read_text(encoding="utf-8").splitlines()
            return [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return []

    @property
    def sentences(self) -> Mapping[str, Mapping[str, int]]:
        """The labelled sentences of each split by task; empty if the run has not started."""
        found = self.events[0].get("examples") if self.events else None
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class UnpackedBundle:
    """A bundle in `root`. `repeated` are the runs to repeat, those of `comparison` if it has one.

    `known` are all runs of the bundle by id, earlier ones included.
    """

    root: Path
    repeated: tuple[UnpackedRun, ...]
    known: Mapping[str, UnpackedRun]
    comparison: ComparisonSpec | None = None

    @property
    def title(self) -> str:
        """What is repeated, for messages."""
        return "The comparison" if self.comparison else f"Run {self.repeated[0].id}"

    @cached_property
    def earlier(self) -> tuple[UnpackedRun, ...]:
        """The runs from which the repeated ones start, each after the one from which it starts."""
        found: dict[str, UnpackedRun] = {}

        def add(run: str | None, above: tuple[str, ...] = ()) -> None:
            if run is None or run in found or run in above or run not in self.known:
                return
            add(self.known[run].spec.starts_from, (*above, run))
            found[run] = self.known[run]

        for run in self._starts:
            add(run)
        return tuple(found.values())

    @property
    def unknown_starts(self) -> tuple[str, ...]:
        """The ids of runs from which others start and which the bundle lacks."""
        starts = (*self._starts, *(run.spec.starts_from for run in self.earlier))
        return tuple(dict.fromkeys(each for each in starts if each and each not in self.known))

    @property
    def runs(self) -> tuple[UnpackedRun, ...]:
        """All runs that are trained, the earlier ones first."""
        return (*self.earlier, *self.repeated)

    @property
    def threads(self) -> int | None:
        """The number of threads of the repeated runs; None if it differs."""
        found = {run.spec.threads for run in self.repeated}
        return found.pop() if len(found) == 1 else None

    @property
    def _starts(self) -> tuple[str | None, ...]:
        if self.comparison is None:
            return tuple(run.spec.starts_from for run in self.repeated)
        options = (self.comparison.options_of(arm) for arm in self.comparison.arms)
        return tuple(each["starts_from"] for each in options)


def read_bundle(folder: Path) -> UnpackedBundle:
    """Read the bundle, or the run of a bundle, in `folder`. Raises BadInput."""
    folder = folder.resolve()
    if (folder / _SPEC).is_file():
        root = folder.parent.parent
        run = UnpackedRun(folder.name, _read(folder / _SPEC, RunSpec), folder)
        return UnpackedBundle(root, (run,), _runs_in(root, _RUN_FOLDERS) | {run.id: run})
    if (folder / _COMPARISON).is_file():
        spec = _read(folder / _COMPARISON, ComparisonSpec)
        runs = _runs_in(folder, _RUN_FOLDERS[:1])
        if not runs:
            raise BadInput(f"{folder} has no runs/RUN/{_SPEC}. Unpack the whole bundle.")
        return UnpackedBundle(folder, tuple(runs.values()), _runs_in(folder, _RUN_FOLDERS), spec)
    inside = [str(each.parent) for each in sorted(folder.glob(f"runs/*/{_SPEC}"))]
    hint = f"Name one of its runs: {listed(inside)}." if inside else "Name the folder of repeat.sh."
    raise BadInput(f"{folder} has neither {_SPEC} nor {_COMPARISON}. {hint}")


def data_of_run(run: UnpackedRun) -> Iterable[NeededData]:
    """The data of a run as its bundle names them, the other data that it was scored on included."""
    spec = run.spec
    yield NeededData(spec, _title(spec.data, spec, spec.data_name), run.sentences)
    yield from (other_data(spec, other) for other in spec.also_evaluate)


def other_data(spec: RunSpec, other: str) -> NeededData:
    """Data on which a run is scored too."""
    return NeededData(spec.with_data(other), _title(other, spec), {})


def _title(reference: str, spec: RunSpec, name: str | None = None) -> str:
    """The name of data; of an upload of another machine that has none, its tasks."""
    if name is None and is_upload(reference):
        return f"uploaded for {listed([task.name for task in spec.tasks])}"
    return data_title(reference, spec, name)


def _runs_in(root: Path, folders: Iterable[str]) -> dict[str, UnpackedRun]:
    files = [file for name in folders for file in sorted(root.glob(f"{name}/*/{_SPEC}"))]
    return {
        file.parent.name: UnpackedRun(file.parent.name, _read(file, RunSpec), file.parent)
        for file in files
    }


def _read(file: Path, kind: type[Spec]) -> Spec:
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise BadInput(
            f"{file} cannot be read: {error.strerror}. Unpack the bundle again."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{file} is not what Freeze Lab {__version__} writes ({where}: {first['msg']}). Unpack "
            "the bundle again, or repeat it with the version that its repeat.sh names."
        ) from None
