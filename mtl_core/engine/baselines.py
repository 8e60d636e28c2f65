"""Computes the baselines of data sets in background threads and stores them on disk."""

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mtl_core.errors import FreezeLabError, InternalError, error_message
from mtl_core.models.cache import write_atomically
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset

logger = logging.getLogger(__name__)

FORMAT = 3
"""Increased whenever the same sentences would get different baselines, or other fields of them."""

Scorer = Callable[[Dataset], tuple[Baseline, ...]]

_BASELINES = TypeAdapter(tuple[Baseline, ...])
_CONTENT = TypeAdapter(Dataset)
_LIBRARIES = ("scikit-learn",)


class DataBaselines:
    """Computes the baselines of each data set once, with `score`, and stores them in `folder`.

    Data sets with the same content share their baselines. Safe for threads.
    """

    def __init__(self, folder: Path, score: Scorer) -> None:
        self._folder, self._score = folder, score
        self._known: dict[str, tuple[Baseline, ...]] = {}
        self._problems: dict[str, FreezeLabError] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def get(self, dataset: Dataset) -> tuple[Baseline, ...] | None:
        """The baselines of a data set. If there are none, start computing them and return None.

        If `score` raised an error, the next call raises it once; the call after that computes the
        baselines again.
        """
        key = content_key(dataset)
        with self._lock:
            if key in self._problems:
                raise self._problems.pop(key)
            known = self._known.get(key) or self._load(key)
            if known is None and key not in self._threads:
                self._start(key, dataset)
            return known

    def known(self, dataset: Dataset) -> tuple[Baseline, ...] | None:
        """The baselines of a data set if they are known; starts nothing and raises nothing."""
        key = content_key(dataset)
        with self._lock:
            return self._known.get(key) or self._load(key)

    def wait_for(self, dataset: Dataset) -> tuple[Baseline, ...]:
        """The baselines of a data set, computed now if need be. Raises what `score` raises."""
        while (found := self.get(dataset)) is None:
            with self._lock:
                thread = self._threads.get(content_key(dataset))
            if thread is not None:
                thread.join()
        return found

    def is_computing(self, dataset: Dataset) -> bool:
        """Whether the baselines of a data set are being computed."""
        return content_key(dataset) in self._threads

    def _load(self, key: str) -> tuple[Baseline, ...] | None:
        with suppress(OSError, ValidationError):
            self._known[key] = _BASELINES.validate_json(self._file(key).read_bytes())
        return self._known.get(key)

    def _start(self, key: str, dataset: Dataset) -> None:
        thread = threading.Thread(
            target=self._compute, args=(key, dataset), name="baselines", daemon=True
        )
        self._threads[key] = thread
        thread.start()

    def _compute(self, key: str, dataset: Dataset) -> None:
        try:
            found = self._score(dataset)
        except Exception as problem:
            self._record_problem(key, problem)
            return
        with suppress(OSError):
            write_atomically(self._file(key), _BASELINES.dump_json(found).decode() + "\n")
        with self._lock:
            self._known[key] = found
            del self._threads[key]

    def _record_problem(self, key: str, problem: Exception) -> None:
        if not isinstance(problem, FreezeLabError):
            logger.error("The baselines of a data set could not be computed.", exc_info=problem)
            problem = InternalError(error_message(problem))
        with self._lock:
            self._problems[key] = problem
            del self._threads[key]

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def content_key(dataset: Dataset) -> str:
    """A SHA-256 digest of the tasks and sentences of a data set and of the library versions.

    The reference of the data set is not part of it.
    """
    made_by = "".join(f"{each}\n" for each in (FORMAT, *map(version, _LIBRARIES)))
    content = _CONTENT.dump_json(dataset, include={"tasks", "train", "validation", "test"})
    return hashlib.sha256(made_by.encode() + content).hexdigest()
