"""The outputs of a head: the labels of its data, checked and in a fixed order."""

from collections import Counter
from collections.abc import Collection

from mtl_core.errors import DataError
from mtl_core.nearest import available_names, quoted
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.schemes import entity_type, is_prefixed, ordered, tag_fault
from mtl_core.tasks.sentence_files import SentenceFile
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind
from mtl_core.tasks.token_files import TokenFile

MAX_OUTPUTS = 1000


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
    if training has only `B-x`). Raises DataError for training data without entities, and for a type
    that does not occur in training.
    """
    tags = {tag for row in train.rows for tag in row.tags}
    types = {kind for tag in tags if (kind := entity_type(tag)) is not None}
    if not types:
        raise DataError(
            f"Every tag in {train.file.name} is O, so it contains no entities. "
            "Add sentences that contain entities."
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


def check_tags(*files: TokenFile) -> None:
    """Raises DataError for tags of an unknown shape and for bare types next to `B-` and `I-`."""
    first: tuple[str, bool] | None = None  # place and shape of the first entity tag
    known: dict[str, bool | None] = {}  # None: outside; otherwise whether the tag has B- or I-
    for tokens in files:
        for row in tokens.rows:
            for line, tag in zip(row.lines, row.tags, strict=True):
                if tag not in known:
                    known[tag] = _shape(tokens.file, line, tag)
                shape = known[tag]
                if shape is None:
                    continue
                first = first or (f"{tokens.file.name}, line {line}", shape)
                if shape != first[1]:
                    raise tokens.file.fault(
                        line,
                        f"the tag '{tag}' is {_shape_in_words(shape)}, the one in {first[0]} "
                        f"{_shape_in_words(first[1])}. Write all tags one way.",
                    )


def _shape(file: DataFile, line: int, tag: str) -> bool | None:
    if (fault := tag_fault(tag)) is not None:
        raise file.fault(line, fault)
    return None if entity_type(tag) is None else is_prefixed(tag)


def _shape_in_words(prefixed: bool) -> str:
    return "prefixed with B- or I-" if prefixed else "a bare type"


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
        f"'{label[:60]}' does not occur in {train.name}, so no head can learn it. "
        f"{available_names(label, known, 'Labels')}",
    )


def _in_default_order(kind: TaskKind, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """The order of the default task with the same labels, so that both have the same head."""
    for task in DEFAULT_TASKS:
        if task.kind is kind and set(task.outputs) == set(outputs):
            return task.outputs
    return outputs
