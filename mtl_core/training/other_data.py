"""Data that a run does not learn from and is scored on at both ends: how far its skill carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtl_core.errors import InvalidRun
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import EncodedSplit, Tokenizer, encode
from mtl_core.tasks.dataset import Dataset, Example, load_dataset
from mtl_core.tasks.nearest import quoted
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import Forward, evaluate
from mtl_core.training.events import TaskScore
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True)
class OtherData:
    """The validation split of other data, for the tasks of the run that it has too.

    `tasks` are the run's own, so that labels are numbered as its heads number them.
    """

    reference: str
    tasks: tuple[Task, ...]
    examples: tuple[Example, ...]
    encoded: EncodedSplit
    digests: dict[str, str]

    def scores(self, model: MultiTaskModel, pad_id: int, forward: Forward) -> dict[str, TaskScore]:
        """Each task's score by the model as it stands, `forward` answering for it."""
        return evaluate(model, self.examples, self.encoded.examples, self.tasks, pad_id, forward)

    @property
    def counts(self) -> dict[str, int]:
        """Sentences by task."""
        return {
            task.name: sum(task.name in each.labels for each in self.examples)
            for task in self.tasks
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Entities that no prediction can have right."""
        return tuple(
            f"{lost} entit{'y is' if lost == 1 else 'ies are'} cut off in the validation data of "
            f"{task} in {self.reference}."
            for task, lost in self.encoded.entities_lost.items()
            if lost
        )


def load_other_data(
    spec: RunSpec,
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    max_positions: int | None,
    uploads: Path | None,
) -> tuple[OtherData, ...]:
    """Read all that `spec.also_evaluate` names. Raises InvalidRun as `shared_tasks` does, for the
    run's own data, and what `load_dataset` raises."""
    if spec.data in spec.also_evaluate:
        raise InvalidRun(
            f"'{spec.data}' is what this run learns from: it is evaluated anyway. "
            "Name other data to evaluate on, or none."
        )
    found = []
    for reference in dict.fromkeys(spec.also_evaluate):
        dataset = load_dataset(reference, uploads=uploads)
        shared = shared_tasks(tasks, dataset)
        names = {task.name for task in shared}
        examples = tuple(each for each in dataset.validation if names & set(each.labels))
        encoded = encode(examples, shared, tokenizer, spec.max_length, max_positions)
        found.append(OtherData(reference, shared, examples, encoded, dict(dataset.digests)))
    return tuple(found)


def shared_tasks(tasks: Sequence[Task], other: Dataset) -> tuple[Task, ...]:
    """Those of `tasks` that the other data have too, by name.

    Raises InvalidRun where there is none, and where one of that name has other labels.
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
                f"({quoted(sorted(theirs.outputs))}) are not those that this run learns "
                f"({quoted(sorted(task.outputs))}), so it cannot be scored there. "
                "Give them the same labels, or evaluate on other data."
            )
    return shared
