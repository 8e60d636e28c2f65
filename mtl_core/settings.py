"""Where Freeze Lab keeps things on this machine, and what it may read for a browser."""

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import platformdirs

from mtl_core.errors import BadInput
from mtl_core.values import Frozen

CACHE_BYTES = 4_000_000_000
PREFIX_MEMORY_BYTES = 1_000_000_000
_MAX_THREADS = 256


class MatrixProducts(StrEnum):
    """The library that multiplies float32 matrices on a processor."""

    MKL = "mkl"
    ONEDNN = "onednn"


class FileAccess(Frozen):
    """The local files that a caller may name.

    `data_roots` and `checkpoint_roots` are the folders below which a named path must lie, with
    links followed; None allows any path. `uploads` is the folder of uploaded data; None means
    that there are no uploads.
    """

    data_roots: tuple[Path, ...] | None
    checkpoint_roots: tuple[Path, ...] | None
    uploads: Path | None = None

    def allows_data(self, path: Path) -> bool:
        """Whether data may be read from `path`."""
        return lies_below(path, self.data_roots)


ANY_FILE = FileAccess(data_roots=None, checkpoint_roots=None)
"""The access of the machine's owner, on the command line; without uploads."""

NO_FILE = FileAccess(data_roots=(), checkpoint_roots=())
"""Access to named samples and checkpoints only, no paths."""


def lies_below(path: Path, roots: Sequence[Path] | None) -> bool:
    """Whether `path`, with links followed, lies below one of `roots`; True if `roots` is None."""
    if roots is None:
        return True
    try:
        resolved = path.resolve()
        return any(resolved.is_relative_to(root.resolve()) for root in roots)
    except (OSError, ValueError, RuntimeError):  # too long, a null character, a circle of links
        return False


class Settings(Frozen):
    """Paths and limits, read once from the environment and handed down.

    `home` holds the run store, the description cache and the runs' files. `checkpoint_roots` and
    `data_roots` are the only folders a browser may name local paths below; the command line,
    whose user owns the machine anyway, may name any. `cache` holds what can be made again, at most
    `cache_bytes` of it; without one it lies within `home`. Of what frozen layers gave at most
    `prefix_memory_bytes` lie in the memory of a run.
    """

    home: Path
    checkpoint_roots: tuple[Path, ...] = ()
    data_roots: tuple[Path, ...] = ()
    threads: int
    matrix_products: MatrixProducts | None = None
    cache: Path | None = None
    cache_bytes: int = CACHE_BYTES
    prefix_memory_bytes: int = PREFIX_MEMORY_BYTES

    @property
    def database(self) -> Path:
        """The SQLite file of the run store."""
        return self.home / "runs.sqlite"

    @property
    def descriptions(self) -> Path:
        """Descriptions of checkpoints outside the catalogue, one JSON file each."""
        return self.home / "descriptions"

    @property
    def costs(self) -> Path:
        """Cost profiles of checkpoints outside the catalogue, and this machine's speed."""
        return self.home / "costs"

    @property
    def baselines(self) -> Path:
        """Scores that data give without any model, one JSON file for each content."""
        return self.home / "baselines"

    @property
    def uploads(self) -> Path:
        """Data that visitors of the dashboard uploaded and said to use, a folder for each."""
        return self.home / "uploads"

    @property
    def browser_access(self) -> FileAccess:
        """The files that a visitor of the dashboard may name."""
        return FileAccess(
            data_roots=self.data_roots,
            checkpoint_roots=self.checkpoint_roots,
            uploads=self.uploads,
        )

    @property
    def owner_access(self) -> FileAccess:
        """The files that a user of the command line may name: any, and all uploads."""
        return ANY_FILE.model_copy(update={"uploads": self.uploads})

    @property
    def prefixes(self) -> Path:
        """What frozen layers gave for each sentence, kept for later runs."""
        return (self.cache or self.home / "cache") / "prefixes"

    def run_folder(self, run: str) -> Path:
        """Where a run that the dashboard started writes its model."""
        return self.home / "runs" / run

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read FREEZE_LAB_HOME, _CHECKPOINTS, _DATA, _THREADS, _MATRIX_PRODUCTS, _CACHE,
        _CACHE_BYTES and _PREFIX_MEMORY_BYTES.

        The two lists are separated as PATH is. Threads default to the machine's cores, at most 4:
        short sentences gain nothing from more. Raises BadInput for a value that is none.
        """
        home = os.environ.get("FREEZE_LAB_HOME")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return cls(
            home=_path("FREEZE_LAB_HOME", home)
            if home
            else platformdirs.user_data_path("freeze-lab"),
            checkpoint_roots=_paths("FREEZE_LAB_CHECKPOINTS"),
            data_roots=_paths("FREEZE_LAB_DATA"),
            matrix_products=asked_matrix_products(),
            threads=_threads() or min(cores or 1, 4),
            cache=_cache(bool(home)),
            cache_bytes=_bytes("FREEZE_LAB_CACHE_BYTES", CACHE_BYTES, "0 keeps nothing."),
            prefix_memory_bytes=_bytes(
                "FREEZE_LAB_PREFIX_MEMORY_BYTES",
                PREFIX_MEMORY_BYTES,
                "0 leaves all of it on disk, but for a batch's.",
            ),
        )


def asked_matrix_products() -> MatrixProducts | None:
    """What FREEZE_LAB_MATRIX_PRODUCTS says; None leaves it to the kind of processor.

    Raises BadInput for a library that there is none of.
    """
    given = os.environ.get("FREEZE_LAB_MATRIX_PRODUCTS", "").strip()
    if given and given not in list(MatrixProducts):
        raise BadInput(
            f"FREEZE_LAB_MATRIX_PRODUCTS={given}: {' or '.join(MatrixProducts)} is needed. "
            "Without it the kind of processor decides."
        )
    return MatrixProducts(given) if given else None


def _paths(variable: str) -> tuple[Path, ...]:
    listed = os.environ.get(variable, "").split(os.pathsep)
    return tuple(_path(variable, entry).resolve() for entry in listed if entry)


def _path(variable: str, entry: str) -> Path:
    try:
        return Path(entry).expanduser()
    except RuntimeError:  # ~nobody/…
        raise BadInput(f"{variable}={entry}: there is no such user. Write the path out.") from None


def _threads() -> int | None:
    """The threads asked for; None where that is left to the machine."""
    given = os.environ.get("FREEZE_LAB_THREADS", "").strip()
    if not given:
        return None
    if not given.isdecimal() or not 1 <= int(given) <= _MAX_THREADS:
        raise BadInput(
            f"FREEZE_LAB_THREADS={given}: a whole number from 1 to {_MAX_THREADS} is needed. "
            "Without it the machine's cores decide."
        )
    return int(given)


def _cache(home_is_named: bool) -> Path | None:
    """The folder asked for; within a home that was named, else the platform's for caches."""
    if given := os.environ.get("FREEZE_LAB_CACHE"):
        return _path("FREEZE_LAB_CACHE", given)
    return None if home_is_named else platformdirs.user_cache_path("freeze-lab")


def _bytes(variable: str, default: int, of_nothing: str) -> int:
    """A number of bytes; `of_nothing` says what 0 means."""
    given = os.environ.get(variable, "").strip()
    if given and not given.isdecimal():
        raise BadInput(
            f"{variable}={given}: a whole number of bytes is needed, e.g. {default}. {of_nothing}"
        )
    return int(given) if given else default
