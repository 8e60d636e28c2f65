"""Tasks that two data sets share, so that a run on one can be evaluated on the other."""

from collections.abc import Sequence

from mtl_core.errors import InvalidRun
from mtl_core.nearest import quoted
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.manifest import SPLIT_KEYS
from mtl_core.tasks.task import Task


def check_other_data(
    data: str, others: Sequence[str], tasks: Sequence[Task], load: ReadsData
) -> None:
    """Checks that a run on `data` can be evaluated on all `others`.

    Raises InvalidRun if one of them is `data` itself or shares no task, and what `load` raises.
    """
    for reference in dict.fromkeys(others):
        require_other(data, reference)
        shared_tasks(tasks, load(reference))


def require_other(data: str, reference: str) -> None:
    """Raises InvalidRun if `reference` is the training data of the run, or the name of a split."""
    if reference in SPLIT_KEYS:
        raise InvalidRun(
            f"'{reference}' is the name of a split. Name the folder of other data './{reference}'."
        )
    if reference == data:
        raise InvalidRun(
            f"'{data}' is the training data of this run, which is evaluated anyway. "
            "Name other data to evaluate on, or none."
        )


def shared_tasks(tasks: Sequence[Task], other: Dataset) -> tuple[Task, ...]:
    """The tasks that the other data have too, by name.

    Raises InvalidRun if there are none, and if a task has other labels there.
    """
    there = {task.name: task for task in other.tasks}
    shared = tuple(task for task in tasks if task.name in there)
    if not shared:
        raise InvalidRun(
            f"'{other.reference}' has none of the run's tasks "
            f"({quoted([task.name for task in tasks])}): it has {quoted(list(there))}. "
            "Tasks are matched by their names: give them the same names, or evaluate on other data."
        )
    for task in shared:
        theirs = there[task.name]
        if (task.kind, set(task.outputs)) != (theirs.kind, set(theirs.outputs)):
            raise InvalidRun(
                f"The labels of '{task.name}' in '{other.reference}' "
                f"({quoted(sorted(theirs.outputs))}) differ from those of this run "
                f"({quoted(sorted(task.outputs))}), so it cannot be scored there. "
                "Give them the same labels, or evaluate on other data."
            )
    return shared


def judged_sentences(other: Dataset, shared: Sequence[Task]) -> tuple[Example, ...]:
    """The sentences of other data that a run is scored on, with a label of a shared task.

    They are the test split if it has all these tasks, else the validation split.
    """
    names = {task.name for task in shared}
    judged = {other.judged_split(name) for name in names}
    split = other.test if judged == {"test"} else other.validation
    return tuple(each for each in split if names & set(each.labels))
