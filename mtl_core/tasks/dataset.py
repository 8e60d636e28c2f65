"""Labelled examples of several tasks, ready to be encoded."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from mtl_core.errors import DataError, InternalError
from mtl_core.file_access import FileAccess
from mtl_core.nearest import quoted
from mtl_core.tasks.contents import Content, read_content
from mtl_core.tasks.example import Example, Label
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.manifest import Manifest, TaskSource, read_manifest
from mtl_core.tasks.readings import Reading
from mtl_core.tasks.repeated import Repeated, find_repeated
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.shipped_sums import verify_shipped
from mtl_core.tasks.subsets import check_limits, nested_subset
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.tasks.task_files import Divided, TaskData, read_task
from mtl_core.tasks.upload_reference import is_upload, upload_folder
from mtl_core.text import shortened

SAMPLE = "sample"
SAMPLE_POSTS = "sample-posts"
SAMPLE_SMALL = "sample-small"
MANIFEST_NAME = "manifest.yaml"
_FOLDER = Path(__file__).parent
_SHIPPED = {
    SAMPLE: _FOLDER / "sample",
    SAMPLE_POSTS: _FOLDER / "sample_posts",
    SAMPLE_SMALL: _FOLDER / "sample_small",
}
SHIPPED = tuple(_SHIPPED)
_EXAMPLE_BYTES = 500
_WORD_BYTES = 120  # a word and its tag


@dataclass(frozen=True)
class Dataset:
    """All examples of all tasks.

    `digests` maps each file's name in the manifest to its SHA-256. `repaired_tags` counts, by token
    task, the `I-x` tags that continued no entity and were read as `B-x`. `test` is empty if no task
    has a test file. `readings` describe by task how the files were read. `name` is what the
    manifest calls the data, if it does.
    """

    reference: str
    tasks: tuple[Task, ...]
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    digests: Mapping[str, str]
    repaired_tags: Mapping[str, int]
    test: tuple[Example, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    name: str | None = None

    @property
    def splits(self) -> dict[str, tuple[Example, ...]]:
        """The examples by split; `test` only if there are any."""
        splits = {"train": self.train, "validation": self.validation}
        return splits | ({"test": self.test} if self.test else {})

    def judged_split(self, task: str) -> str:
        """The split whose scores compare plans on a task: `test` if it has one, or `validation`."""
        return "test" if any(task in example.labels for example in self.test) else "validation"

    def judged(self, task: str) -> tuple[Example, ...]:
        """The examples of `judged_split` that have a label of the task."""
        examples = self.splits[self.judged_split(task)]
        return tuple(example for example in examples if task in example.labels)

    def repeated_sentences(self) -> dict[str, int]:
        """The evaluated sentences that also occur in an earlier split, by task; only above 0.

        The splits are train, validation and test in this order. Scores on such sentences are too
        high.
        """
        found = {task.name: len(self._repeated[task.name].exactly) for task in self.tasks}
        return {task: count for task, count in found.items() if count}

    def nearly_repeated_sentences(self) -> dict[str, int]:
        """As `repeated_sentences`, for those that differ in case, blanks or punctuation."""
        found = {task.name: len(self._repeated[task.name].nearly) for task in self.tasks}
        return {task: count for task, count in found.items() if count}

    def repeated_over_all_tasks(self) -> int:
        """The sentences of `repeated_sentences`, each counted once over all tasks and splits."""
        found = (self._repeated[task.name].exactly for task in self.tasks)
        return len({sentence for each in found for sentence in each})

    def nearly_repeated_over_all_tasks(self) -> int:
        """As `repeated_over_all_tasks`, for the sentences of `nearly_repeated_sentences`."""
        found = (self._repeated[task.name].nearly for task in self.tasks)
        return len({sentence for each in found for sentence in each})

    @cached_property
    def _repeated(self) -> dict[str, Repeated]:
        """By task, the sentences of each split that an earlier split has too."""
        return {
            task.name: find_repeated(
                [
                    each.text if each.text is not None else " ".join(each.words or ())
                    for each in examples
                    if task.name in each.labels
                ]
                for examples in self.splits.values()
            )
            for task in self.tasks
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """Labelled examples by task and split: `{"ner": {"train": 200, "validation": 100}}`."""
        splits = self.splits
        return {
            task.name: {
                split: sum(task.name in example.labels for example in examples)
                for split, examples in splits.items()
            }
            for task in self.tasks
        }

    def as_recorded(self, digests: Mapping[str, str]) -> "Dataset | None":
        """The data that a run read, which recorded these digests; None if they have changed since.

        A run that recorded fewer files was made before the data had a test split: the result is
        without it. Without digests the run has not read the data yet.
        """
        if not digests or dict(digests) == dict(self.digests):
            return self
        unchanged = dict(digests).items() <= dict(self.digests).items()
        if not unchanged:
            return None
        readings = {task: each.without("test") for task, each in self.readings.items()}
        return replace(self, test=(), digests=dict(digests), readings=readings)

    @cached_property
    def sentences_by_words(self) -> Mapping[int, int]:
        """The number of sentences of all splits by their number of words between blanks."""
        examples = (each for split in self.splits.values() for each in split)
        return Counter(len(each.words or (each.text or "").split()) for each in examples)

    @property
    def memory_bytes(self) -> int:
        """A rough estimate of the memory that the examples take."""
        examples = (*self.train, *self.validation, *self.test)
        characters = sum(len(each.text or "") for each in examples)
        words = sum(len(each.words or ()) for each in examples)
        return _EXAMPLE_BYTES * len(examples) + characters + _WORD_BYTES * words


def load_dataset(
    reference: str,
    access: FileAccess,
    examples: Mapping[str, int] | None = None,
    draw: int | None = None,
) -> Dataset:
    """Load a sample (`SHIPPED`), a manifest, a folder that holds a `manifest.yaml`, or an upload
    (`upload:<digest>`).

    `access` decides which paths are read. `examples` limits the training examples by task name.
    Smaller limits select subsets of larger ones; `draw` is the number of another such selection.
    The outputs are always those of the whole training file. Raises DataError if `access` forbids
    the reference or a file is faulty, and InternalError if the sample data differ from the shipped
    ones.
    """
    return dataset_at(manifest_of(reference, access), reference, examples, draw)


def manifest_of(reference: str, access: FileAccess) -> Manifest:
    """Read the manifest that a reference names. Raises DataError as `load_dataset` does."""
    return read_manifest(require_allowed_data(reference, access))


def dataset_at(
    manifest: Manifest,
    reference: str,
    examples: Mapping[str, int] | None = None,
    draw: int | None = None,
) -> Dataset:
    """The data set of the manifest that `reference` names. Raises what `load_dataset` does."""
    dataset = dataset_of(manifest, reference, examples, draw=draw)
    if reference in _SHIPPED:
        verify_shipped(_SHIPPED[reference], dataset.digests)
    return dataset


def dataset_of(
    manifest: Manifest,
    reference: str,
    examples: Mapping[str, int] | None = None,
    read: Callable[[DataFile], Content] = read_content,
    draw: int | None = None,
) -> Dataset:
    """The data set of a manifest, whose files are read by `read`. Raises DataError."""
    limits = dict(examples or {})
    files = _read_files(manifest, read)
    divided: Divided = {}
    data = [read_task(source, files, divided) for source in manifest.tasks]
    check_limits(limits, {one.task.name: len(one.train) for one in data})
    selected = {
        one.task.name: nested_subset(one.task, _labels(one), limits[one.task.name], draw)
        for one in data
        if one.task.name in limits
    }
    return Dataset(
        reference=reference,
        tasks=tuple(one.task for one in data),
        train=_merged([(one.source.train, one, one.train) for one in data], selected),
        validation=_merged(
            [(one.source.validation or one.source.train, one, one.validation) for one in data], {}
        ),
        digests={content.file.name: content.sha256 for content in files.values()},
        repaired_tags={
            one.task.name: one.repaired_tags for one in data if one.task.kind is TaskKind.TOKEN
        },
        test=_merged(
            [(one.source.test, one, one.test) for one in data if one.source.test is not None], {}
        ),
        readings={one.task.name: one.reading for one in data},
        name=manifest.name,
    )


def load_tasks(reference: str, access: FileAccess) -> tuple[Task, ...]:
    """The tasks of `reference` with the outputs of their heads. Raises what `load_dataset` does."""
    return load_dataset(reference, access).tasks


def require_allowed_data(reference: str, access: FileAccess) -> Path:
    """Return the path of the manifest that `reference` names.

    Raises DataError if `access` forbids it, with the same message whether or not the path exists,
    and if there is no such upload or manifest.
    """
    if is_upload(reference):
        return upload_folder(reference, access.uploads) / MANIFEST_NAME
    if reference in _SHIPPED:
        shipped = _SHIPPED[reference] / MANIFEST_NAME
        if not shipped.is_file():
            raise InternalError(
                "The sample data are missing from the installation. Install Freeze Lab again."
            )
        return shipped
    path = Path(reference)
    if not access.allows_data(path):
        raise _forbidden(reference, access)
    try:
        if path.is_dir():
            path /= MANIFEST_NAME
        if path.is_file():
            if not access.allows_data(path):  # the manifest of an allowed folder may be a link
                raise _forbidden(reference, access)
            return path
    except (OSError, ValueError):  # the name is too long or contains a null character
        pass
    raise DataError(
        f"There are no data called '{shortened(reference, 200)}'. Name {quoted(SHIPPED)}, "
        f"a manifest file, or a folder that holds a {MANIFEST_NAME}."
    )


def _forbidden(reference: str, access: FileAccess) -> DataError:
    roots = access.data_roots
    where = (
        f"Allowed folders: {', '.join(map(str, roots))}."
        if roots
        else "No folder is allowed for other data: set FREEZE_LAB_DATA, or use the command line."
    )
    *others, last = (f"'{name}'" for name in SHIPPED)
    return DataError(
        f"'{shortened(reference, 200)}' is not allowed here. {where} "
        f"Or choose {', '.join(others)} or {last}."
    )


def _read_files(manifest: Manifest, read: Callable[[DataFile], Content]) -> dict[DataFile, Content]:
    named = [file for source in manifest.tasks for file in source.files]
    return {file: read(file) for file in dict.fromkeys(named)}


def _labels(one: TaskData) -> list[Label]:
    return [example.labels[one.task.name] for example in one.train]


def _text_column(source: TaskSource) -> str | int:
    """The column or key of the text or words; a number if the manifest names it by number."""
    return source.columns.word if source.columns and source.columns.word > 1 else source.text


def _merged(
    split: Sequence[tuple[DataFile, TaskData, tuple[Example, ...]]],
    selected: Mapping[str, frozenset[int]],
) -> tuple[Example, ...]:
    """One example per row of each file, with the labels of all tasks that read the row.

    Rows without any label after the limits in `selected` are omitted.
    """
    files: dict[tuple[Path, TaskKind, str | int, Quoting | None], list[dict[str, Label]]] = {}
    merged: list[Example] = []
    for file, one, examples in split:
        chosen = selected.get(one.task.name, range(len(examples)))
        read = (file.path, one.source.kind, _text_column(one.source), one.source.quoting)
        if read not in files:
            files[read] = [{} for _ in examples]
            pairs = zip(examples, files[read], strict=True)
            merged += [Example(each.text, each.words, labels) for each, labels in pairs]
        for place, example in enumerate(examples):
            if place in chosen:
                files[read][place] |= example.labels
    return tuple(example for example in merged if example.labels)
