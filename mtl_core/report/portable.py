"""Names for the paths and uploads of this machine in exports, which other people read.

A path below a configured folder becomes relative to it. Any other keeps only its last part, or as
many as make it different from the others. An upload has the name of its data, or of its tasks.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from mtl_core.errors import UnknownRun
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.tasks.upload_reference import PREFIX, is_upload
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
    `uploads` are references to uploads with the titles of their data.
    """

    def __init__(
        self,
        references: Iterable[str],
        folders: Iterable[Path] = (),
        uploads: Mapping[str, str] | None = None,
    ) -> None:
        folders = tuple(folders)
        paths = _distinct_names(dict.fromkeys(references), folders)
        self._uploads = _upload_names(uploads or {}, set(paths.values()))
        self._names = paths | self._uploads
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
        yield from self._uploads.items()
        paths = {path: name for path, name in self._names.items() if path not in self._uploads}
        for reference, name in paths.items():
            for path in {Path(reference), Path(reference).resolve()}:
                if path.suffix and path.parent != Path("/"):
                    yield f"{path.parent}/", name.removesuffix(path.name)
                    yield str(path.parent), name.removesuffix(path.name).rstrip("/")
        for reference, name in paths.items():
            for text in {reference, str(Path(reference)), str(Path(reference).resolve())}:
                yield f"{text}/", f"{name}/"
                yield text, name

    def in_text(self, text: str) -> str:
        """The text with names instead of paths and uploads."""
        if not _may_refer(text):
            return text
        return self._pattern.sub(lambda found: self._texts[found[0]], text)

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
        if not _may_refer(value.model_dump_json()):
            return value
        return type(value).model_validate(self.in_json(value.model_dump(mode="json")))

    def with_uploads(self, spec: Model) -> Model:
        """A spec with the references of uploads instead of their names."""
        if not self._uploads:
            return spec
        references = {name: reference for reference, name in self._uploads.items()}
        return type(spec).model_validate(_with_texts(spec.model_dump(mode="json"), references))

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
    """The names of paths and uploads in runs, and in the earlier runs that they start from."""
    specs: list[RunSpec | ComparisonSpec] = [] if comparison is None else [comparison.spec]
    outputs = []
    for run in with_earlier(store, records):
        end = store.latest(run.id, "run_finished")
        specs.append(run.spec)
        outputs.append(end.output if isinstance(end, RunFinished) else None)
    found = [each.model_dump(mode="json") for each in specs]
    return PathNames(_absolute_paths([*found, outputs]), folders, _uploads(specs))


def with_earlier(store: RunStore, records: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """Yield runs and the runs that they start from, each once; deleted ones are left out."""
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


def _uploads(specs: Iterable[RunSpec | ComparisonSpec]) -> dict[str, str]:
    """The uploads of specs, each with the title of its data: their name, or their tasks."""
    titles: dict[str, str] = {}
    others: dict[str, str] = {}
    for spec in specs:
        run = spec if isinstance(spec, RunSpec) else None
        tasks = [task.name for task in run.tasks] if run else []
        if run and run.data_name is not None:
            titles.setdefault(run.data, run.data_name)
        own = [arm.options.get("also_evaluate", ()) for arm in getattr(spec, "arms", ())]
        for reference in (spec.data, *spec.also_evaluate, *(each for one in own for each in one)):
            if run or reference not in others:
                others[reference] = "-".join(["uploaded", *tasks])
    return {each: title for each, title in (others | titles).items() if is_upload(each)}


def _may_refer(text: str) -> bool:
    """Whether a text may contain a path or an upload."""
    return "/" in text or PREFIX in text


def _with_texts(value: Any, texts: Mapping[str, str]) -> Any:
    """A value of JSON with other texts, also at the start of keys: `NAME: FILE`."""
    match value:
        case str():
            return texts.get(value, value)
        case list():
            return [_with_texts(each, texts) for each in value]
        case dict():
            return {_key(key, texts): _with_texts(each, texts) for key, each in value.items()}
    return value


def _key(key: str, texts: Mapping[str, str]) -> str:
    name, colon, file = key.partition(": ")
    return f"{texts[name]}{colon}{file}" if name in texts else key


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


def _upload_names(uploads: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """By upload, a name that is no path and that no other reference has."""
    found: dict[str, str] = {}
    for reference, title in uploads.items():
        name = re.sub(r"[^\w.-]+", "-", title).strip("-.") or "uploaded"
        names = [name, *(f"{name}-{number}" for number in range(2, len(uploads) + len(taken) + 2))]
        used = taken | set(found.values())
        found[reference] = next(text for each in names if (text := f"{HERE}{each}") not in used)
    return found


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
