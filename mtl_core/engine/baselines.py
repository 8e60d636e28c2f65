"""Baselines of data, worked out beside the pages: no page waits for scikit-learn, nor imports it.

It takes seconds the first time and nothing afterwards: what was scored is kept on disk, by the
sentences that it was learned from and scored on.
"""

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mtl_core.errors import FreezeLabError, InternalError
from mtl_core.models.cache import write_whole
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset

logger = logging.getLogger(__name__)

FORMAT = 1
"""Raised whenever the baselines of the same sentences would come out differently."""

Scorer = Callable[[Dataset], tuple[Baseline, ...]]

_KEPT = TypeAdapter(tuple[Baseline, ...])
_CONTENT = TypeAdapter(Dataset)
_MADE_BY = ("scikit-learn", "seqeval")


class DataBaselines:
    """Scores each data set once, in a thread, by `score`; what it gave lies in `folder`.

    Safe for threads.
    """

    def __init__(self, folder: Path, score: Scorer) -> None:
        self._folder, self._score = folder, score
        self._known: dict[str, tuple[Baseline, ...]] = {}
        self._problems: dict[str, FreezeLabError] = {}
        self._under_way: dict[str, threading.Thread] = {}
        self._turn = threading.Lock()

    def of(self, dataset: Dataset) -> tuple[Baseline, ...] | None:
        """The baselines; None while they are being worked out, which asking begins.

        Raises, once, what `score` raised; asking again then begins anew.
        """
        key = content_key(dataset)
        with self._turn:
            if key in self._problems:
                raise self._problems.pop(key)
            known = self._known.get(key) or self._kept(key)
            if known is None and key not in self._under_way:
                self._begin(key, dataset)
            return known

    def awaited(self, dataset: Dataset) -> tuple[Baseline, ...]:
        """The baselines, however long they take. Raises what `score` raises."""
        while (found := self.of(dataset)) is None:
            with self._turn:
                working = self._under_way.get(content_key(dataset))
            if working is not None:
                working.join()
        return found

    def under_way(self, dataset: Dataset) -> bool:
        """Whether they are being worked out at this moment."""
        return content_key(dataset) in self._under_way

    def _kept(self, key: str) -> tuple[Baseline, ...] | None:
        with suppress(OSError, ValidationError):
            self._known[key] = _KEPT.validate_json(self._file(key).read_bytes())
        return self._known.get(key)

    def _begin(self, key: str, dataset: Dataset) -> None:
        working = threading.Thread(
            target=self._work, args=(key, dataset), name="baselines", daemon=True
        )
        self._under_way[key] = working
        working.start()

    def _work(self, key: str, dataset: Dataset) -> None:
        try:
            found = self._score(dataset)
        except Exception as problem:
            self._failed(key, problem)
            return
        with suppress(OSError):
            write_whole(self._file(key), _KEPT.dump_json(found).decode() + "\n")
        with self._turn:
            self._known[key] = found
            del self._under_way[key]

    def _failed(self, key: str, problem: Exception) -> None:
        if not isinstance(problem, FreezeLabError):
            logger.error("The baselines of some data could not be scored.", exc_info=problem)
            problem = InternalError(f"Unexpected {type(problem).__name__}: {problem}")
        with self._turn:
            self._problems[key] = problem
            del self._under_way[key]

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def content_key(dataset: Dataset) -> str:
    """A name for what is learned from and scored on, in this form, by these versions: other
    sentences, labels or tasks have another one, the same ones from another place the same."""
    made_by = "".join(f"{each}\n" for each in (FORMAT, *map(version, _MADE_BY)))
    content = _CONTENT.dump_json(dataset, include={"tasks", "train", "validation"})
    return hashlib.sha256(made_by.encode() + content).hexdigest()
