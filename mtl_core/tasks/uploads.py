"""Data that a visitor uploads, looked at in memory: what it is called, whether it can be read.

Names that a visitor types or that files bear never become paths: a file is kept under the SHA-256
of its bytes, an upload under the SHA-256 of its manifest, which holds those of its files.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath

import yaml

from mtl_core.errors import DataError
from mtl_core.nearest import quoted
from mtl_core.tasks.dataset import MANIFEST_NAME, Dataset, dataset_of
from mtl_core.tasks.lines import DataFile, Lines, lines_of
from mtl_core.tasks.manifest import (
    COLUMNS,
    Manifest,
    TaskSource,
    head_fault,
    task_name_fault,
)
from mtl_core.tasks.sentence_files import DELIMITERS
from mtl_core.tasks.sentence_files import SUFFIXES as SENTENCE_SUFFIXES
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.upload_reference import PREFIX

MOST_BYTES = 5 * 2**20
MOST_ROWS = 20_000
MOST_TASKS = 6
SUFFIXES = {
    TaskKind.SENTENCE: SENTENCE_SUFFIXES,
    TaskKind.TOKEN: (".conll", ".txt", ".tsv", ".bio", ".iob", ".jsonl"),
}
_DIGITS = 16
_LONGEST_NAME = 80
_LONGEST_HEADER = 100_000


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as the browser sent it; `name` is only ever shown."""

    name: str
    content: bytes

    @property
    def suffix(self) -> str:
        """The name's last part, in lower case: `.csv`."""
        return PurePath(self.name).suffix.lower()


@dataclass(frozen=True, slots=True)
class UploadedTask:
    """One task as the visitor describes it; `text` and `label` where the files have columns."""

    name: str
    kind: TaskKind
    head: str
    train: UploadedFile
    validation: UploadedFile
    text: str | None = None
    label: str | None = None


def upload_reference(tasks: tuple[UploadedTask, ...]) -> str:
    """`upload:<digest>`: the same files, names and columns always get the same one."""
    digest = hashlib.sha256(manifest_text(tasks).encode()).hexdigest()
    return PREFIX + digest[:_DIGITS]


def read_upload(tasks: tuple[UploadedTask, ...]) -> Dataset:
    """The examples of an upload, read from memory; nothing is written.

    Raises DataError for names that cannot be borne, for files of an unknown format or over the
    limits, and for whatever is wrong within a file, by its own name and with the line.
    """
    _check_names(tasks)
    for task, _, file in files_of(tasks):
        _check_file(task, file)
    contents: dict[DataFile, bytes] = {}
    sources = tuple(_source(tasks, task, contents) for task in tasks)
    manifest = Manifest(path=Path(MANIFEST_NAME), tasks=sources)

    def read(file: DataFile) -> Lines:
        return lines_of(file, BytesIO(contents[file]))

    dataset = dataset_of(manifest, upload_reference(tasks), read=read)
    counts = dataset.counts()
    for task, split, file in files_of(tasks):
        if (count := counts[task.name][split]) > MOST_ROWS:
            raise DataError(
                f"{file.name} holds {count:,} labelled sentences, over the limit of "
                f"{MOST_ROWS:,} for an upload. Take fewer of them, or train from a manifest "
                "on the command line."
            )
    return dataset


def columns_of(file: UploadedFile) -> tuple[str, ...]:
    """The columns of a table's header, or the keys of the first JSON line, to choose from.

    Empty where there are no columns, or where the file is broken: reading it will say how.
    """
    first = file.content.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    line = first[:_LONGEST_HEADER].decode("utf-8", errors="replace").strip("\r")
    try:
        if file.suffix == ".jsonl":
            row = json.loads(line)
            return tuple(row) if isinstance(row, dict) else ()
        if file.suffix in DELIMITERS:
            return tuple(dict.fromkeys(each.strip() for each in _header(line, file.suffix)))
    except (ValueError, RecursionError, csv.Error):
        pass
    return ()


def _header(line: str, suffix: str) -> list[str]:
    return next(csv.reader([line], delimiter=DELIMITERS[suffix]), [])


def files_of(tasks: tuple[UploadedTask, ...]) -> Iterator[tuple[UploadedTask, str, UploadedFile]]:
    """Each file with its task and its split."""
    for task in tasks:
        yield task, "train", task.train
        yield task, "validation", task.validation


def kept_name(task: UploadedTask, file: UploadedFile) -> str:
    """What a file is called where it is kept: its digest, and the format it is read as."""
    by_columns = task.kind is TaskKind.SENTENCE or file.suffix == ".jsonl"
    digest = hashlib.sha256(file.content).hexdigest()
    return digest[:_DIGITS] + (file.suffix if by_columns else ".conll")


def manifest_text(tasks: tuple[UploadedTask, ...]) -> str:
    """The manifest that lies beside the files of an upload."""
    entries: dict[str, dict[str, str]] = {}
    for task in tasks:
        columns = {"text": task.text, "label": task.label} if _has_columns(task) else {}
        entries[task.name] = {
            "kind": str(task.kind),
            "head": task.head,
            "train": kept_name(task, task.train),
            "validation": kept_name(task, task.validation),
            **{key: column for key, column in columns.items() if column},
        }
    return yaml.safe_dump({"tasks": entries}, sort_keys=False, allow_unicode=True, width=10_000)


def _has_columns(task: UploadedTask) -> bool:
    """Whether text and label go by a name; words and tags in CoNLL columns go by their place."""
    json_lines = all(file.suffix == ".jsonl" for file in (task.train, task.validation))
    return task.kind is TaskKind.SENTENCE or json_lines


def _source(
    tasks: tuple[UploadedTask, ...], task: UploadedTask, contents: dict[DataFile, bytes]
) -> TaskSource:
    """The task as a manifest would say it, its files named as the visitor knows them."""
    text, label = COLUMNS[task.kind]
    named = {}
    for split, file in (("train", task.train), ("validation", task.validation)):
        name = _shown_name(tasks, task, split, file)
        named[split] = DataFile(name=name, path=Path(kept_name(task, file)))
        contents[named[split]] = file.content
    return TaskSource(
        name=task.name,
        kind=task.kind,
        head=task.head,
        train=named["train"],
        validation=named["validation"],
        text=task.text or text,
        label=task.label or label,
    )


def _shown_name(
    tasks: tuple[UploadedTask, ...], task: UploadedTask, split: str, file: UploadedFile
) -> str:
    """The file's own name, with task and split before it where others bear the same."""
    names = Counter(each.name for _, _, each in files_of(tasks))
    short = file.name[-_LONGEST_NAME:]
    return short if names[file.name] == 1 else f"{task.name}, {split}: {short}"


def _check_names(tasks: tuple[UploadedTask, ...]) -> None:
    if not 1 <= len(tasks) <= MOST_TASKS:
        raise DataError(f"An upload holds 1 to {MOST_TASKS} tasks, not {len(tasks)}.")
    for task in tasks:
        fault = task_name_fault(task.name) or head_fault(task.head, f"the task '{task.name[:60]}'")
        if fault is not None:
            raise DataError(fault[:1].upper() + fault[1:])
        if _has_columns(task) and task.text is not None and task.text == task.label:
            raise DataError(
                f"The task '{task.name[:60]}' reads text and label from one column, "
                f"'{task.text[:60]}'. Choose two."
            )
    for what, names in (
        ("Two tasks are", [task.name for task in tasks]),
        ("Two heads are", [task.head for task in tasks]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DataError(f"{what} called {quoted(twice)}. Give each a name of its own.")


def _check_file(task: UploadedTask, file: UploadedFile) -> None:
    """Raise DataError for a file that is too large, or of no format for this kind of task."""
    if len(file.content) > MOST_BYTES:
        raise DataError(
            f"{file.name} has {len(file.content):,} bytes, over the limit of {MOST_BYTES:,} for "
            "an upload. Take fewer examples."
        )
    if file.suffix not in SUFFIXES[task.kind]:
        what = "sentences" if task.kind is TaskKind.SENTENCE else "tagged words"
        raise DataError(
            f"{file.name[-_LONGEST_NAME:]} is not a format for {what}. "
            f"Formats: {', '.join(SUFFIXES[task.kind])}."
        )
