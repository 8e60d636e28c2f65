"""Data that a visitor uploads: looked at in memory, and kept as a manifest beside its files.

Names that a visitor types or that files bear never become paths: a file is kept under the SHA-256
of its bytes, an upload under the SHA-256 of its manifest, which holds those of its files. What is
kept is read again like any other manifest.
"""

import csv
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath

import yaml

from mtl_core.errors import DataError
from mtl_core.tasks.dataset import MANIFEST_NAME, Dataset, dataset_of
from mtl_core.tasks.lines import DataFile, Lines, lines_of
from mtl_core.tasks.manifest import (
    COLUMNS,
    Manifest,
    TaskSource,
    head_fault,
    read_manifest,
    task_name_fault,
)
from mtl_core.tasks.nearest import quoted
from mtl_core.tasks.sentence_files import DELIMITERS
from mtl_core.tasks.sentence_files import SUFFIXES as SENTENCE_SUFFIXES
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.upload_reference import PREFIX, upload_folder

MOST_BYTES = 5 * 2**20
MOST_ROWS = 20_000
MOST_TASKS = 6
MOST_KEPT = 50
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


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """An upload in the house: how choices, addresses and specs name it, and its tasks' names."""

    reference: str
    tasks: tuple[str, ...]


def upload_reference(tasks: tuple[UploadedTask, ...]) -> str:
    """`upload:<digest>`: the same files, names and columns always get the same one."""
    digest = hashlib.sha256(_manifest_text(tasks).encode()).hexdigest()
    return PREFIX + digest[:_DIGITS]


def read_upload(tasks: tuple[UploadedTask, ...]) -> Dataset:
    """The examples of an upload, read from memory; nothing is written.

    Raises DataError for names that cannot be borne, for files of an unknown format or over the
    limits, and for whatever is wrong within a file, by its own name and with the line.
    """
    _check_names(tasks)
    for task, _, file in _files(tasks):
        _check_file(task, file)
    contents: dict[DataFile, bytes] = {}
    sources = tuple(_source(tasks, task, contents) for task in tasks)
    manifest = Manifest(path=Path(MANIFEST_NAME), tasks=sources)

    def read(file: DataFile) -> Lines:
        return lines_of(file, BytesIO(contents[file]))

    dataset = dataset_of(manifest, upload_reference(tasks), read=read)
    counts = dataset.counts()
    for task, split, file in _files(tasks):
        if (count := counts[task.name][split]) > MOST_ROWS:
            raise DataError(
                f"{file.name} holds {count:,} labelled sentences, over the limit of "
                f"{MOST_ROWS:,} for an upload. Take fewer of them, or train from a manifest "
                "on the command line."
            )
    return dataset


def keep_upload(tasks: tuple[UploadedTask, ...], uploads: Path) -> str:
    """Write an upload below `uploads`, whole or not at all; its reference.

    Raises DataError as `read_upload` does, and where it cannot be kept.
    """
    read_upload(tasks)
    reference = upload_reference(tasks)
    folder = uploads / reference.removeprefix(PREFIX)
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        if folder.is_dir():
            return reference
        if len(kept_uploads(uploads)) >= MOST_KEPT:
            raise DataError(
                f"{MOST_KEPT} uploads are kept already, and no more fit. Forget one first."
            )
        _write(tasks, uploads, folder)
    except OSError as error:
        raise DataError(
            f"The upload cannot be kept: {error.strerror or error}. Make room on the disk of "
            "this dashboard, or let it write there."
        ) from error
    return reference


def kept_uploads(uploads: Path) -> tuple[KeptUpload, ...]:
    """All uploads that are kept, by the names of their tasks."""
    found = []
    for folder in uploads.glob("[0-9a-f]*") if uploads.is_dir() else ():
        try:
            sources = read_manifest(folder / MANIFEST_NAME).tasks
        except DataError:  # half forgotten, or not ours
            continue
        found.append(KeptUpload(PREFIX + folder.name, tuple(source.name for source in sources)))
    return tuple(sorted(found, key=lambda kept: (kept.tasks, kept.reference)))


def forget_upload(reference: str, uploads: Path) -> None:
    """Remove an upload and all its files. Raises DataError for one that is not here."""
    shutil.rmtree(upload_folder(reference, uploads), ignore_errors=True)


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


def _write(tasks: tuple[UploadedTask, ...], uploads: Path, folder: Path) -> None:
    """Fill a folder beside `folder`, then give it its name: nobody ever sees half an upload."""
    made = Path(tempfile.mkdtemp(dir=uploads, prefix=".new-"))
    try:
        for task, _, file in _files(tasks):
            (made / _kept_name(task, file)).write_bytes(file.content)
        (made / MANIFEST_NAME).write_text(_manifest_text(tasks), encoding="utf-8")
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another visitor kept the same files at the same moment
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _files(tasks: tuple[UploadedTask, ...]) -> Iterator[tuple[UploadedTask, str, UploadedFile]]:
    """Each file with its task and its split."""
    for task in tasks:
        yield task, "train", task.train
        yield task, "validation", task.validation


def _kept_name(task: UploadedTask, file: UploadedFile) -> str:
    """What a file is called where it is kept: its digest, and the format it is read as."""
    by_columns = task.kind is TaskKind.SENTENCE or file.suffix == ".jsonl"
    digest = hashlib.sha256(file.content).hexdigest()
    return digest[:_DIGITS] + (file.suffix if by_columns else ".conll")


def _manifest_text(tasks: tuple[UploadedTask, ...]) -> str:
    entries: dict[str, dict[str, str]] = {}
    for task in tasks:
        columns = {"text": task.text, "label": task.label} if _has_columns(task) else {}
        entries[task.name] = {
            "kind": str(task.kind),
            "head": task.head,
            "train": _kept_name(task, task.train),
            "validation": _kept_name(task, task.validation),
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
        named[split] = DataFile(name=name, path=Path(_kept_name(task, file)))
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
    names = Counter(each.name for _, _, each in _files(tasks))
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
