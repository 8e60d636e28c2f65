"""Answers requests about data and tokenizers, by parsing their files in this process.

The server calls it only for what is shipped with Freeze Lab; everything else is read in a reading
process, and by the command line in its own.
"""

from mtl_core.engine.reading_protocol import (
    ColumnsListed,
    CountData,
    DataCounted,
    DatasetRead,
    ListColumns,
    ReadDataset,
    ReadingRequest,
    ReadingResponse,
    ReadUpload,
    SplitWords,
    WordsSplit,
)
from mtl_core.models.word_pieces import split_into_pieces
from mtl_core.tasks.dataset import dataset_at, manifest_of
from mtl_core.tasks.file_stamps import stamps_of, stamps_of_data
from mtl_core.tasks.lengths import counter_for
from mtl_core.tasks.overview import overview
from mtl_core.tasks.tokenizer_file import tokenizer_file
from mtl_core.tasks.uploads import columns_of, read_upload


def respond(request: ReadingRequest) -> ReadingResponse:
    """Parse the files that a request names. Raises DataError, or CheckpointError."""
    match request:
        case ReadDataset():
            return _dataset(request)
        case CountData():
            return _overview(request)
        case ReadUpload():
            return DatasetRead(dataset=read_upload(request.tasks))
        case ListColumns():
            return ColumnsListed(columns=columns_of(request.file))
        case SplitWords():
            return WordsSplit(words=split_into_pieces(request.words, request.checkpoint))


def _dataset(request: ReadDataset) -> DatasetRead:
    manifest = manifest_of(request.reference, request.access)
    stamps = stamps_of_data(manifest)  # before they are read: a later change is noticed
    dataset = dataset_at(manifest, request.reference, request.examples)
    return DatasetRead(dataset=dataset, stamps=stamps)


def _overview(request: CountData) -> DataCounted:
    manifest = manifest_of(request.reference, request.access)
    file = tokenizer_file(request.folder)
    stamps = stamps_of_data(manifest) + (stamps_of([file]) if file else ())
    dataset = dataset_at(manifest, request.reference)
    found = overview(dataset, counter_for(request.folder))
    return DataCounted(overview=found, stamps=stamps)
