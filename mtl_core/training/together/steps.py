"""The optimiser steps of several runs at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.training.batches import training_order
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.random_streams import stream_seed
from mtl_core.training.together.heads import HeadGradients, StackedHead, clip
from mtl_core.training.together.member import MemberRun
from mtl_core.training.together.passes import HeadPasses
from mtl_core.training.together.rows import StepRows, TaskRows, labels_in_order, steps_of_epoch


class StackedSteps:
    """Takes the steps of all runs, each with its own order, dropout, labels and rates.

    `training` are the rows of the training examples by task.
    """

    def __init__(self, runs: Sequence[MemberRun], training: Mapping[str, TaskRows]) -> None:
        self._runs = list(runs)
        spec = runs[0].loaded.spec
        self._weights = spec.plan.task_weights
        models = [each.loaded.model for each in runs]
        self.heads = {task.name: StackedHead(task, models) for task in spec.tasks}
        self._passes = {
            task: HeadPasses(rows.outputs, spec.head_dropout) for task, rows in training.items()
        }
        labels = {
            id(each.loaded.training): _labels(each.loaded, training)
            for each in {id(each.loaded.training): each for each in runs}.values()
        }
        self._drawn = [
            _drawn(each.loaded, training, labels[id(each.loaded.training)]) for each in runs
        ]
        self._streams = [
            torch.Generator().manual_seed(stream_seed(each.loaded.spec.seed, "dropout"))
            for each in runs
        ]
        self._weight_decay = torch.tensor([each.loaded.spec.weight_decay for each in runs])
        self._max_norms = torch.tensor([each.loaded.spec.max_grad_norm for each in runs])
        self._norms = _no_norms(self.heads, len(runs))
        self._learning: frozenset[str] = frozenset()

    def enter(self, table: ParameterTable) -> None:
        """Start a phase; heads that it unfreezes begin without moments."""
        learning = learning_tasks(table)
        for task in learning - self._learning:
            self.heads[task].reset()
        self._learning = learning

    def step(self, rates: Sequence[Mapping[str, float]]) -> list[dict[str, float | None]]:
        """Take one step with each run's learning rates by head.

        Returns the losses of each run by task, without those that have no label in its batch.
        """
        drawn = [next(each) for each in self._drawn]
        losses: list[dict[str, float | None]] = [{} for _ in drawn]
        gradients: dict[str, HeadGradients] = {}
        for task, passes in self._passes.items():
            weight = self._weights.get(task, 1.0) if task in self._learning else None
            steps = [each[task] for each in drawn]
            result = passes.run(self.heads[task], steps, self._streams, weight)
            for run, (own, loss) in enumerate(zip(steps, result.losses.tolist(), strict=True)):
                if len(own.rows):
                    losses[run][task] = loss
            if result.gradients is not None:
                gradients[task] = result.gradients
        self._update(gradients, rates)
        return losses

    def select(self, places: Sequence[int]) -> None:
        """Select the runs at these places and drop all others."""
        index = torch.tensor(places, dtype=torch.long)
        for head in self.heads.values():
            head.select(index)
        self._runs = [self._runs[place] for place in places]
        self._drawn = [self._drawn[place] for place in places]
        self._streams = [self._streams[place] for place in places]
        self._weight_decay, self._max_norms = self._weight_decay[index], self._max_norms[index]
        self._norms = {task: (a[index], b[index]) for task, (a, b) in self._norms.items()}

    def write_heads(self) -> None:
        """Copy all heads into the models of their runs, and gradient norms into their measures."""
        for place, run in enumerate(self._runs):
            for task, head in self.heads.items():
                head.write_to(place, run.loaded.model)
                total, steps = (each[place].item() for each in self._norms[task])
                if run.measures.norms is not None:
                    run.measures.norms.add_sum(head.task.head, total, int(steps))
        self._norms = _no_norms(self.heads, len(self._runs))

    def _update(
        self, gradients: Mapping[str, HeadGradients], rates: Sequence[Mapping[str, float]]
    ) -> None:
        """Record the norms of the gradients, clip them and take a step of AdamW."""
        for task, each in gradients.items():
            total, steps = self._norms[task]
            self._norms[task] = total + each.norm, steps + each.active
        clip(gradients, self._max_norms)
        for task, each in gradients.items():
            group = self.heads[task].task.head
            own = torch.tensor([rate[group] for rate in rates], dtype=torch.float64)
            self.heads[task].step(each, own, self._weight_decay)


def learning_tasks(table: ParameterTable) -> frozenset[str]:
    """Return the names of the tasks whose head learns in a phase."""
    learning = {row.group for row in table.rows if row.state is State.TRAINABLE}
    return frozenset(
        task
        for row in table.rows
        if row.role is Role.HEAD and row.group in learning
        for task in row.reached_by
    )


def _no_norms(tasks: Iterable[str], runs: int) -> dict[str, tuple[Tensor, Tensor]]:
    return {task: (torch.zeros(runs), torch.zeros(runs)) for task in tasks}


def _labels(loaded: LoadedRun, training: Mapping[str, TaskRows]) -> dict[str, Tensor]:
    """Return a run's labels by task, in the order of the rows."""
    tasks = {task.name: task for task in loaded.spec.tasks}
    return {
        name: labels_in_order(loaded.training, tasks[name], rows.places)
        for name, rows in training.items()
    }


def _drawn(
    loaded: LoadedRun, training: Mapping[str, TaskRows], labels: Mapping[str, Tensor]
) -> Iterator[dict[str, StepRows]]:
    """Yield the rows of each task in each step without end, in the order of `drawn_batches`."""
    spec, epoch = loaded.spec, 0
    lengths = [len(each.input_ids) for each in loaded.training]
    kinds = [frozenset(each.labels) for each in loaded.training]
    while True:
        order = training_order(spec.seed, epoch, lengths, spec.batch_size, kinds)
        of_task = {
            task: steps_of_epoch(rows, labels[task], order, spec.batch_size)
            for task, rows in training.items()
        }
        for _ in range(loaded.steps_per_epoch):
            yield {task: next(steps) for task, steps in of_task.items()}
        epoch += 1
