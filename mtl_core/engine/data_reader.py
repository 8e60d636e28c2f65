"""The data of the server: read once in a child process and cached, within a number of bytes."""

import hashlib
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cachetools import LRUCache, TTLCache

from mtl_core.engine.reading import respond
from mtl_core.engine.reading_processes import GivenUp, ReadingProcesses
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
from mtl_core.errors import BadInput, InternalError
from mtl_core.file_access import FileAccess
from mtl_core.models.catalogue import entry
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.word_pieces import SplitWord
from mtl_core.tasks.dataset import SHIPPED, Dataset, require_allowed_data
from mtl_core.tasks.file_stamps import FileStamp, stamps_of
from mtl_core.tasks.overview import DataOverview
from mtl_core.tasks.tokenizer_file import tokenizer_file
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, files_of, upload_reference
from mtl_core.training.spec import RunSpec

CACHE_BYTES, SMALL_CACHE_BYTES = 300_000_000, 20_000_000
"""The most bytes of cached data, and of cached columns and tokens of typed words."""

_SMALL_BYTES = 10_000
_FAILURES, _FAILURE_SECONDS = 256, 30

_Response = TypeVar("_Response", bound=ReadingResponse)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A response with the stamps of the files that it was read from."""

    response: ReadingResponse
    stamps: tuple[FileStamp, ...]

    @property
    def memory_bytes(self) -> int:
        """A rough size in memory, at most the limit: the cache refuses larger entries."""
        match self.response:
            case DatasetRead(dataset=dataset):
                size = dataset.memory_bytes
            case DataCounted(overview=found):
                size = found.memory_bytes
            case _:
                size = 0
        return min(_SMALL_BYTES + size, CACHE_BYTES)

    @property
    def is_current(self) -> bool:
        """Whether the files have not changed since."""
        return stamps_of(stamp.path for stamp in self.stamps) == self.stamps


class DataReader:
    """Reads data sets, uploads and tokenizers, which `access` permits.

    Foreign files are parsed by `processes`; without them, as for the command line, in this process.
    What ships with Freeze Lab is always read in this process. Responses are cached until a file
    changes, and several requests for the same files at once read them once. A request that exceeded
    a limit is not repeated for half a minute. Safe for threads.
    """

    def __init__(self, access: FileAccess, processes: ReadingProcesses | None = None) -> None:
        self._access, self._processes = access, processes
        self._cache: LRUCache[Hashable, _Entry] = LRUCache(
            CACHE_BYTES, lambda entry: entry.memory_bytes
        )
        self._small_cache: LRUCache[Hashable, _Entry] = LRUCache(
            SMALL_CACHE_BYTES, lambda entry: entry.memory_bytes
        )
        self._failures: TTLCache[Hashable, BadInput] = TTLCache(_FAILURES, _FAILURE_SECONDS)
        self._in_progress: dict[Hashable, Future[_Entry]] = {}
        self._lock = threading.Lock()

    def dataset(self, reference: str, examples: Mapping[str, int] | None = None) -> Dataset:
        """The data set of a reference, with limits of training examples by task.

        Raises DataError as `load_dataset` does, and if reading takes too much time or memory.
        """
        manifest = stamps_of([require_allowed_data(reference, self._access)])
        limits = dict(examples or {})
        return self._read(
            (manifest, reference, tuple(sorted(limits.items()))),
            ReadDataset(reference=reference, access=self._access, examples=limits),
            DatasetRead,
            shipped=reference in SHIPPED,
        ).dataset

    def named(self, spec: RunSpec) -> RunSpec:
        """The spec with the name of its data if that is an upload, for lists of waiting runs."""
        if not is_upload(spec.data):
            return spec
        return spec.model_copy(update={"data_name": self.dataset(spec.data).name})

    def overview(self, reference: str, checkpoint: Checkpoint) -> DataOverview:
        """The overview of a data set, with lengths in tokens of a checkpoint's tokenizer.

        Raises DataError as `dataset` does, and DamagedCheckpoint for a tokenizer that fails.
        """
        manifest = stamps_of([require_allowed_data(reference, self._access)])
        return self._read(
            (manifest, reference, checkpoint.folder, "overview"),
            CountData(reference=reference, access=self._access, folder=checkpoint.folder),
            DataCounted,
            shipped=reference in SHIPPED and _is_shipped(checkpoint),
        ).overview

    def upload(self, tasks: tuple[UploadedTask, ...]) -> Dataset:
        """The data set of uploaded files. Raises DataError as `read_upload` does."""
        names = tuple(file.name for _, _, file in files_of(tasks))
        key = (upload_reference(tasks), names)
        return self._read(key, ReadUpload(tasks=tasks), DatasetRead).dataset

    def columns_of_upload(self, file: UploadedFile) -> tuple[str, ...]:
        """The columns or keys of an uploaded file; empty without columns and for a faulty file."""
        key = (file.suffix, hashlib.sha256(file.content).digest())
        try:
            return self._read(key, ListColumns(file=file), ColumnsListed).columns
        except BadInput:  # `upload` reports it
            return ()

    def split_words(
        self, words: tuple[str, ...], checkpoint: Checkpoint
    ) -> tuple[SplitWord, ...] | None:
        """The tokens of words, as `split_into_pieces` returns them. Raises DamagedCheckpoint."""
        file = tokenizer_file(checkpoint.folder)
        tokenizer = stamps_of([file] if file else [])
        return self._read(
            (tokenizer, words),
            SplitWords(words=words, checkpoint=checkpoint),
            WordsSplit,
            shipped=_is_shipped(checkpoint),
            source=tokenizer,
        ).words

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.close()

    def _read(
        self,
        key: Hashable,
        request: ReadingRequest,
        kind: type[_Response],
        shipped: bool = False,
        source: Hashable = None,
    ) -> _Response:
        """The cached response, or that of a request which all callers with this key share.

        `source` identifies the files alone, where other requests would exceed a limit too.
        """
        cache = self._cache if kind in (DatasetRead, DataCounted) else self._small_cache
        with self._lock:
            known = cache.get(key)
        if known is not None and known.is_current:
            return _of_kind(known.response, kind)
        with self._lock:
            running = self._in_progress.get(key)
            future: Future[_Entry] = running or Future()
            self._in_progress[key] = future
        if running is None:
            here = shipped or self._processes is None
            answer = respond if here else partial(self._answer, source or key)
            self._compute(key, future, lambda: answer(request), cache)
        return _of_kind(future.result().response, kind)

    def _compute(
        self,
        key: Hashable,
        future: "Future[_Entry]",
        respond_to: Callable[[], ReadingResponse],
        cache: "LRUCache[Hashable, _Entry]",
    ) -> None:
        """Set the result of `future`, and cache it; or set the exception."""
        try:
            response = respond_to()
            found = _Entry(response, getattr(response, "stamps", ()))
            with self._lock:
                cache[key] = found
            future.set_result(found)
        except BaseException as problem:
            future.set_exception(problem)
        finally:
            with self._lock:
                self._in_progress.pop(key, None)

    def _answer(self, source: Hashable, request: ReadingRequest) -> ReadingResponse:
        """The response of a process, unless the same files have just exceeded a limit."""
        assert self._processes is not None  # noqa: S101 - see `_read`
        with self._lock:
            known = self._failures.get(source)
        if known is not None:
            raise known
        try:
            return self._processes.answer(request)
        except GivenUp as given_up:
            if given_up.is_lasting:
                with self._lock:
                    self._failures[source] = given_up.problem
            raise given_up.problem from None


def _of_kind(response: ReadingResponse, kind: type[_Response]) -> _Response:
    if not isinstance(response, kind):
        raise InternalError("A reading process responded to another request; try again.")
    return response


def _is_shipped(checkpoint: Checkpoint) -> bool:
    """Whether the tokenizer of a checkpoint comes with Freeze Lab."""
    return checkpoint.entry is not None and entry(checkpoint.entry).embedded
