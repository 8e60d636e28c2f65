"""Settings from the environment: folders, limits, and the files that a browser may load."""

import os
import re
import shutil
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mtl_core.errors import BadInput
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.values import Frozen

CACHE_BYTES = 4_000_000_000
PREFIX_MEMORY_BYTES = 1_000_000_000
MIN_FREE_BYTES = 500_000_000
READ_SECONDS = 20
"""The longest time in which the dashboard reads a data set or applies a tokenizer."""
READ_BYTES = 2_000_000_000
"""The most memory of a process that reads files for the dashboard."""
_LEAST_READ_BYTES = 250_000_000
STATE_SECONDS = 60.0
"""The time between two saved states of a run."""
HEAD_ROWS_BYTES = 128_000_000
"""Memory that a run may use for the outputs that its heads read, where only heads are trained."""

_COUNTS = {
    "threads": (256, "The default is the number of cores, at most 4."),
    "parallel_runs": (256, "The default is the number of cores."),
    "state_seconds": (86_400, "The default is 60."),
    "read_seconds": (3600, "The default is 20."),
    "upload_days": (3650, "By default uploads are kept."),
}
"""By variable, the largest number, and the description of the default in messages."""
_LARGEST_LIMIT = 1_000_000
_POSTGRESQL_URL = re.compile(r"postgres(ql(\+psycopg)?)?://[^/]*/[^/?]+(\?.*)?$")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_])?")
ENDS_WITH_INPUT = "FREEZE_LAB_ENDS_WITH_INPUT"
"""Set by `serve` for the server process, which ends when `serve` ends, also if it was killed."""

SHORTEST_KEY = 8
"""The fewest characters of a teacher key."""


class MatrixProducts(StrEnum):
    """The library that multiplies float32 matrices on a processor."""

    MKL = "mkl"
    ONEDNN = "onednn"


class ExecutorKind(StrEnum):
    """Where runs are executed: in processes of this machine, or on a cluster."""

    LOCAL = "local"
    RAY = "ray"
    SUBMITIT = "submitit"
    COMMAND = "command"


def is_loopback(address: str) -> bool:
    """Whether a server at this address can be reached from this machine only."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False


class Limits(Frozen):
    """The most that a visitor of the dashboard may queue; the command line has no such limits.

    `waiting_runs` are all waiting runs of a visitor, `comparison_runs` those of one comparison.
    `epochs`, `batch_size` and `length` are those of a run, and `examples` its training sentences
    of one task. `uploads` are the data sets that a visitor may store.
    """

    waiting_runs: int = 300
    comparison_runs: int = 240
    epochs: int = 100
    examples: int = 20_000
    batch_size: int = 128
    length: int = 512
    uploads: int = 10


def default_home() -> Path:
    """The folder for runs and models if FREEZE_LAB_HOME is not set."""
    return platformdirs.user_data_path("freeze-lab")


class Settings(Frozen):
    """Paths and limits.

    `home` holds the run store, the description cache and the runs' files; with `database_url` the
    run store is in that PostgreSQL database. A browser may name local
    paths only below `checkpoint_roots` and `data_roots`; the command line may name any. `cache` is
    the folder of files that can be recomputed, at most `cache_bytes` of them; None means a folder
    in `home`. A run holds at most `prefix_memory_bytes` of frozen layers' outputs in memory. At
    most `parallel_runs` runs are trained at once; fewer if cores or memory are short. `threads` are
    those of a run, and `comparison_threads` those of a run in a comparison (None: `threads`). The
    dashboard reads foreign files in processes of at most `read_bytes` each (0: no limit), within
    `read_seconds`. With `warm_up` a trainer is started before the first run is requested.
    `executor` is where runs are executed.
    """

    home: Path
    database_url: str | None = Field(None, repr=False)  # it may have a password
    checkpoint_roots: tuple[Path, ...] = ()
    data_roots: tuple[Path, ...] = ()
    threads: int
    comparison_threads: int | None = None
    parallel_runs: int = 1
    matrix_products: MatrixProducts | None = None
    cache: Path | None = None
    cache_bytes: int = CACHE_BYTES
    prefix_memory_bytes: int = PREFIX_MEMORY_BYTES
    limits: Limits = Limits()
    teacher_key: str | None = None
    hosts: tuple[str, ...] = ()
    upload_days: int | None = None
    min_free_bytes: int = MIN_FREE_BYTES
    disk_bytes: int | None = None
    state_seconds: float = STATE_SECONDS
    read_seconds: int = READ_SECONDS
    read_bytes: int = READ_BYTES
    warm_up: bool = True
    executor: ExecutorKind = ExecutorKind.LOCAL

    @property
    def database(self) -> Path | str:
        """The run store: a SQLite file in `home`, or the URL of a PostgreSQL database."""
        return self.database_url or self.home / "runs.sqlite"

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
        """Baseline scores of data sets, one JSON file per content."""
        return self.home / "baselines"

    @property
    def uploads(self) -> Path:
        """Data sets that visitors of the dashboard uploaded, one folder each."""
        return self.home / "uploads"

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """The configured folders. Exports name what is below them by relative paths."""
        roots = (*self.data_roots, *self.checkpoint_roots)
        return (*roots, self.home, *((self.cache,) if self.cache else ()))

    @property
    def browser_access(self) -> FileAccess:
        """The files that a visitor of the dashboard may name."""
        return FileAccess(
            data_roots=self.data_roots,
            checkpoint_roots=self.checkpoint_roots,
            uploads=self.uploads,
            checkpoint_folders=self.checkpoint_roots,
        )

    @property
    def owner_access(self) -> FileAccess:
        """The files that a user of the command line may name: any, and all uploads."""
        return ANY_FILE.model_copy(
            update={"uploads": self.uploads, "checkpoint_folders": self.checkpoint_roots}
        )

    @property
    def prefixes(self) -> Path:
        """Outputs of frozen layers for each sentence, stored for later runs."""
        return (self.cache or self.home / "cache") / "prefixes"

    def threads_of_each(self, runs: int) -> int:
        """The threads of each run of a comparison with `runs` runs; a single run has `threads`."""
        return self.threads if runs < 2 else self.comparison_threads or self.threads

    def run_folder(self, run: str) -> Path:
        """The folder into which a run of the dashboard writes its model."""
        return self.home / "runs" / run

    def state_folder(self, run: str) -> Path:
        """The folder with the state of a run that has not finished, from which it can resume."""
        return self.home / "states" / run

    @classmethod
    def from_environment(cls) -> "Settings":
        """Reads FREEZE_LAB_HOME, _DATABASE_URL, _CHECKPOINTS, _DATA, _THREADS, _PARALLEL_RUNS,
        _MATRIX_PRODUCTS, _CACHE, _CACHE_BYTES, _PREFIX_MEMORY_BYTES, _TEACHER_KEY, _HOSTS and the
        limits, such as _MAX_WAITING_RUNS and _READ_SECONDS; no file is read.

        The two lists are separated as PATH is. The default number of threads is the number of
        cores, at most 4: short sentences do not benefit from more. It is 1 for the runs of a
        comparison, which are trained at the same time. On a cluster as many runs are trained at
        once as it has cores. Raises BadInput for an invalid value.
        """
        given = _Environment()
        cores = available_cores()
        most_runs, _ = _COUNTS["parallel_runs"]
        slurm = given.executor is ExecutorKind.SUBMITIT and shutil.which("sbatch") is not None
        on_cluster = slurm or given.executor is ExecutorKind.RAY
        parallel_runs = given.parallel_runs or (most_runs if on_cluster else cores)
        in_home = given.home is not None
        return cls(
            home=given.home or default_home(),
            database_url=given.database_url,
            checkpoint_roots=given.checkpoints,
            data_roots=given.data,
            matrix_products=given.matrix_products,
            threads=given.threads or min(cores, 4),
            comparison_threads=None if given.threads or parallel_runs == 1 else 1,
            parallel_runs=parallel_runs,
            cache=given.cache or (None if in_home else platformdirs.user_cache_path("freeze-lab")),
            cache_bytes=given.cache_bytes,
            prefix_memory_bytes=given.prefix_memory_bytes,
            limits=Limits(**{name: getattr(given, f"max_{name}") for name in Limits.model_fields}),
            teacher_key=given.teacher_key,
            hosts=given.hosts,
            upload_days=given.upload_days,
            min_free_bytes=given.min_free_bytes,
            disk_bytes=given.disk_bytes,
            state_seconds=STATE_SECONDS if given.state_seconds is None else given.state_seconds,
            read_seconds=given.read_seconds or READ_SECONDS,
            read_bytes=given.read_bytes,
            warm_up=given.warm_up,
            executor=given.executor,
        )


def available_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def requested_matrix_products() -> MatrixProducts | None:
    """The library named by FREEZE_LAB_MATRIX_PRODUCTS; None lets the processor decide.

    Raises BadInput if the variable names no library.
    """
    return _MatrixProductsVariable().matrix_products


def _variable(field: str) -> str:
    return f"FREEZE_LAB_{field.upper()}"


class _MatrixProductsVariable(BaseSettings):
    """The environment variable that names the library; an empty one counts as unset."""

    model_config = SettingsConfigDict(
        alias_generator=_variable,
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        validate_default=False,
    )

    matrix_products: MatrixProducts | None = None

    @field_validator("matrix_products", mode="before")
    @classmethod
    def _known_library(cls, given: str) -> str | None:
        given = given.strip()
        if given and given not in list(MatrixProducts):
            raise BadInput(
                f"{_variable('matrix_products')}={given}: {' or '.join(MatrixProducts)} is needed. "
                "The default depends on the processor."
            )
        return given or None


_Paths = Annotated[tuple[Path, ...], NoDecode]
_OF_NO_BYTES = {
    "cache_bytes": "0 stores nothing.",
    "prefix_memory_bytes": "With 0, only the outputs of one batch are in memory.",
    "min_free_bytes": "With 0, runs start until the disk is full.",
    "disk_bytes": "Without the variable there is no limit.",
    "read_bytes": "With 0 there is no limit.",
}


class _Environment(_MatrixProductsVariable):
    """All environment variables of Freeze Lab.

    The validators raise BadInput, which pydantic passes on unchanged.
    """

    home: Path | None = None
    database_url: str | None = None
    checkpoints: _Paths = ()
    data: _Paths = ()
    threads: int | None = None
    parallel_runs: int | None = None
    cache: Path | None = None
    cache_bytes: int = CACHE_BYTES
    prefix_memory_bytes: int = PREFIX_MEMORY_BYTES
    min_free_bytes: int = MIN_FREE_BYTES
    disk_bytes: int | None = None
    teacher_key: str | None = None
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    max_waiting_runs: int = Limits().waiting_runs
    max_comparison_runs: int = Limits().comparison_runs
    max_epochs: int = Limits().epochs
    max_examples: int = Limits().examples
    max_batch_size: int = Limits().batch_size
    max_length: int = Limits().length
    max_uploads: int = Limits().uploads
    upload_days: int | None = None
    state_seconds: int | None = None
    read_seconds: int | None = None
    read_bytes: int = READ_BYTES
    warm_up: bool = True
    executor: ExecutorKind = ExecutorKind.LOCAL

    @field_validator("executor", mode="before")
    @classmethod
    def _known_executor(cls, given: str) -> str:
        if given.strip() not in list(ExecutorKind):
            raise BadInput(
                f"{_variable('executor')}={given}: {' or '.join(ExecutorKind)} is needed. By "
                "default runs are executed on this machine."
            )
        return given.strip()

    @field_validator("database_url", mode="before")
    @classmethod
    def _url(cls, given: str) -> str | None:
        url = given.strip()
        if url and not _POSTGRESQL_URL.match(url):
            shown = re.sub("//.*@", "//…@", url)  # without the password
            raise BadInput(
                f"{_variable('database_url')}={shown}: the URL of a PostgreSQL database is needed, "
                "e.g. postgresql://user:password@host:5432/runs. Without the variable the run "
                "store is a SQLite file in FREEZE_LAB_HOME."
            )
        return url or None

    @field_validator("hosts", mode="before")
    @classmethod
    def _hosts(cls, given: str) -> tuple[str, ...]:
        names = tuple(name.strip().casefold() for name in given.split(",") if name.strip())
        for name in names:
            if not _HOST_NAME.fullmatch(name):
                raise BadInput(
                    f"{_variable('hosts')} has {name!r}: host names separated by commas are "
                    "needed, without scheme and port, e.g. lab.example.org."
                )
        return names

    @field_validator("teacher_key", mode="before")
    @classmethod
    def _key(cls, given: str) -> str | None:
        key = given.strip()
        if key and len(key) < SHORTEST_KEY:
            raise BadInput(
                f"{_variable('teacher_key')} has {len(key)} characters; at least {SHORTEST_KEY} "
                "are needed. Without the variable, `serve` makes a key and prints it."
            )
        return key or None

    @field_validator(*(f"max_{name}" for name in Limits.model_fields), mode="before")
    @classmethod
    def _limit(cls, given: str, info: ValidationInfo) -> int:
        field, given = str(info.field_name), given.strip()
        default: int = cls.model_fields[field].default
        if given and not (given.isdecimal() and 1 <= int(given) <= _LARGEST_LIMIT):
            raise BadInput(
                f"{_variable(field)}={given}: a whole number from 1 to {_LARGEST_LIMIT:,} is "
                f"needed. The default is {default:,}."
            )
        return int(given) if given else default

    @field_validator("home", "cache", mode="before")
    @classmethod
    def _path(cls, given: str, info: ValidationInfo) -> Path:
        return _expanded(given, info)

    @field_validator("checkpoints", "data", mode="before")
    @classmethod
    def _paths(cls, given: str, info: ValidationInfo) -> tuple[Path, ...]:
        entries = filter(None, given.split(os.pathsep))
        return tuple(_expanded(entry, info).resolve() for entry in entries)

    @field_validator(*_COUNTS, mode="before")
    @classmethod
    def _count(cls, given: str, info: ValidationInfo) -> int | None:
        most, default = _COUNTS[info.field_name or ""]
        given = given.strip()
        if given and not (given.isdecimal() and 1 <= int(given) <= most):
            raise BadInput(
                f"{_variable(info.field_name or '')}={given}: a whole number from 1 to {most} is "
                f"needed. {default}"
            )
        return int(given) if given else None

    @field_validator(*_OF_NO_BYTES, mode="before")
    @classmethod
    def _bytes(cls, given: str, info: ValidationInfo) -> int | None:
        field, given = str(info.field_name), given.strip()
        default: int | None = cls.model_fields[field].default
        if field == "read_bytes" and given.isdecimal() and 0 < int(given) < _LEAST_READ_BYTES:
            raise BadInput(
                f"{_variable(field)}={given}: at least {_LEAST_READ_BYTES:,} bytes are needed to "
                "read anything. With 0 there is no limit."
            )
        if given and not given.isdecimal():
            raise BadInput(
                f"{_variable(field)}={given}: a whole number of bytes is needed, e.g. "
                f"{default or CACHE_BYTES}. "
                f"{_OF_NO_BYTES[field]}"
            )
        return int(given) if given else default


def _expanded(entry: str, info: ValidationInfo) -> Path:
    try:
        return Path(entry).expanduser()
    except RuntimeError:  # ~nobody/…
        variable = _variable(str(info.field_name))
        raise BadInput(f"{variable}={entry}: there is no such user. Write the path out.") from None
