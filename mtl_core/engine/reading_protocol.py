"""The messages between the server and the processes that read foreign data and tokenizers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from mtl_core.errors import BadInput, DamagedCheckpoint, DataError
from mtl_core.file_access import FileAccess
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.word_pieces import SplitWord
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.file_stamps import FileStamp
from mtl_core.tasks.overview import DataOverview
from mtl_core.tasks.uploads import UploadedFile, UploadedTask
from mtl_core.text import shortened
from mtl_core.values import Frozen

_BASE64 = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class _OfData(Frozen):
    """A request about a data set; `access` decides which files may be read."""

    reference: str
    access: FileAccess

    @property
    def failure(self) -> BadInput:
        """The beginning of the error for a request without a response."""
        return DataError(f"The data '{shortened(self.reference, 200)}' could not be read")


class ReadDataset(_OfData):
    """To a reading process: read the examples of a data set, with limits of examples by task."""

    message: Literal["read_dataset"] = "read_dataset"
    examples: Mapping[str, int] = {}


class CountData(_OfData):
    """To a reading process: compute the overview of a data set.

    Lengths are measured with the tokenizer in `folder`, or in words without one.
    """

    message: Literal["count_data"] = "count_data"
    folder: Path | None


class ReadUpload(Frozen):
    """To a reading process: read the examples of uploaded files."""

    model_config = _BASE64

    message: Literal["read_upload"] = "read_upload"
    tasks: tuple[UploadedTask, ...]

    @property
    def failure(self) -> BadInput:
        """The beginning of the error for a request without a response."""
        return DataError("The uploaded files could not be read")


class ListColumns(Frozen):
    """To a reading process: list the columns or keys of an uploaded file."""

    model_config = _BASE64

    message: Literal["list_columns"] = "list_columns"
    file: UploadedFile

    @property
    def failure(self) -> BadInput:
        """The beginning of the error for a request without a response."""
        return DataError(f"The columns of {self.file.name[-80:]} could not be read")


class SplitWords(Frozen):
    """To a reading process: split words with the tokenizer of a checkpoint."""

    message: Literal["split_words"] = "split_words"
    words: tuple[str, ...]
    checkpoint: Checkpoint

    @property
    def failure(self) -> BadInput:
        """The beginning of the error for a request without a response."""
        return DamagedCheckpoint(f"The tokenizer of '{self.checkpoint.name}' could not be used")


class DatasetRead(Frozen):
    """The response to `read_dataset` and `read_upload`; `stamps` are those of the files read."""

    message: Literal["dataset_read"] = "dataset_read"
    dataset: Dataset
    stamps: tuple[FileStamp, ...] = ()


class DataCounted(Frozen):
    """The response to `count_data`."""

    message: Literal["data_counted"] = "data_counted"
    overview: DataOverview
    stamps: tuple[FileStamp, ...]


class ColumnsListed(Frozen):
    """The response to `list_columns`."""

    message: Literal["columns_listed"] = "columns_listed"
    columns: tuple[str, ...]


class WordsSplit(Frozen):
    """The response to `split_words`; None if the tokenizer is not on this machine."""

    message: Literal["words_split"] = "words_split"
    words: tuple[SplitWord, ...] | None


ReadingRequest = ReadDataset | CountData | ReadUpload | ListColumns | SplitWords
"""A request to a reading process."""

ReadingResponse = DatasetRead | DataCounted | ColumnsListed | WordsSplit
"""A successful response of a reading process; `RequestFailed` is the other one."""
