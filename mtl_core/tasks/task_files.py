"""Reads the files of one task: its examples by split, its outputs, and how they were read."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mtl_core.tasks.automatic_split import held_out, split_note
from mtl_core.tasks.contents import Content
from mtl_core.tasks.end_tags import end_scheme, without_end_tags
from mtl_core.tasks.example import Example
from mtl_core.tasks.labels import check_labels, sentence_outputs, token_outputs
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.manifest import SPLIT_KEYS, TaskSource
from mtl_core.tasks.readings import Reading
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
from mtl_core.tasks.span_files import tags_of_types
from mtl_core.tasks.tag_checks import check_tags, with_tag_names
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.tasks.token_files import read_tokens
from mtl_core.tasks.token_rows import TokenFile, TokenRow

Divided = dict[tuple[Path, int], frozenset[int]]
"""Of training files without validation files, by path and number of rows: the rows held out."""

_Row = TypeVar("_Row")
_File = TypeVar("_File", SentenceFile, TokenFile)


@dataclass(frozen=True)
class TaskData:
    """One task with its examples in file order, labelled for this task only."""

    source: TaskSource
    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    repaired_tags: int
    reading: Reading


def read_task(source: TaskSource, files: Mapping[DataFile, Content], divided: Divided) -> TaskData:
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


def _sentence_data(source: TaskSource, files: Sequence[SentenceFile], divided: Divided) -> TaskData:
    files = [_with_label_names(file, dict(source.labels)) for file in files]
    files = _with_validation(source, files, lambda row: (row.text, row.label), divided)
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


def _with_validation(
    source: TaskSource,
    files: list[_File],
    stratified: Callable[[Any], tuple[str, Hashable]],
    divided: Divided,
) -> list[_File]:
    """The files with a part of the training file as validation, if the task has no file for it.

    `stratified` returns the text and the stratum of a row.
    """
    if source.validation is not None:
        return files
    whole = files[0]
    held = _held_out(source, [stratified(row) for row in whole.rows], divided)
    train, validation = _parts(whole.rows, held)
    split = [replace(whole, rows=train), replace(whole, rows=validation)]
    return split + files[1:]


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
    by = "class" if source.kind is TaskKind.SENTENCE else "whether they have entities"
    note = split_note(held, train + held, by)
    return {**notes, "validation": (*notes.get("validation", ()), note)}


def _token_data(source: TaskSource, files: Sequence[TokenFile], divided: Divided) -> TaskData:
    names = dict(source.tags)
    if any(file.spans for file in files):
        names = tags_of_types(names)
    files = [with_tag_names(file, names) for file in files]
    files = _with_validation(
        source, files, lambda row: (" ".join(row.words), _has_entity(row)), divided
    )
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
) -> TaskData:
    """The data of a task from its splits: training, validation and, if there is one, test."""
    train, validation, *rest = splits
    test = rest[0] if rest else ()
    return TaskData(source, _task(source, outputs), train, validation, test, repaired, reading)


def _in_iob2(file: TokenFile) -> TokenFile:
    rows = (TokenRow(row.lines, row.words, to_iob2(row.tags)) for row in file.rows)
    return replace(file, rows=tuple(rows))


def _task(source: TaskSource, outputs: tuple[str, ...]) -> Task:
    return Task(name=source.name, kind=source.kind, head=source.head, outputs=outputs)
