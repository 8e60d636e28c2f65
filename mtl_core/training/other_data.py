"""Data that a run is scored on before and after training, without learning from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_core.file_access import FileAccess
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import EncodedSplit, Tokenizer, encode, losses_in_words
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.shared_tasks import judged_sentences, require_other, shared_tasks
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import Evaluated, States, evaluate
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True)
class OtherData:
    """The judged sentences of other data, for the tasks that they share with the run.

    They are those of `judged_sentences`. `tasks` are the run's tasks, so that label indices match
    its heads.
    """

    reference: str
    tasks: tuple[Task, ...]
    examples: tuple[Example, ...]
    encoded: EncodedSplit
    digests: dict[str, str]

    def evaluate(self, model: MultiTaskModel, pad_id: int, states: States) -> Evaluated:
        """Score each task with the model in its current state; `states` runs its backbone."""
        encoded = self.encoded.examples
        return evaluate(model, self.examples, encoded, self.tasks, pad_id, states)

    @property
    def counts(self) -> dict[str, int]:
        """Number of sentences by task."""
        return {
            task.name: sum(task.name in each.labels for each in self.examples)
            for task in self.tasks
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages about entities and words that no prediction can match."""
        return losses_in_words(self.encoded, "the data", f" in {self.reference}")


def load_other_data(
    spec: RunSpec,
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    max_positions: int | None,
    access: FileAccess,
) -> tuple[OtherData, ...]:
    """Load the data that `spec.also_evaluate` names.

    Raises InvalidRun for the run's own data and, as `shared_tasks` does, for data without a common
    task; also the errors of `load_dataset`.
    """
    found = []
    for reference in dict.fromkeys(spec.also_evaluate):
        require_other(spec.data, reference)
        dataset = load_dataset(reference, access)
        shared = shared_tasks(tasks, dataset)
        examples = judged_sentences(dataset, shared)
        encoded = encode(examples, shared, tokenizer, spec.max_length, max_positions)
        found.append(OtherData(reference, shared, examples, encoded, dict(dataset.digests)))
    return tuple(found)
