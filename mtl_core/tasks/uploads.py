"""Uploaded data: read in memory, stored below a folder, listed and deleted.

Names of files and tasks never become paths. A file is stored under the SHA-256 of its bytes, and an
upload under the SHA-256 of its manifest, which contains the digests of its files.
"""

import csv
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any

import yaml

from mtl_core.errors import DataError
from mtl_core.nearest import quoted
from mtl_core.tasks.arrow_files import arrow_columns
from mtl_core.tasks.contents import Content, content_of
from mtl_core.tasks.dataset import MANIFEST_NAME, SHIPPED, Dataset, dataset_of
from mtl_core.tasks.file_stamps import FileStamp, stamps_of
from mtl_core.tasks.keyed_rows import KEYED_SUFFIXES, keyed_rows
from mtl_core.tasks.lines import ARROW_SUFFIXES, JSON_SUFFIX, DataFile, lines_of
from mtl_core.tasks.manifest import (
    COLUMNS,
    NAME_LENGTH,
    READING_KEYS,
    Manifest,
    TaskSource,
    head_fault,
    read_manifest,
    task_name_fault,
)
from mtl_core.tasks.schemes import Scheme
from mtl_core.tasks.sentence_files import DELIMITERS
from mtl_core.tasks.sentence_files import SUFFIXES as SENTENCE_SUFFIXES
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.token_columns import TokenColumns
from mtl_core.tasks.upload_reference import PREFIX, upload_folder
from mtl_core.text import printable, shortened

MOST_BYTES = 5 * 2**20
MOST_ROWS = 20_000
MOST_TASKS = 6
MOST_STORED = 50
SUFFIXES = {
    TaskKind.SENTENCE: SENTENCE_SUFFIXES,
    TaskKind.TOKEN: (".conll", ".txt", ".tsv", ".bio", ".iob", *KEYED_SUFFIXES),
}
_DIGITS = 16
_LONGEST_NAME = 80
_LONGEST_HEADER = 100_000


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file from the browser; its name is only displayed."""

    name: str
    content: bytes

    @property
    def suffix(self) -> str:
        """The suffix of the name in lower case, such as `.csv`."""
        return PurePath(self.name).suffix.lower()


@dataclass(frozen=True, slots=True)
class UploadedTask:
    """One task of an upload; `text` and `label` name columns and are None without them.

    Without a validation file, a part of the training file is held out (`automatic_split`).

    The other values state how the files are read, as those of `TaskSource` do.
    """

    name: str
    kind: TaskKind
    head: str
    train: UploadedFile
    validation: UploadedFile | None
    text: str | None = None
    label: str | None = None
    test: UploadedFile | None = None
    labels: tuple[tuple[str, str], ...] = ()
    quoting: Quoting | None = None
    tags: tuple[tuple[str, str], ...] = ()
    scheme: Scheme | None = None
    columns: TokenColumns | None = None

    @property
    def stated(self) -> dict[str, Any]:
        """How the files are read, by key of a manifest; only what is stated."""
        values = {key: getattr(self, key) for key in READING_KEYS[self.kind]}
        return {key: value for key, value in values.items() if value}

    @property
    def files(self) -> dict[str, UploadedFile]:
        """The files by split; only those that there are."""
        files = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: file for split, file in files.items() if file is not None}


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A stored upload: its reference in addresses and specs, its tasks, and its name, if any."""

    reference: str
    tasks: tuple[str, ...]
    name: str | None = None


def upload_reference(tasks: tuple[UploadedTask, ...], name: str = "") -> str:
    """The reference `upload:<digest>`, which depends only on files, names and columns."""
    digest = hashlib.sha256(manifest_text(tasks, name).encode()).hexdigest()
    return PREFIX + digest[:_DIGITS]


def read_upload(tasks: tuple[UploadedTask, ...]) -> Dataset:
    """Read the examples of an upload in memory; nothing is written.

    Raises DataError for invalid names, files of an unknown format or over the limits, and faults in
    a file, with its original name and the line.
    """
    _check_names(tasks)
    for task, _, file in files_of(tasks):
        _check_file(task, file)
    contents: dict[DataFile, bytes] = {}
    sources = tuple(_source(tasks, task, contents) for task in tasks)
    manifest = Manifest(path=Path(MANIFEST_NAME), tasks=sources)

    def read(file: DataFile) -> Content:
        return content_of(file, BytesIO(contents[file]))

    dataset = dataset_of(manifest, upload_reference(tasks), read=read)
    counts = dataset.counts()
    for task, split, file in files_of(tasks):
        count = counts[task.name][split]
        if split == "train" and task.validation is None:
            count += counts[task.name]["validation"]
        if count > MOST_ROWS:
            raise DataError(
                f"{file.name} contains {count:,} labelled sentences, over the limit of "
                f"{MOST_ROWS:,} for an upload. Take fewer of them, or train from a manifest "
                "on the command line."
            )
    return dataset


def store_upload(
    tasks: tuple[UploadedTask, ...],
    uploads: Path,
    read: Callable[[tuple[UploadedTask, ...]], Dataset] = read_upload,
    name: str = "",
) -> str:
    """Store an upload below `uploads`, after `read` has read it, and return its reference.

    `name` is that of the data set; empty for none. Raises DataError as `read` does, for a name that
    is too long, and if the upload cannot be stored.
    """
    name = printable(name)
    if len(name) > NAME_LENGTH:
        raise DataError(
            f"The name of the data set has {len(name)} characters; at most {NAME_LENGTH} are "
            "allowed. Shorten it."
        )
    if name.casefold() in SHIPPED:
        raise DataError(
            f"'{name}' is the name of data that is included with Freeze Lab. Enter another name."
        )
    read(tasks)
    reference = upload_reference(tasks, name)
    folder = uploads / reference.removeprefix(PREFIX)
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        if folder.is_dir():
            return reference
        if len(stored_uploads(uploads)) >= MOST_STORED:
            raise DataError(
                f"{MOST_STORED} uploads are stored already, which is the limit. Delete one first."
            )
        _write(tasks, uploads, folder, name)
    except OSError as error:
        raise DataError(
            f"The upload cannot be stored: {error.strerror or error}. Make room on the disk of "
            "this dashboard, or let it write there."
        ) from error
    return reference


def stored_uploads(uploads: Path) -> tuple[StoredUpload, ...]:
    """All stored uploads, sorted by the names of their tasks."""
    found = []
    for folder in uploads.glob("[0-9a-f]*") if uploads.is_dir() else ():
        (stamp,) = stamps_of([folder / MANIFEST_NAME])
        tasks, name = _content_of(stamp)
        if tasks:
            found.append(StoredUpload(PREFIX + folder.name, tasks, name))
    return tuple(sorted(found, key=lambda each: (each.name or "", each.tasks, each.reference)))


def manifest_name(path: Path) -> str | None:
    """What the manifest at `path` calls its data; None without a name, or if it is faulty."""
    (stamp,) = stamps_of([path])
    return _content_of(stamp)[1]


@lru_cache(maxsize=256)
def _content_of(stamp: FileStamp) -> tuple[tuple[str, ...], str | None]:
    """The names of the tasks of a manifest, and its own; none if it is not that of an upload."""
    try:
        manifest = read_manifest(Path(stamp.path))
    except DataError:  # partly deleted, or not an upload
        return (), None
    return tuple(source.name for source in manifest.tasks), manifest.name


def delete_upload(reference: str, uploads: Path) -> None:
    """Delete an upload with its files. Raises DataError if there is no such upload."""
    shutil.rmtree(upload_folder(reference, uploads), ignore_errors=True)


def columns_of(file: UploadedFile) -> tuple[str, ...]:
    """The columns of a table's header, or the keys of the first object.

    Empty without columns, for tasks of Label Studio, whose keys are known, and for a faulty file,
    which `read_upload` reports.
    """
    if file.suffix in ARROW_SUFFIXES:
        return arrow_columns(file.content)
    if file.suffix == JSON_SUFFIX:
        return _keys_of_array(file)
    first = file.content.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    line = first[:_LONGEST_HEADER].decode("utf-8", errors="replace").strip("\r")
    try:
        if file.suffix == ".jsonl":
            row = json.loads(line)
            return _keys(row) if isinstance(row, dict) else ()
        if file.suffix in DELIMITERS:
            return tuple(dict.fromkeys(each.strip() for each in _header(line, file.suffix)))
    except (ValueError, RecursionError, csv.Error):
        pass
    return ()


def _keys_of_array(file: UploadedFile) -> tuple[str, ...]:
    """The keys of the first object of a JSON array."""
    shown = DataFile(name=file.name, path=Path(file.name))
    try:
        _, row = next(keyed_rows(lines_of(shown, BytesIO(file.content)), ()))
    except DataError:
        return ()
    return _keys(row)


def _keys(row: dict[str, Any]) -> tuple[str, ...]:
    return () if "annotations" in row else tuple(row)


def _header(line: str, suffix: str) -> list[str]:
    return next(csv.reader([line], delimiter=DELIMITERS[suffix]), [])


def files_of(tasks: tuple[UploadedTask, ...]) -> Iterator[tuple[UploadedTask, str, UploadedFile]]:
    """Each file with its task and its split."""
    for task in tasks:
        for split, file in task.files.items():
            yield task, split, file


def stored_name(task: UploadedTask, file: UploadedFile) -> str:
    """The name of a stored file: its digest and the suffix of its format."""
    by_columns = task.kind is TaskKind.SENTENCE or file.suffix in KEYED_SUFFIXES
    digest = hashlib.sha256(file.content).hexdigest()
    return digest[:_DIGITS] + (file.suffix if by_columns else ".conll")


def manifest_text(tasks: tuple[UploadedTask, ...], name: str = "") -> str:
    """The text of the manifest of an upload; without a `name` it has none."""
    entries: dict[str, dict[str, Any]] = {}
    for task in tasks:
        columns = {"text": task.text, "label": task.label} if _has_columns(task) else {}
        entries[task.name] = {
            "kind": str(task.kind),
            "head": task.head,
            **{split: stored_name(task, file) for split, file in task.files.items()},
            **{key: column for key, column in columns.items() if column},
            **{key: _written(value) for key, value in task.stated.items()},
        }
    content = {"name": name, "tasks": entries} if name else {"tasks": entries}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)


def _written(value: Any) -> Any:
    """A value that states how files are read, as YAML has it."""
    if isinstance(value, TokenColumns):
        return value.model_dump()
    return dict(value) if isinstance(value, tuple) else str(value).lower()


def _has_columns(task: UploadedTask) -> bool:
    """Whether columns have names; in CoNLL files they are found by position."""
    keyed = all(file.suffix in KEYED_SUFFIXES for file in task.files.values())
    return task.kind is TaskKind.SENTENCE or keyed


def _source(
    tasks: tuple[UploadedTask, ...], task: UploadedTask, contents: dict[DataFile, bytes]
) -> TaskSource:
    """The task as a manifest describes it, with the original names of its files."""
    text, label = COLUMNS[task.kind]
    named = {}
    for split, file in task.files.items():
        name = _shown_name(tasks, task, split, file)
        named[split] = DataFile(name=name, path=Path(stored_name(task, file)))
        contents[named[split]] = file.content
    return TaskSource(
        name=task.name,
        kind=task.kind,
        head=task.head,
        train=named["train"],
        validation=named.get("validation"),
        text=task.text or text,
        label=task.label or label,
        test=named.get("test"),
        **task.stated,
    )


def _shown_name(
    tasks: tuple[UploadedTask, ...], task: UploadedTask, split: str, file: UploadedFile
) -> str:
    """The original name of a file, after task and split if several files have the same name."""
    names = Counter(each.name for _, _, each in files_of(tasks))
    short = file.name[-_LONGEST_NAME:]
    return short if names[file.name] == 1 else f"{task.name}, {split}: {short}"


def _check_names(tasks: tuple[UploadedTask, ...]) -> None:
    if not 1 <= len(tasks) <= MOST_TASKS:
        raise DataError(f"An upload has 1 to {MOST_TASKS} tasks, not {len(tasks)}.")
    for task in tasks:
        fault = task_name_fault(task.name) or head_fault(
            task.head, f"the task '{shortened(task.name)}'"
        )
        if fault is not None:
            raise DataError(fault[:1].upper() + fault[1:])
        if _has_columns(task) and task.columns is not None:
            raise DataError(
                f"The task '{shortened(task.name)}' names columns by number, but the values of "
                "its files have keys. Leave the field of the columns empty."
            )
        if _has_columns(task) and task.text is not None and task.text == task.label:
            raise DataError(
                f"The task '{shortened(task.name)}' reads text and label from one column, "
                f"'{shortened(task.text)}'. Choose two."
            )
    for what, names in (
        ("Two tasks are", [task.name for task in tasks]),
        ("Two heads are", [task.head for task in tasks]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DataError(f"{what} called {quoted(twice)}. Give each a different name.")


def _check_file(task: UploadedTask, file: UploadedFile) -> None:
    """Raises DataError for a file that is too large or has an unknown format."""
    if len(file.content) > MOST_BYTES:
        raise DataError(
            f"{file.name} has {len(file.content):,} bytes, over the limit of {MOST_BYTES:,} for "
            "an upload. Take fewer examples."
        )
    if file.suffix not in SUFFIXES[task.kind]:
        what = "sentences" if task.kind is TaskKind.SENTENCE else "tagged words"
        raise DataError(
            f"{file.name[-_LONGEST_NAME:]} is not in a format for {what}. "
            f"Formats: {', '.join(SUFFIXES[task.kind])}."
        )


def _write(tasks: tuple[UploadedTask, ...], uploads: Path, folder: Path, name: str) -> None:
    """Write the files into a temporary folder and rename it, so that no upload is incomplete."""
    made = Path(tempfile.mkdtemp(dir=uploads, prefix=".new-"))
    try:
        for task, _, file in files_of(tasks):
            (made / stored_name(task, file)).write_bytes(file.content)
        (made / MANIFEST_NAME).write_text(manifest_text(tasks, name), encoding="utf-8")
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another visitor stored the same files
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
