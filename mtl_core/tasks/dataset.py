"""Labelled examples of several tasks, ready to be encoded."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mtl_core.errors import DataError, InternalError
from mtl_core.settings import FileAccess
from mtl_core.tasks.automatic_split import held_out, split_note
from mtl_core.tasks.contents import Content, read_content
from mtl_core.tasks.end_tags import end_scheme, without_end_tags
from mtl_core.tasks.labels import check_labels, sentence_outputs, token_outputs
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.manifest import SPLIT_KEYS, Manifest, TaskSource, read_manifest
from mtl_core.tasks.readings import Reading
from mtl_core.tasks.repeated import Repeated, find_repeated
from mtl_core.tasks.schemes import (
    OUTSIDE,
    Scheme,
    detect_scheme,
    entity_type,
    repairs,
    spans,
    to_iob2,
)
from mtl_core.tasks.sentence_files import SentenceFile, read_sentences
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.shipped_sums import verify_shipped
from mtl_core.tasks.span_files import tags_of_types
from mtl_core.tasks.subsets import check_limits, nested_subset
from mtl_core.tasks.tag_checks import check_tags, with_tag_names
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.tasks.token_files import read_tokens
from mtl_core.tasks.token_rows import TokenFile, TokenRow
from mtl_core.tasks.upload_reference import is_upload, upload_folder

SAMPLE = "sample"
SAMPLE_POSTS = "sample-posts"
MANIFEST_NAME = "manifest.yaml"
_FOLDER = Path(__file__).parent
_SHIPPED = {SAMPLE: _FOLDER / "sample", SAMPLE_POSTS: _FOLDER / "sample_posts"}
SHIPPED = tuple(_SHIPPED)
_EXAMPLE_BYTES = 500
_WORD_BYTES = 120  # a word and its tag

Label = str | tuple[str, ...]
Divided = dict[tuple[Path, int], frozenset[int]]
"""Of training files without validation files, by path and number of rows: the rows held out."""

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled sentence, as text or as words (exactly one of the two is set).

    `labels` maps task names to a label (sentence tasks) or one tag per word (token tasks). Tasks
    that read the same file share an example.
    """

    text: str | None
    words: tuple[str, ...] | None
    labels: Mapping[str, Label]


@dataclass(frozen=True)
class Dataset:
    """All examples of all tasks.

    `digests` maps each file's name in the manifest to its SHA-256. `repaired_tags` counts, by token
    task, the `I-x` tags that continued no entity and were read as `B-x`. `test` is empty if no task
    has a test file. `readings` describe by task how the files were read.
    """

    reference: str
    tasks: tuple[Task, ...]
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    digests: Mapping[str, str]
    repaired_tags: Mapping[str, int]
    test: tuple[Example, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)

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


@dataclass(frozen=True)
class _TaskData:
    """One task with its examples in file order, labelled for this task only."""

    source: TaskSource
    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    repaired_tags: int
    reading: Reading


def load_dataset(
    reference: str,
    access: FileAccess,
    examples: Mapping[str, int] | None = None,
    draw: int | None = None,
) -> Dataset:
    """Load `sample` or `sample-posts`, a manifest, a folder that holds a `manifest.yaml`, or an
    upload (`upload:<digest>`).

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
    data = [_task_data(source, files, divided) for source in manifest.tasks]
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
        f"There are no data called '{reference[:200]}'. Name '{SAMPLE}', '{SAMPLE_POSTS}', "
        f"a manifest file, or a folder that holds a {MANIFEST_NAME}."
    )


def _forbidden(reference: str, access: FileAccess) -> DataError:
    roots = access.data_roots
    where = (
        f"Allowed folders: {', '.join(map(str, roots))}."
        if roots
        else "No folder is allowed for other data: set FREEZE_LAB_DATA, or use the command line."
    )
    shipped = " or ".join(f"'{name}'" for name in SHIPPED)
    return DataError(f"'{reference[:200]}' is not allowed here. {where} Or choose {shipped}.")


def _read_files(manifest: Manifest, read: Callable[[DataFile], Content]) -> dict[DataFile, Content]:
    named = [file for source in manifest.tasks for file in source.files]
    return {file: read(file) for file in dict.fromkeys(named)}


def _task_data(
    source: TaskSource, files: Mapping[DataFile, Content], divided: Divided
) -> _TaskData:
    """Read the files of one task. Without a test file, `test` is empty."""
    found = [files[file] for file in source.files]
    if source.kind is TaskKind.SENTENCE:
        read = [read_sentences(each, source.text, source.label, source.quoting) for each in found]
        return _sentence_data(source, read, divided)
    return _token_data(
        source,
        [read_tokens(each, source.text, source.label, source.columns) for each in found],
        divided,
    )


def _sentence_data(
    source: TaskSource, files: Sequence[SentenceFile], divided: Divided
) -> _TaskData:
    files = [_with_label_names(file, dict(source.labels)) for file in files]
    if source.validation is None:
        train, *others = files
        rows = [(row.text, row.label) for row in train.rows]
        held = _held_out(source, rows, divided)
        files = [*(replace(train, rows=part) for part in _parts(train.rows, held)), *others]
    check_labels(*files, named=[name for _, name in source.labels])
    outputs = sentence_outputs(*files)
    reading = Reading(
        task=source.name,
        kind=source.kind,
        layout=_layout(files),
        names=outputs,
        sentences=_by_split(len(file.rows) for file in files),
        notes=_with_split_note(source, files, {}),
    )

    def examples(file: SentenceFile) -> tuple[Example, ...]:
        return tuple(Example(row.text, None, {source.name: row.label}) for row in file.rows)

    return _of_splits(source, outputs, [examples(file) for file in files], 0, reading)


def _with_label_names(file: SentenceFile, names: Mapping[str, str]) -> SentenceFile:
    """The file with every label that `names` lists replaced; others stand for themselves."""
    rows = (replace(row, label=names.get(row.label, row.label)) for row in file.rows)
    return replace(file, rows=tuple(rows)) if names else file


def _held_out(
    source: TaskSource, rows: Sequence[tuple[str, Hashable]], divided: Divided
) -> frozenset[int]:
    """The rows of the training file that are the validation split.

    Tasks that read one file hold out the same rows, so that no sentence is in both splits.
    """
    known = divided.get((source.train.path, len(rows)))
    if known is None:
        texts, strata = zip(*rows, strict=True)
        known = held_out(source.train.name, texts, strata)
        divided[source.train.path, len(rows)] = known
    return known


def _has_entity(row: TokenRow) -> bool:
    return any(tag != OUTSIDE for tag in row.tags)


def _parts(rows: Sequence[_Row], held: frozenset[int]) -> tuple[tuple[_Row, ...], tuple[_Row, ...]]:
    """The rows that stay in training, and those that are held out."""
    return (
        tuple(row for place, row in enumerate(rows) if place not in held),
        tuple(row for place, row in enumerate(rows) if place in held),
    )


def _with_split_note(
    source: TaskSource,
    files: Sequence[SentenceFile | TokenFile],
    notes: Mapping[str, tuple[str, ...]],
) -> dict[str, tuple[str, ...]]:
    """The notes by split, with that of an automatic split."""
    if source.validation is not None:
        return dict(notes)
    train, held = (len(file.rows) for file in files[:2])
    by = "of each class" if source.kind is TaskKind.SENTENCE else "with and without entities"
    note = split_note(source.name, held, train + held, by)
    return {**notes, "validation": (*notes.get("validation", ()), note)}


def _token_data(source: TaskSource, files: Sequence[TokenFile], divided: Divided) -> _TaskData:
    names = dict(source.tags)
    if any(file.spans for file in files):
        names = tags_of_types(names)
    files = [with_tag_names(file, names) for file in files]
    if source.validation is None:
        train, *others = files
        tagged = [(" ".join(row.words), _has_entity(row)) for row in train.rows]
        held = _held_out(source, tagged, divided)
        files = [*(replace(train, rows=part) for part in _parts(train.rows, held)), *others]
    stated = source.scheme or end_scheme(files)
    check_tags(files, stated, names.values())
    if stated is not None and stated.marks_ends:
        scheme, repaired = stated, 0
        files = [without_end_tags(file, stated) for file in files]
    else:
        rows = [row for file in files for row in file.rows]
        scheme = stated or detect_scheme(row.tags for row in rows)
        repaired = sum(repairs(row.tags) for row in rows) if scheme is Scheme.IOB2 else 0
        if scheme is not Scheme.IO:
            files = [_in_iob2(file) for file in files]
    outputs = token_outputs(*files)

    def examples(file: TokenFile) -> tuple[Example, ...]:
        return tuple(Example(None, row.words, {source.name: row.tags}) for row in file.rows)

    reading = _token_reading(source, files, scheme, outputs)
    return _of_splits(source, outputs, [examples(file) for file in files], repaired, reading)


def _token_reading(
    source: TaskSource, files: Sequence[TokenFile], scheme: Scheme, outputs: Sequence[str]
) -> Reading:
    types = dict.fromkeys(kind for tag in outputs if (kind := entity_type(tag)) is not None)
    in_spans = all(file.spans for file in files)
    return Reading(
        task=source.name,
        kind=source.kind,
        layout=_layout(files),
        names=tuple(types),
        sentences=_by_split(len(file.rows) for file in files),
        scheme=None if in_spans else scheme,
        stated=source.scheme is not None,
        words=_by_split(sum(len(row.words) for row in file.rows) for file in files),
        entities=_by_split(sum(len(spans(row.tags)) for row in file.rows) for file in files),
        notes=_with_split_note(
            source, files, dict(zip(SPLIT_KEYS, (file.notes for file in files), strict=False))
        ),
    )


def _layout(files: Sequence[SentenceFile | TokenFile]) -> str:
    """The layouts of all files, each once."""
    return " and ".join(dict.fromkeys(file.layout for file in files))


def _by_split(counts: Iterable[int]) -> dict[str, int]:
    """Counts of the files, which are in the order of the splits, by split."""
    return dict(zip(SPLIT_KEYS, counts, strict=False))


def _of_splits(
    source: TaskSource,
    outputs: tuple[str, ...],
    splits: Sequence[tuple[Example, ...]],
    repaired: int,
    reading: Reading,
) -> _TaskData:
    """The data of a task from its splits: training, validation and, if there is one, test."""
    train, validation, *rest = splits
    test = rest[0] if rest else ()
    return _TaskData(source, _task(source, outputs), train, validation, test, repaired, reading)


def _in_iob2(file: TokenFile) -> TokenFile:
    rows = (TokenRow(row.lines, row.words, to_iob2(row.tags)) for row in file.rows)
    return replace(file, rows=tuple(rows))


def _task(source: TaskSource, outputs: tuple[str, ...]) -> Task:
    return Task(name=source.name, kind=source.kind, head=source.head, outputs=outputs)


def _labels(one: _TaskData) -> list[Label]:
    return [example.labels[one.task.name] for example in one.train]


def _text_column(source: TaskSource) -> str | int:
    """The column or key of the text or words; a number if the manifest names it by number."""
    return source.columns.word if source.columns and source.columns.word > 1 else source.text


def _merged(
    split: Sequence[tuple[DataFile, _TaskData, tuple[Example, ...]]],
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
