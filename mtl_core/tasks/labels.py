"""The outputs of a head: the labels of its data, checked and in a fixed order."""

from collections import Counter
from collections.abc import Collection

from mtl_core.errors import DataError
from mtl_core.nearest import available_names, quoted
from mtl_core.tasks.label_names import case_twins, controlling_fault, is_missing, written_mapping
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.schemes import entity_type, ordered
from mtl_core.tasks.sentence_files import SentenceFile
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind
from mtl_core.tasks.token_rows import TokenFile
from mtl_core.text import shortened

MAX_OUTPUTS = 1000


def check_labels(*files: SentenceFile, named: Collection[str] = ()) -> None:
    """Raises DataError for missing values, labels with control characters, and labels that differ
    only in case or blanks.

    `named` are the labels that the manifest gives as names, which are not doubtful.
    """
    first: dict[str, tuple[DataFile, int]] = {}
    for file in files:
        for row in file.rows:
            first.setdefault(row.label, (file.file, row.line))
    for label, (found_in, line) in first.items():
        if (fault := controlling_fault(label)) is not None:
            raise found_in.fault(line, f"the label {fault}.")
        if is_missing(label) and label not in named:
            raise found_in.fault(
                line,
                f"the label '{label}' marks a missing value. Write a label, or remove the row. "
                f"If it is a class, write {written_mapping('labels', {label: label})} in the "
                "manifest.",
            )
    for label, twin in case_twins(first):
        if label in named and twin in named:
            continue
        found_in, line = first[twin]
        raise found_in.fault(
            line,
            f"the labels '{shortened(label)}' and '{shortened(twin)}' differ only in case or "
            f"blanks. Write one of them, or {written_mapping('labels', {twin: label})} in the "
            "manifest; if they are two classes, "
            f"{written_mapping('labels', {label: label, twin: twin})}.",
        )


def sentence_outputs(train: SentenceFile, *evaluated: SentenceFile) -> tuple[str, ...]:
    """The labels of the training file, in alphabetical order.

    Raises DataError for a single class, and for a label that occurs only in an `evaluated` file.
    """
    counts = Counter(row.label for row in train.rows)
    if len(counts) == 1:
        raise DataError(
            f"{train.file.name} contains only one class, {quoted(counts)}. "
            "A sentence task needs examples of at least two."
        )
    _check_number(train.file, counts)
    for file in evaluated:
        for row in file.rows:
            if row.label not in counts:
                raise _unknown(file.file, row.line, row.label, sorted(counts), train.file)
    return _in_default_order(TaskKind.SENTENCE, tuple(sorted(counts)))


def token_outputs(train: TokenFile, *evaluated: TokenFile) -> tuple[str, ...]:
    """`O`, then the tags by type, B before I; tags must be of one scheme already.

    A tag that occurs only in an `evaluated` file is an output if its type occurs in training (`I-x`
    if training has only `B-x`). Raises DataError for a training file without entities, and for a
    type that does not occur in training.
    """
    tags = {tag for row in train.rows for tag in row.tags}
    types = {kind for tag in tags if (kind := entity_type(tag)) is not None}
    if not types:
        raise DataError(
            f"Every tag in {train.file.name} is O, so it contains no entities. Add "
            "sentences that contain entities."
        )
    known = ordered(tags)[1:]
    for file in evaluated:
        for row in file.rows:
            for line, tag in zip(row.lines, row.tags, strict=True):
                kind = entity_type(tag)
                if kind is not None and kind not in types:
                    raise _unknown(file.file, line, tag, known, train.file)
                tags.add(tag)
    _check_number(train.file, tags)
    return _in_default_order(TaskKind.TOKEN, ordered(tags))


def _check_number(file: DataFile, labels: Collection[str]) -> None:
    if len(labels) > MAX_OUTPUTS:
        raise DataError(
            f"{file.name} contains {len(labels):,} different labels, over the limit of "
            f"{MAX_OUTPUTS:,}. Check the column of the labels."
        )


def _unknown(
    file: DataFile, line: int, label: str, known: Collection[str], train: DataFile
) -> DataError:
    return file.fault(
        line,
        f"'{shortened(label)}' does not occur in {train.name}, so no head can learn it. "
        f"{available_names(label, known, 'Labels')}",
    )


def _in_default_order(kind: TaskKind, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """The order of the default task with the same labels, so that both have the same head."""
    for task in DEFAULT_TASKS:
        if task.kind is kind and set(task.outputs) == set(outputs):
            return task.outputs
    return outputs
