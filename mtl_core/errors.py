"""Everything that can go wrong and be said plainly.

FreezeLabError
├── BadInput                      exit 2: what was asked cannot be done as asked
│   ├── CheckpointError
│   │   ├── UnknownCheckpoint         no catalogue name, folder or cached hub id like this
│   │   ├── MissingWeights            known, but its weights are not on this machine
│   │   ├── UnsafeCheckpoint          needs pickle or remote code
│   │   ├── DamagedCheckpoint         digest, shapes or names are not what they should be
│   │   └── UnsupportedArchitecture   no stack of layers, or not an encoder
│   ├── PlanError
│   │   ├── UnknownScenario
│   │   ├── SelectorMatchesNothing
│   │   └── InvalidPlan               unreadable, unknown or repeated key, impossible value
│   ├── DataError                     file, line and remedy in the message
│   ├── InvalidRun                    a spec that cannot be run: phase under a step, bad epochs
│   ├── UnknownRun                    no run bears this id
│   ├── UnknownComparison             no comparison bears this id
│   └── OutputNotEmpty                the folder to write into holds something
└── InternalError                 exit 1: our fault or the machine's
    ├── NotFinite                     a loss became NaN or infinite
    ├── FreezeBroken                  a frozen tensor changed: the proof failed
    └── ChildDied                     a child process ended without a word
"""


class FreezeLabError(Exception):
    """The root: its message says what was asked, what exists, and what to do."""


class BadInput(FreezeLabError):
    """What was asked cannot be done as asked; nothing was changed."""


class CheckpointError(BadInput):
    """A checkpoint that cannot be used."""


class UnknownCheckpoint(CheckpointError):
    """No catalogue name, local folder, config file or cached hub id like this."""


class MissingWeights(CheckpointError):
    """The architecture is known, the weights are not on this machine."""


class UnsafeCheckpoint(CheckpointError):
    """Loading would need pickle or code from the checkpoint's author."""


class DamagedCheckpoint(CheckpointError):
    """The digest, or the names and shapes in the file, are not what they should be."""


class UnsupportedArchitecture(CheckpointError):
    """Not an encoder with a stack of layers that can be frozen one by one."""


class PlanError(BadInput):
    """A freeze plan that cannot be carried out."""


class UnknownScenario(PlanError):
    """No scenario bears this name, or it does not fit this checkpoint."""


class SelectorMatchesNothing(PlanError):
    """A selector that selects no tensor of this model."""


class InvalidPlan(PlanError):
    """A plan file that is unreadable, has unknown or repeated keys, or impossible values."""


class DataError(BadInput):
    """Labelled data that cannot be read; the message names file, line and remedy."""


class InvalidRun(BadInput):
    """A run that cannot be carried out as specified."""


class UnknownRun(BadInput):
    """No run bears this id."""


class UnknownComparison(BadInput):
    """No comparison bears this id."""


class OutputNotEmpty(BadInput):
    """The folder to write into already holds something."""


class InternalError(FreezeLabError):
    """Our fault, or the machine's; never the user's."""


class NotFinite(InternalError):
    """A loss became NaN or infinite."""


class FreezeBroken(InternalError):
    """A tensor that was frozen is not what it was."""


class ChildDied(InternalError):
    """A child process ended without saying why."""


def error_message(problem: Exception) -> str:
    """The message of an error of this package; of any other error, its type and message."""
    if isinstance(problem, FreezeLabError):
        return str(problem)
    return f"Unexpected {type(problem).__name__}: {problem}"
