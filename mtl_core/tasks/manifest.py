"""Manifests: the tasks of a data set and their training, validation and test files."""

import keyword
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

from mtl_core.errors import DataError
from mtl_core.nearest import available_names, quoted
from mtl_core.strict_yaml import YamlProblem, compose_yaml
from mtl_core.tasks.keyed_rows import has_keys
from mtl_core.tasks.label_names import controlling_fault
from mtl_core.tasks.lines import DataFile, read_lines
from mtl_core.tasks.schemes import SCHEME_NAMES, Scheme, tag_fault
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.token_columns import TokenColumns
from mtl_core.text import printable, shortened
from mtl_core.values import Frozen

NAME_LENGTH = 60  # characters of the name of a data set
MANIFEST_BYTES = 2**16  # PyYAML takes a second for more
MOST_TASKS = 50
_LONGEST_ENTRY = 10_000  # characters of a field of a form
_REQUIRED = ("kind", "head", "train")
SPLIT_KEYS = ("train", "validation", "test")
READING_KEYS = {
    TaskKind.SENTENCE: ("labels", "quoting"),
    TaskKind.TOKEN: ("tags", "scheme", "columns"),
}
_KEYS = (
    *_REQUIRED,
    "validation",
    "test",
    "text",
    "label",
    *READING_KEYS[TaskKind.SENTENCE],
    *READING_KEYS[TaskKind.TOKEN],
)
COLUMNS = {TaskKind.SENTENCE: ("text", "label"), TaskKind.TOKEN: ("tokens", "tags")}
_ALL_LETTERS = "".join(scheme.letters for scheme in Scheme)
_MAPPINGS = ("labels", "tags", "columns")
ENTERED = {
    "tags": "0: O, 1: B-PER, 2: I-PER",
    "labels": "Positive: positive, NEG: negative",
    "columns": "word: 2, tag: 4",
    "scheme": "bioes",
    "quoting": "none",
}
"""Examples of what a form takes for the keys that state how files are read."""
_EXAMPLE = (
    "A manifest holds: tasks: {sentiment: {kind: sentence, head: classifier, "
    "train: a.train.csv, validation: a.dev.csv}}"
)


class TaskSource(Frozen):
    """One task of a manifest and its files.

    `text` and `label` are the columns of a table or the keys of rows. `validation` is None if a
    part of the training file is held out (`automatic_split`), `test` if the task has no test file.
    The other values state how the files are read: `labels` and `tags` are pairs of a label in the
    files and its name, `quoting` what double quotes mean, `scheme` that of the tags, and `columns`
    those of CoNLL files; None: found in the files.
    """

    name: str
    kind: TaskKind
    head: str
    train: DataFile
    validation: DataFile | None = None
    text: str
    label: str
    test: DataFile | None = None
    labels: tuple[tuple[str, str], ...] = ()
    quoting: Quoting | None = None
    tags: tuple[tuple[str, str], ...] = ()
    scheme: Scheme | None = None
    columns: TokenColumns | None = None

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files of all splits."""
        return tuple(each for each in (self.train, self.validation, self.test) if each is not None)


class Manifest(Frozen):
    """The tasks in the order of the manifest; no two tasks share a head.

    `name` is that of the data on pages and in notes; None for the path, or the names of the tasks.
    """

    path: Path
    tasks: tuple[TaskSource, ...]
    name: str | None = None


def read_manifest(path: Path) -> Manifest:
    """Read a manifest without opening its data files.

    Raises DataError for invalid YAML, unknown, repeated or missing keys, invalid values, two tasks
    with one head, and paths that are absolute or lead out of its folder.
    """
    file = DataFile(name=str(path), path=path)
    entries = _entries(file, _document(file), "the manifest", ("name", "tasks"), ("tasks",))
    tasks = _mapping(file, entries["tasks"], "'tasks'")
    if not tasks:
        raise file.fault(_line(entries["tasks"]), f"there are no tasks. {_EXAMPLE}")
    if len(tasks) > MOST_TASKS:
        raise DataError(f"{file.name} has {len(tasks)} tasks, over the limit of {MOST_TASKS}.")
    sources = tuple(_source(file, name, node) for name, node in tasks.items())
    _check_heads(file, sources)
    name = _data_name(file, entries["name"]) if "name" in entries else None
    return Manifest(path=path, tasks=sources, name=name)


def _data_name(file: DataFile, node: yaml.Node) -> str | None:
    name = printable(_string(file, node, "'name'"))
    if len(name) > NAME_LENGTH:
        raise file.fault(
            _line(node), f"'name' has {len(name)} characters. Write at most {NAME_LENGTH}."
        )
    return name or None


def entered_reading(kind: TaskKind, task: str, entered: Mapping[str, str]) -> dict[str, Any]:
    """How the files of a task are read, from the texts of a form by key of a manifest.

    A mapping may be entered with or without its key and its braces: `0: O, 1: B-PER`. Raises
    DataError for a text that a manifest cannot have.
    """
    file = _Form(name="", path=Path())
    found: dict[str, Any] = {}
    for key, text in entered.items():
        value = text.strip().removeprefix(f"{key}:").strip()
        if not value:
            continue
        if len(value) > _LONGEST_ENTRY:
            raise _not_entered(key, task, f"it has more than {_LONGEST_ENTRY:,} characters")
        if key in _MAPPINGS:
            value = f"{{{value.removeprefix('{').removesuffix('}')}}}"
        try:
            document = compose_yaml(f"{key}: {value}")
            entries = _mapping(file, document, "the field") if document is not None else {}
            found |= _reading(file, entries, kind, f"the task '{shortened(task)}'")
        except YamlProblem as error:
            raise _not_entered(key, task, str(error.problem)) from None
        except DataError as error:
            raise _not_entered(key, task, str(error).removesuffix(_EXAMPLE)) from None
    return found


class _Form(DataFile):
    """The fields of a form, which have no lines."""

    def fault(self, line: int, problem: str) -> DataError:  # noqa: ARG002
        return DataError(problem)


def _not_entered(key: str, task: str, problem: str) -> DataError:
    return DataError(
        f"The field '{key}' of the task '{shortened(task)}' cannot be used: "
        f"{problem.strip().rstrip('.')}. Enter it as in {ENTERED[key]}"
    )


def task_name_fault(name: str) -> str | None:
    """Why a task cannot have this name, with the remedy; None if it can."""
    if name.replace("-", "_").isidentifier():
        return None
    return (
        f"the task '{shortened(name)}' is not a valid name. "
        "Begin with a letter and use letters, digits, _ and -."
    )


def head_fault(head: str, what: str) -> str | None:
    """Why the head of `what` cannot have this name, with the remedy; None if it can."""
    if head.isidentifier() and not keyword.iskeyword(head) and not head.startswith("_"):
        return None
    return (
        f"the head '{shortened(head)}' of {what} is not a valid module name. "
        "Begin with a letter and use letters, digits and _."
    )


def _document(file: DataFile) -> yaml.Node:
    lines = read_lines(file, MANIFEST_BYTES).lines
    try:
        document = compose_yaml("\n".join(lines))
    except YamlProblem as error:
        if error.line is None:
            raise DataError(f"{file.name} is not YAML ({error.problem}). {_EXAMPLE}") from None
        raise file.fault(error.line, f"is not YAML ({error.problem}). {_EXAMPLE}") from None
    if document is None:
        raise DataError(f"{file.name} contains only comments. {_EXAMPLE}")
    return document


def _mapping(file: DataFile, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise file.fault(_line(node), f"{what} must be keys with values. {_EXAMPLE}")
    entries: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = _string(file, key, f"a key of {what}")
        if name in entries:
            raise file.fault(_line(key), f"the key '{name}' is repeated in {what}. Remove one.")
        entries[name] = value
    return entries


def _string(file: DataFile, node: yaml.Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":null"):
        raise file.fault(_line(node), f"{what} must be a name or a path. {_EXAMPLE}")
    return str(node.value)


def _entries(
    file: DataFile, node: yaml.Node, what: str, known: tuple[str, ...], required: tuple[str, ...]
) -> dict[str, yaml.Node]:
    """The entries of a mapping. Raises DataError for unknown and missing keys."""
    entries = _mapping(file, node, what)
    for key, value in entries.items():
        if key not in known:
            exists = available_names(key, known, "Keys")
            raise file.fault(
                _line(value), f"{what} has an unknown key '{shortened(key)}'. {exists}"
            )
    if missing := [key for key in required if key not in entries]:
        raise file.fault(_line(node), f"{what} lacks {quoted(missing)}. {_EXAMPLE}")
    return entries


def _source(file: DataFile, name: str, node: yaml.Node) -> TaskSource:
    what = f"the task '{shortened(name)}'"
    if (fault := task_name_fault(name)) is not None:
        raise file.fault(_line(node), fault)
    entries = _entries(file, node, what, _KEYS, _REQUIRED)
    values = {
        key: _string(file, entry, f"'{key}' of {what}")
        for key, entry in entries.items()
        if key not in _MAPPINGS
    }
    kind = _kind(file, entries["kind"], values["kind"], what)
    files = {
        key: _data_file(file, entries[key], values[key]) for key in SPLIT_KEYS if key in entries
    }
    keyed = all(map(has_keys, files.values()))
    text, label = _columns(file, entries, values, kind, what, keyed)
    return TaskSource(
        name=name,
        kind=kind,
        head=_head(file, entries["head"], values["head"], what),
        train=files["train"],
        validation=files.get("validation"),
        text=text,
        label=label,
        test=files.get("test"),
        **_reading(file, entries, kind, what),
    )


def _reading(
    file: DataFile, entries: dict[str, yaml.Node], kind: TaskKind, what: str
) -> dict[str, Any]:
    """How the files are read, as far as the manifest states it."""
    other = TaskKind.SENTENCE if kind is TaskKind.TOKEN else TaskKind.TOKEN
    if foreign := [key for key in READING_KEYS[other] if key in entries]:
        raise file.fault(
            _line(entries[foreign[0]]),
            f"'{foreign[0]}' is a key of {other} tasks, and {what} is a {kind} task. Keys: "
            f"{quoted(READING_KEYS[kind])}.",
        )
    readers = {
        "labels": _names,
        "tags": _tag_names,
        "quoting": _quoting,
        "scheme": _scheme,
        "columns": _token_columns,
    }
    return {
        key: read(file, entries[key], f"'{key}' of {what}")
        for key, read in readers.items()
        if key in entries
    }


def _names(file: DataFile, node: yaml.Node, what: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a label in the files and its name."""
    entries = _mapping(file, node, what)
    names = tuple(
        (label, _string(file, name, f"a name in {what}")) for label, name in entries.items()
    )
    for _, name in names:
        if (fault := controlling_fault(name)) is not None:
            raise file.fault(_line(node), f"the name {fault}.")
    return names


def _tag_names(file: DataFile, node: yaml.Node, what: str) -> tuple[tuple[str, str], ...]:
    """As `_names`. Raises DataError for a name that is no tag."""
    names = _names(file, node, what)
    for _, name in names:
        if (fault := tag_fault(name, _ALL_LETTERS)) is not None:
            raise file.fault(_line(node), f"in {what}, {fault}")
    return names


def _quoting(file: DataFile, node: yaml.Node, what: str) -> Quoting:
    value = _string(file, node, what)
    if value not in [*Quoting]:
        raise file.fault(
            _line(node),
            f"{what} is '{shortened(value)}'. {available_names(value, [*Quoting], 'Values')}",
        )
    return Quoting(value)


def _scheme(file: DataFile, node: yaml.Node, what: str) -> Scheme:
    value = _string(file, node, what)
    if value.lower() not in SCHEME_NAMES:
        exists = available_names(value.lower(), list(SCHEME_NAMES), "Schemes")
        raise file.fault(
            _line(node), f"{what} is '{shortened(value)}'. {exists} Convert other tags to IOB2."
        )
    return SCHEME_NAMES[value.lower()]


def _token_columns(file: DataFile, node: yaml.Node, what: str) -> TokenColumns:
    keys = ("word", "tag")
    entries = _entries(file, node, what, keys, keys)
    found = {}
    for key, entry in entries.items():
        number = _string(file, entry, f"'{key}' in {what}")
        if not re.fullmatch(r"[1-9][0-9]{0,2}", number):
            raise file.fault(
                _line(entry),
                f"'{key}' in {what} is '{shortened(number)}'. "
                "Write the number of the column, from 1.",
            )
        found[key] = int(number)
    if found["word"] == found["tag"]:
        raise file.fault(_line(node), f"{what} names one column for both. Name two.")
    return TokenColumns(**found)


def _kind(file: DataFile, node: yaml.Node, value: str, what: str) -> TaskKind:
    try:
        return TaskKind(value)
    except ValueError:
        exists = available_names(value, [str(kind) for kind in TaskKind], "Kinds")
        raise file.fault(
            _line(node), f"{what} has the kind '{shortened(value)}'. {exists}"
        ) from None


def _head(file: DataFile, node: yaml.Node, value: str, what: str) -> str:
    if (fault := head_fault(value, what)) is not None:
        raise file.fault(_line(node), fault)
    return value


def _columns(
    file: DataFile,
    entries: dict[str, yaml.Node],
    values: dict[str, str],
    kind: TaskKind,
    what: str,
    keyed: bool,
) -> tuple[str, str]:
    """The columns or keys of text and label; `keyed`: the values of all files have keys."""
    named = [key for key in ("text", "label") if key in values]
    if "columns" in entries and kind is TaskKind.TOKEN and keyed:
        raise file.fault(
            _line(entries["columns"]),
            f"{what} names columns by number, but JSON lines have keys. Write their names: "
            "text: tokens, label: tags.",
        )
    if named and kind is TaskKind.TOKEN and not keyed:
        raise file.fault(
            _line(entries[named[0]]),
            f"{what} names columns, but CoNLL columns are found by position: token first, tag "
            f"last, or columns: {{word: 2, tag: 4}}. Remove {quoted(named)}.",
        )
    defaults = COLUMNS[kind]
    text, label = values.get("text", defaults[0]), values.get("label", defaults[1])
    if text == label:
        raise file.fault(
            _line(entries[named[0]]),
            f"{what} reads text and label from one column, '{text}'. Name two.",
        )
    return text, label


def _data_file(file: DataFile, node: yaml.Node, written: str) -> DataFile:
    if PurePosixPath(written).is_absolute() or PureWindowsPath(written).drive:
        raise file.fault(
            _line(node),
            f"the path '{written}' is absolute. Paths are relative to the manifest's folder.",
        )
    try:
        folder = file.path.resolve().parent
        path = (folder / written).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise file.fault(
            _line(node), f"the path {written!r} does not exist. Check its links and spelling."
        ) from error
    if not path.is_relative_to(folder):
        raise file.fault(
            _line(node),
            f"the path '{written}' leads out of the manifest's folder. Put the file beside it.",
        )
    return DataFile(name=written, path=path)


def _check_heads(file: DataFile, sources: tuple[TaskSource, ...]) -> None:
    for head, count in Counter(source.head for source in sources).items():
        if count > 1:
            sharing = [source.name for source in sources if source.head == head]
            raise DataError(
                f"{file.name}: the tasks {quoted(sharing)} share the head '{head}'. "
                "Give each task a different head."
            )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
