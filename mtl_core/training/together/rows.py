"""The outputs of the frozen backbone that heads read: one row for each label of a split."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import batches_by_length, collate
from mtl_core.training.evaluation import States
from mtl_core.training.losses import head_inputs, labelled, read_positions


@dataclass(frozen=True)
class TaskRows:
    """The rows of one task, sentence by sentence in the order `places`.

    `outputs`: (n, hidden). `labels`: (n,). `tokens` is each row's token in its sentence, (n,).
    For each example of the split, `first` is its first row and `counts` the number of its rows:
    both (examples,), 0 for an example without the task.
    """

    outputs: Tensor
    labels: Tensor
    tokens: Tensor
    places: tuple[int, ...]
    first: Tensor
    counts: Tensor


def count_rows(examples: Sequence[EncodedExample], tasks: Sequence[Task]) -> int:
    """Return the number of labels of all tasks."""
    return sum(len(_labels(each, task)) for each in examples for task in tasks)


def labels_in_order(
    examples: Sequence[EncodedExample], task: Task, places: Sequence[int]
) -> Tensor:
    """Return the labels of the examples at `places`, one for each row: (n,)."""
    found = (label for place in places for _, label in _labels(examples[place], task))
    return torch.tensor(list(found), dtype=torch.long)


def collect_rows(
    model: MultiTaskModel,
    examples: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
    states: States,
    between: Callable[[], None],
) -> dict[str, TaskRows]:
    """Collect what the heads of `model` read, in the batches of an evaluation.

    `states` returns the outputs at the positions of a batch; `between` is called before each batch.
    """
    order: dict[str, list[int]] = {task.name: [] for task in tasks}
    found: dict[str, Tensor] = {}
    filled = dict.fromkeys(order, 0)
    sizes = {task.name: count_rows(examples, (task,)) for task in tasks}
    for places in batches_by_length(examples):
        between()
        batch = collate([examples[n] for n in places], tasks, pad_id)
        read = labelled([batch], tasks, model.sentence_vector)
        with torch.inference_mode():
            inputs = head_inputs(model, states(batch, read_positions(read)), read)
        for task, part in inputs.items():
            if task not in found:
                found[task] = torch.empty(sizes[task], part.shape[1])
            found[task][filled[task] : filled[task] + len(part)] = part
            filled[task] += len(part)
        for task in order:
            order[task] += [n for n in places if task in examples[n].labels]
    return {
        task.name: _task_rows(examples, task, order[task.name], found[task.name])
        for task in tasks
        if task.name in found
    }


def _task_rows(
    examples: Sequence[EncodedExample], task: Task, places: Sequence[int], outputs: Tensor
) -> TaskRows:
    rows = [_labels(examples[place], task) for place in places]
    counts = torch.zeros(len(examples), dtype=torch.long)
    first = torch.zeros(len(examples), dtype=torch.long)
    sizes = torch.tensor([len(each) for each in rows])
    counts[list(places)] = sizes
    first[list(places)] = sizes.cumsum(0) - sizes
    tokens, labels = zip(*chain.from_iterable(rows), strict=True)
    return TaskRows(
        outputs, torch.tensor(labels), torch.tensor(tokens), tuple(places), first, counts
    )


def _labels(example: EncodedExample, task: Task) -> list[tuple[int, int]]:
    """Return the labels of one example with their tokens: [(token, label)]."""
    label = example.labels.get(task.name, IGNORED)
    several = (label,) if isinstance(label, int) else label
    return [(token, each) for token, each in enumerate(several) if each != IGNORED]


@dataclass(frozen=True)
class StepRows:
    """The rows that one run reads in one step, and their labels: both (n,)."""

    rows: Tensor
    labels: Tensor


def steps_of_epoch(
    rows: TaskRows, labels: Tensor, order: Sequence[int], batch_size: int
) -> Iterator[StepRows]:
    """Yield one task's rows in each step of an epoch.

    `order` are the indices of the epoch's examples, `labels` the run's labels in the order of the
    rows.
    """
    examples = torch.tensor(order)
    counts = rows.counts[examples]
    ends = counts.cumsum(0)
    offsets = rows.first[examples] - (ends - counts)
    index = torch.repeat_interleave(offsets, counts) + torch.arange(int(ends[-1]))
    own = labels[index]
    start = 0
    for last in range(batch_size, len(order) + batch_size, batch_size):
        end = int(ends[min(last, len(order)) - 1])
        yield StepRows(index[start:end], own[start:end])
        start = end
