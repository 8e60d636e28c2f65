"""Start a command on another machine: by submitit, or by a command of the user's own."""

import logging
import os
import shlex
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from mtl_core.engine.capacity import Demand
from mtl_core.errors import BadInput

logger = logging.getLogger(__name__)

COMMAND_VARIABLE, SUBMITIT_VARIABLE = "FREEZE_LAB_COMMAND", "FREEZE_LAB_SUBMITIT"
_DEFAULT_MEMORY_BYTES = 4_000_000_000  # of a run whose memory cannot be estimated
_TAIL_LINES = 20
_WEEK_MINUTES = 7 * 24 * 60


class Launched(Protocol):
    """A command on another machine."""

    def ended(self) -> str | None:
        """How the command ended; None while it waits or runs."""
        ...

    def cancel(self) -> None:
        """End the command."""
        ...


class Launcher(Protocol):
    """Starts commands on other machines."""

    def launch(self, argv: Sequence[str], demand: Demand, folder: Path) -> Launched:
        """Start a command; its logs may be written to `folder`. Raises BadInput."""
        ...


class CommandLauncher:
    """Starts commands by the user's own one, such as `srun` or `ssh`, in which `{command}` is
    replaced by the command, `{threads}`, `{megabytes}`, `{gpus}` and `{name}` by what it needs.

    The command must last as long as the started one.
    """

    def __init__(self, template: str) -> None:
        if "{command}" not in template:
            raise BadInput(
                f"{COMMAND_VARIABLE}={template}: it must have {{command}}, which is replaced "
                "by the command to execute, e.g. srun --cpus-per-task={threads} "
                "--mem={megabytes}M {command}"
            )
        self._template = template

    def launch(self, argv: Sequence[str], demand: Demand, folder: Path) -> Launched:
        """Start the user's command. Raises BadInput if it has an unknown placeholder."""
        values = {
            "threads": demand.threads,
            "megabytes": _memory_bytes(demand) // 1_000_000,
            "gpus": int(demand.accelerated),
            "name": folder.name,
        }
        words: list[str] = []
        try:
            for word in shlex.split(self._template):
                words += argv if word == "{command}" else [_filled(word, argv, values)]
            return _LaunchedCommand(words)
        except (OSError, KeyError, IndexError, ValueError) as problem:
            raise BadInput(
                f"{COMMAND_VARIABLE}={self._template} cannot be executed: {problem}. The "
                f"placeholders are {{command}}, {', '.join(f'{{{each}}}' for each in values)}."
            ) from None


def _filled(word: str, argv: Sequence[str], values: dict[str, Any]) -> str:
    """A word of the template; within a longer word `{command}` is one argument of a shell."""
    return word.format(command=shlex.join(argv), **values)


class _LaunchedCommand:
    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the user's own command
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def ended(self) -> str | None:
        status = self._process.poll()
        if status is None:
            return None
        self._reader.join(1.0)
        last = self._tail[-1].decode(errors="replace").strip() if self._tail else ""
        return f"The command ended with exit status {status}. {last}".strip()

    def cancel(self) -> None:
        with suppress(OSError):
            self._process.terminate()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see above
        with self._process.stdout as lines:
            self._tail.extend(lines)


class SubmititLauncher:
    """Starts commands as jobs of Slurm, or as processes of this machine where there is no Slurm.

    `parameters` are those of submitit's AutoExecutor, such as `slurm_partition=gpu`. Without
    `timeout_min` a job may last a week: submitit's own limit is a few minutes.
    """

    def __init__(self, parameters: str) -> None:
        self._parameters = dict(_parameter(each) for each in parameters.split())

    def launch(self, argv: Sequence[str], demand: Demand, folder: Path) -> Launched:
        """Submit a job. Raises BadInput if submitit does not accept it."""
        try:
            import submitit

            executor = submitit.AutoExecutor(folder=folder / "logs")
            executor.update_parameters(
                name=folder.name[:40],
                cpus_per_task=demand.threads,
                mem_gb=-(-_memory_bytes(demand) // 1_000_000_000),
                gpus_per_node=int(demand.accelerated),
                **{"timeout_min": _WEEK_MINUTES, **self._parameters},
            )
            return _LaunchedJob(executor.submit(subprocess.check_call, list(argv)))
        except ImportError as problem:
            raise BadInput(
                f"submitit is not installed ({problem}). Install it with: "
                "pip install 'freeze-lab[submitit]'"
            ) from None
        except Exception as problem:
            raise BadInput(f"submitit has not accepted the job: {problem}") from problem


class _LaunchedJob:
    def __init__(self, job: Any) -> None:
        self._job = job

    def ended(self) -> str | None:
        try:
            if not self._job.done():
                return None
        except Exception as problem:  # submitit runs a command of the batch system, which may fail
            logger.warning("The state of a job is not known now: %s", problem)
            return None
        return f"Job {self._job.job_id} of the batch system ended: {self._job.state}."

    def cancel(self) -> None:
        self._job.cancel()


def launcher_of(kind: str) -> Launcher:
    """The launcher `submitit` or `command`, from the environment. Raises BadInput."""
    if kind == "submitit":
        return SubmititLauncher(os.environ.get(SUBMITIT_VARIABLE, ""))
    return CommandLauncher(os.environ.get(COMMAND_VARIABLE, ""))


def _parameter(pair: str) -> tuple[str, int | str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise BadInput(
            f"{SUBMITIT_VARIABLE} has '{pair}': parameters of submitit are needed, with values, "
            "e.g. slurm_partition=gpu timeout_min=240"
        )
    return name, int(value) if value.isdecimal() else value


def _memory_bytes(demand: Demand) -> int:
    return demand.memory_bytes or _DEFAULT_MEMORY_BYTES
