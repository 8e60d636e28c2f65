"""Names for the paths of this machine in exports, which other people read.

A path below a configured folder becomes relative to it. Any other keeps only its last part, or as
many as make it different from the others.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from mtl_core.errors import UnknownRun
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFinished
from mtl_core.training.spec import RunSpec

Model = TypeVar("Model", bound=BaseModel)

HERE = "./"
"""The start of every name, so that it is not read as the name of a checkpoint in the catalogue."""

_TOP_PARTS = 2  # of /home, which every machine has
_NO_REFERENCES = {"plan", "tasks", "versions"}


class PathNames:
    """The names of the absolute paths in `references`, and of what is below `folders`.

    The folder of a referenced file is replaced with it, because messages name the files beside it.
    """

    def __init__(self, references: Iterable[str], folders: Iterable[Path] = ()) -> None:
        folders = tuple(folders)
        self._names = _distinct_names(dict.fromkeys(references), folders)
        self._paths = {name: path for path, name in self._names.items()}
        self._texts = dict(self._replacements(folders))
        longest_first = sorted(self._texts, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![\w/.~-])(?:{alternatives})(?:(?<=/)|(?![\w.-]*\w))")

    def _replacements(self, folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
        """The texts to be replaced; of two equal ones the later one is."""
        for above in {each for path in self._names for each in Path(path).parents}:
            if len(above.parts) > _TOP_PARTS:
                yield f"{above}/", ""
                yield str(above), "."
        own = (Path(tempfile.gettempdir()), Path(sys.prefix), Path.cwd(), Path.home())
        for folder in (*own, *folders):
            for path in {folder, folder.resolve()} - {Path("/")}:
                yield f"{path}/", ""
                yield str(path), path.name
        for reference, name in self._names.items():
            for path in {Path(reference), Path(reference).resolve()}:
                if path.suffix and path.parent != Path("/"):
                    yield f"{path.parent}/", name.removesuffix(path.name)
                    yield str(path.parent), name.removesuffix(path.name).rstrip("/")
        for reference, name in self._names.items():
            for text in {reference, str(Path(reference)), str(Path(reference).resolve())}:
                yield f"{text}/", f"{name}/"
                yield text, name

    def in_text(self, text: str) -> str:
        """The text with names instead of paths."""
        return self._pattern.sub(lambda found: self._texts[found[0]], text) if "/" in text else text

    def in_json(self, value: Any) -> Any:
        """A value of JSON with names instead of paths, also in the keys of objects."""
        match value:
            case str():
                return self.in_text(value)
            case list():
                return [self.in_json(each) for each in value]
            case dict():
                return {self.in_text(key): self.in_json(each) for key, each in value.items()}
        return value

    def in_model(self, value: Model) -> Model:
        """A spec or event with names instead of paths."""
        if "/" not in value.model_dump_json():
            return value
        return type(value).model_validate(self.in_json(value.model_dump(mode="json")))

    def in_record(self, record: RunRecord) -> RunRecord:
        """A run with names instead of paths."""
        reason = None if record.reason is None else self.in_text(record.reason)
        return replace(record, spec=self.in_model(record.spec), reason=reason)

    def in_comparison(self, record: ComparisonRecord) -> ComparisonRecord:
        """A comparison and its runs with names instead of paths."""
        return replace(
            record,
            spec=self.in_model(record.spec),
            runs=tuple(map(self.in_record, record.runs)),
            trial_runs=tuple(map(self.in_record, record.trial_runs)),
        )

    def with_path(self, spec: RunSpec) -> RunSpec:
        """The spec with the path of its data instead of the name."""
        return spec.model_copy(update={"data": self.path_of(spec.data)})

    def path_of(self, name: str) -> str:
        """The path that has this name; any other reference as it is."""
        return self._paths.get(name, name)


def path_names(
    store: RunStore,
    records: Iterable[RunRecord],
    comparison: ComparisonRecord | None = None,
    folders: Iterable[Path] = (),
) -> PathNames:
    """The names of the paths in runs and in the earlier runs that they start from."""
    specs: list[RunSpec | ComparisonSpec] = [] if comparison is None else [comparison.spec]
    outputs = []
    for run in _with_earlier(store, records):
        end = store.latest(run.id, "run_finished")
        specs.append(run.spec)
        outputs.append(end.output if isinstance(end, RunFinished) else None)
    found = [each.model_dump(mode="json") for each in specs]
    return PathNames(_absolute_paths([*found, outputs]), folders)


def _with_earlier(store: RunStore, records: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """Yield runs and the runs that they start from, each once."""
    left, seen = list(records), set()
    while left:
        record = left.pop(0)
        if record.id in seen:
            continue
        seen.add(record.id)
        yield record
        if record.spec.starts_from is not None:
            with suppress(UnknownRun):
                left.append(store.run(record.spec.starts_from))


def _absolute_paths(value: Any) -> Iterator[str]:
    """The absolute paths among the strings of a spec or event as JSON, without plan and tasks."""
    match value:
        case str() if value.startswith("/") and len(value) > 1:
            yield value
        case list():
            for each in value:
                yield from _absolute_paths(each)
        case dict():
            for key, each in value.items():
                if key not in _NO_REFERENCES:
                    yield from _absolute_paths(each)


def named_files(value: Any) -> tuple[str, ...]:
    """The names of local files and folders in a spec that `PathNames` has changed."""
    found = value.model_dump(mode="json", exclude=_NO_REFERENCES)
    return tuple(dict.fromkeys(_names(found)))


def _names(value: Any) -> Iterator[str]:
    match value:
        case str() if value.startswith(HERE):
            yield value
        case list():
            for each in value:
                yield from _names(each)
        case dict():
            for each in value.values():
                yield from _names(each)


def _distinct_names(references: Iterable[str], folders: tuple[Path, ...]) -> dict[str, str]:
    """By path, its name."""
    found: dict[str, str] = {}
    for reference in references:
        path = Path(reference)
        if not path.is_absolute():
            continue
        tails = ["/".join(path.parts[-count:]) for count in range(1, len(path.parts))]
        below = [path.relative_to(each) for each in folders if path.is_relative_to(each)]
        names = [str(each) for each in below if each.parts] + tails
        names += [f"{number}-{path.name}" for number in range(2, len(found) + 3)]
        taken = set(found.values())
        found[reference] = next(name for each in names if (name := f"{HERE}{each}") not in taken)
    return found
