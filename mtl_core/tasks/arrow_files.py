"""Parquet and Arrow files, and folders that `save_to_disk` of Hugging Face `datasets` wrote.

The library pyarrow reads all three. The names of classes (`ClassLabel`) are in the metadata of the
schema, under the key `huggingface`: `{"info": {"features": {"label": {"names": […], "_type":
"ClassLabel"}}}}`. Sources: `datasets.Features.arrow_schema` and `datasets.Dataset.save_to_disk`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from mtl_core.errors import DataError
from mtl_core.nearest import quoted
from mtl_core.tasks.lines import FILE_BYTES, DataFile, open_file
from mtl_core.tasks.reading_limits import ROWS, check_fields

if TYPE_CHECKING:
    import pyarrow

TABLE_BYTES = 512 * 2**20  # of the columns in memory
TABLE_ROWS = ROWS
_BATCH_ROWS = 1000
_STATE_NAME = "state.json"
_SPLITS_NAME = "dataset_dict.json"
_STREAM_MARK = b"\xff\xff\xff\xff"  # a file of the stream format begins with it
_PARQUET_MARK = b"PAR1"
_ARROW_MARK = b"ARROW1"


@dataclass(frozen=True)
class ArrowTable:
    """The rows of a file or folder, with the names of classes by column.

    `sha256` is that of the bytes of the file, or of all Arrow files of a folder in their order.
    """

    file: DataFile
    table: "pyarrow.Table"
    classes: Mapping[str, tuple[str, ...]]
    sha256: str
    layout: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(self.table.column_names)

    def rows(self, keys: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The number of each row, from 1, and its values by column; ids of classes as their names.

        Only the columns in `keys` are read; others are None. Raises DataError for an id without a
        name.
        """
        found = [key for key in dict.fromkeys(keys) if key in self.columns]
        others = dict.fromkeys(self.columns)
        number = 0
        for batch in self.table.select(found).to_batches(max_chunksize=_BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                values = {key: self._named(number, key, row[key]) for key in found}
                yield number, {**others, **values}

    def _named(self, number: int, column: str, value: Any) -> Any:
        """The value with the name of each id of a class."""
        if (names := self.classes.get(column)) is None:
            return value
        if isinstance(value, list):
            return [self._named(number, column, each) for each in value]
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < len(names):
                raise self.file.fault(
                    number,
                    f"the id {value} in '{column}' is no class: the ids 0 to {len(names) - 1} are "
                    f"{quoted(names)}. Give the row a class, or remove it.",
                )
            return names[value]
        return value


def read_arrow(file: DataFile) -> ArrowTable:
    """Read a Parquet or Arrow file, or a folder of Hugging Face `datasets`.

    Raises DataError if it is missing, damaged or too large, and for a folder without a data set.
    """
    if file.is_folder:
        return _read_folder(file)
    with open_file(file) as stream:
        return arrow_of(file, stream)


def arrow_of(file: DataFile, stream: BinaryIO) -> ArrowTable:
    """Read an open Parquet or Arrow file; `file` names it. Raises DataError as `read_arrow`."""
    content = stream.read(FILE_BYTES + 1)
    table, layout = _table(file, content)
    return _arrow_table(file, table, hashlib.sha256(content).hexdigest(), layout)


def arrow_columns(content: bytes) -> tuple[str, ...]:
    """The columns of a Parquet or Arrow file; empty if it is damaged."""
    try:
        return arrow_of(DataFile(name="x.arrow", path=Path("x.arrow")), BytesIO(content)).columns
    except DataError:
        return ()


def _read_folder(file: DataFile) -> ArrowTable:
    import pyarrow

    digest, tables, left_bytes = hashlib.sha256(), [], FILE_BYTES
    for name in _arrow_names(file):
        part = DataFile(name=f"{file.name}/{name}", path=(file.path / name).resolve())
        if not part.path.is_relative_to(file.path.resolve()):
            raise DataError(f"{part.name} is a link out of its folder. Copy the file there.")
        with open_file(part, left_bytes) as stream:
            content = stream.read()
        left_bytes -= len(content)
        digest.update(content)
        tables.append(_table(part, content)[0])
    try:
        table = pyarrow.concat_tables(tables)
    except pyarrow.ArrowException as error:
        raise DataError(f"The files of {file.name} have different columns: {error}.") from error
    return _arrow_table(file, table, digest.hexdigest(), "a folder of datasets")


def _arrow_names(file: DataFile) -> list[str]:
    """The names of the Arrow files of a saved data set. Raises DataError."""
    if (splits := _json(file, _SPLITS_NAME).get("splits")) is not None:
        names = [str(each) for each in splits] if isinstance(splits, list) else []
        raise DataError(
            f"{file.name} has the splits {quoted(names)}. Name the folder of one of them, such as "
            f"{file.name.rstrip('/')}/{names[0] if names else 'train'}."
        )
    parts = _json(file, _STATE_NAME).get("_data_files")
    entries = parts if isinstance(parts, list) else []
    names = [str(each.get("filename")) for each in entries if isinstance(each, dict)]
    if not names or not all(PurePath(name).name == name for name in names):
        raise DataError(
            f"{file.name} is a folder without a data set. Name a file, or a folder that "
            f"save_to_disk of Hugging Face datasets wrote ({_STATE_NAME} lists its files)."
        )
    return names


def _json(file: DataFile, name: str) -> dict[str, Any]:
    """The keys of a JSON file in the folder; empty if there is no such file or it has none."""
    try:
        found = json.loads((file.path / name).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(file: DataFile, content: bytes) -> tuple["pyarrow.Table", str]:
    """The table of a file by its first bytes, and the name of the format. Raises DataError."""
    import pyarrow

    try:
        source = pyarrow.BufferReader(content)
        if content.startswith(_PARQUET_MARK):
            return _validated(_parquet(file, source)), "Parquet"
        if content.startswith(_ARROW_MARK):
            return _validated(pyarrow.ipc.open_file(source).read_all()), "Arrow"
        if content.startswith(_STREAM_MARK):
            return _validated(pyarrow.ipc.open_stream(source).read_all()), "Arrow"
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(
            f"{file.name} cannot be read: {str(error).splitlines()[0][:200] if str(error) else ''}."
            " The file is damaged: write it again."
        ) from error
    raise DataError(f"{file.name} is not a Parquet or Arrow file. Check its format, or its suffix.")


def _validated(table: "pyarrow.Table") -> "pyarrow.Table":
    """The table. Raises ArrowInvalid for offsets out of its buffers, which pyarrow would follow.

    Raises UnicodeDecodeError, a ValueError, for the name of a column.
    """
    table.validate(full=True)
    table.column_names  # noqa: B018 - decodes the names
    return table


def _parquet(file: DataFile, source: "pyarrow.BufferReader") -> "pyarrow.Table":
    """The table of a Parquet file, read in parts so that its size is known before its end."""
    import pyarrow
    from pyarrow import parquet

    opened = parquet.ParquetFile(source)
    # Reading the metadata of columns here would end the process if they are damaged.
    groups = (opened.metadata.row_group(n) for n in range(opened.metadata.num_row_groups))
    _check_size(file, sum(group.total_byte_size for group in groups), opened.metadata.num_rows)
    batches, size = [], 0
    for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
        size += batch.nbytes
        _check_size(file, size, opened.metadata.num_rows)
        batches.append(batch)
    return pyarrow.Table.from_batches(batches, opened.schema_arrow)


def _check_size(file: DataFile, size: int, rows: int) -> None:
    """Raises DataError for a table that takes too much memory."""
    if size > TABLE_BYTES or rows > TABLE_ROWS:
        raise DataError(
            f"{file.name} has {rows:,} rows and at least {size:,} bytes in memory, over the limit "
            f"of {TABLE_ROWS:,} rows or {TABLE_BYTES:,} bytes. Take fewer examples or columns."
        )


def _arrow_table(file: DataFile, table: "pyarrow.Table", sha256: str, layout: str) -> ArrowTable:
    _check_size(file, table.nbytes, table.num_rows)
    if table.num_rows == 0:
        raise DataError(f"{file.name} has no rows. It must contain at least one labelled example.")
    check_fields(file, 1, table.num_columns)
    counts = Counter(table.column_names)
    if twice := sorted(each for each, count in counts.items() if count > 1):
        raise DataError(f"{file.name} has the column {quoted(twice)} twice. Rename one of them.")
    return ArrowTable(file, table, _classes(table.schema), sha256, layout)


def _classes(schema: "pyarrow.Schema") -> dict[str, tuple[str, ...]]:
    """By column, the names of its classes; without those of columns that have none."""
    try:
        metadata = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = metadata.get("info", {}).get("features", {})
        found = {column: _class_names(feature) for column, feature in features.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
    return {column: names for column, names in found.items() if names}


def _class_names(feature: Any) -> tuple[str, ...]:
    """The names of a ClassLabel, also of one in a list (`List`, `Sequence`, or `[…]`)."""
    if isinstance(feature, list) and len(feature) == 1:
        return _class_names(feature[0])
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return tuple(map(str, names)) if isinstance(names, list) else ()
    return _class_names(feature.get("feature"))
