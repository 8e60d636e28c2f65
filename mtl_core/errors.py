"""The exceptions of Freeze Lab.

FreezeLabError
├── BadInput                      exit 2: the request cannot be carried out
│   ├── CheckpointError
│   │   ├── UnknownCheckpoint         not a catalogue name, folder or cached hub id
│   │   ├── MissingWeights            known, but its weights are not on this machine
│   │   ├── UnsafeCheckpoint          needs pickle or remote code
│   │   ├── DamagedCheckpoint         digest, shapes or names are wrong
│   │   └── UnsupportedArchitecture   no stack of layers, or not an encoder
│   ├── PlanError
│   │   ├── UnknownScenario
│   │   ├── SelectorMatchesNothing
│   │   └── InvalidPlan               unreadable, unknown or repeated key, impossible value
│   ├── DataError                     file, line and remedy in the message
│   ├── InvalidRun                    a spec that cannot be run: phase under a step, bad epochs
│   ├── UnknownRun                    no run has this id
│   ├── UnknownComparison             no comparison has this id
│   ├── NotPermitted                  somebody else's run, or something that only the teacher can do
│   ├── OverLimit                     more than a visitor of the dashboard may queue
│   └── OutputNotEmpty                the output folder is not empty
└── InternalError                 exit 1: an error of Freeze Lab or of the machine
    ├── NotFinite                     a loss became NaN or infinite
    │   └── Diverged                      in training: the learning rate is too high
    ├── FreezeBroken                  a frozen tensor changed
    ├── ChildDied                     a child process ended unexpectedly
    └── StoreBlocked                  the run store is locked, or the disk is full: try again later
"""

import errno
import os
import re

MEMORY_REMEDY = (
    "try a smaller batch size or maximum length, or a plan that trains only higher layers."
)
_DISK_REMEDY = (
    "Free space, for example with `freeze-lab runs prune`, which deletes saved models; then "
    "`freeze-lab runs resume RUN` continues a run that was cut off."
)
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_NUMBER = re.compile(r"\(os error (\d+)\)")
_NO_MEMORY = (
    *("can't allocate memory", "Cannot allocate memory", "out of memory", "bad_alloc"),
    "MemoryError",
    *("could not create a primitive", "could not create a memory"),  # oneDNN
)
"""What Python and libraries write if the system gives them no memory."""


class FreezeLabError(Exception):
    """The base class. Messages contain the request, the available options and the remedy."""


class BadInput(FreezeLabError):
    """The request cannot be carried out; nothing was changed."""


class CheckpointError(BadInput):
    """A checkpoint cannot be used."""


class UnknownCheckpoint(CheckpointError):
    """The reference is not a catalogue name, folder, config file or cached hub id."""


class MissingWeights(CheckpointError):
    """The architecture is known, but the weights are not on this machine."""


class UnsafeCheckpoint(CheckpointError):
    """Loading would need pickle or code from the checkpoint's author."""


class DamagedCheckpoint(CheckpointError):
    """The digest, or the names and shapes in the file, are wrong."""


class UnsupportedArchitecture(CheckpointError):
    """The model is not an encoder with a stack of layers."""


class PlanError(BadInput):
    """A freeze plan cannot be carried out."""


class UnknownScenario(PlanError):
    """No scenario has this name, or it does not apply to this checkpoint."""


class SelectorMatchesNothing(PlanError):
    """A selector matches no tensor of this model."""


class InvalidPlan(PlanError):
    """A plan is unreadable, has unknown or repeated keys, or invalid values."""


class DataError(BadInput):
    """Labelled data cannot be read; the message contains file, line and remedy."""


class InvalidRun(BadInput):
    """A run cannot be carried out as specified."""


class UnknownRun(BadInput):
    """No run has this id."""


class UnknownComparison(BadInput):
    """No comparison has this id."""


class NotPermitted(BadInput):
    """The run or comparison belongs to somebody else, or only the teacher may do this."""


class OverLimit(BadInput):
    """A visitor of the dashboard asked for more than the settings allow."""


class OutputNotEmpty(BadInput):
    """The output folder is not empty."""


class InternalError(FreezeLabError):
    """An error of Freeze Lab or of the machine, not of the user."""


class NotFinite(InternalError):
    """A loss became NaN or infinite."""


class Diverged(NotFinite):
    """A loss became NaN or infinite in training; with the same settings it does again."""


class FreezeBroken(InternalError):
    """A frozen tensor changed."""


class ChildDied(InternalError):
    """A child process ended unexpectedly."""


class StoreBlocked(InternalError):
    """The run store cannot be read or written now, but is not damaged; nothing was lost."""


def error_message(problem: Exception) -> str:
    """The message of an error of this package or of the machine; of others, type and message."""
    if isinstance(problem, FreezeLabError):
        return str(problem)
    return machine_fault(problem) or f"Unexpected {type(problem).__name__}: {problem}"


def machine_fault(problem: BaseException) -> str | None:
    """What to do about an error because memory or the disk is full, or a folder is read-only.

    None for any other error.
    """
    number = _system_error(problem)
    if _is_memory_error(problem, number):
        return f"Memory ran out: {MEMORY_REMEDY}"
    name = getattr(problem, "filename", None)
    if number in _DISK_IS_FULL:
        return f"The disk is full{f': {name} could not be written' if name else ''}. {_DISK_REMEDY}"
    if number in _FORBIDDEN:
        return (
            f"{name or 'A file'} cannot be used: {os.strerror(number or 0)}. Choose a folder "
            "that you may write to, with --output or FREEZE_LAB_HOME."
        )
    return None


def require_memory(problem: Exception) -> None:
    """Raises InternalError if memory ran out: a file that could not be loaded is not damaged."""
    if _is_memory_error(problem, _system_error(problem)):
        raise InternalError(error_message(problem)) from problem


def _is_memory_error(problem: BaseException, number: int | None) -> bool:
    if isinstance(problem, MemoryError) or number == errno.ENOMEM:
        return True
    return isinstance(problem, RuntimeError) and mentions_memory(str(problem))


def mentions_memory(text: str) -> bool:
    """Whether the text of an error of Python, C++ or a library reports missing memory."""
    return any(each in text for each in _NO_MEMORY)


def _system_error(problem: BaseException) -> int | None:
    """The number of the system's error; libraries in Rust have it in the text of their errors."""
    if isinstance(problem, OSError):
        return problem.errno
    found = _NUMBER.search(str(problem))
    return int(found[1]) if found else None
