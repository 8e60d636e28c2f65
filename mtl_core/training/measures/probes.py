"""Linear probes: how much of a task the backbone's outputs encode, independent of the head.

A probe is a logistic regression on the backbone's outputs. It is fitted to a few training sentences
and scored on validation sentences like the head.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.batches import collate
from mtl_core.training.evaluation import score_task
from mtl_core.training.measures.lbfgs import minimum

TRAINING_SENTENCES = 48
VALIDATION_SENTENCES = 256
"""A probe uses at most this many of a task's first sentences in each split."""
_BATCH_SIZE = 16

Hidden = Callable[[Tensor, Tensor], Tensor]
"""input_ids, attention_mask -> the last hidden state: (batch, tokens, width)."""

Outputs = Mapping[tuple[int, ...], Tensor]
"""By token ids: the last hidden state, (tokens, width)."""


class OutputRecorder:
    """Records the backbone's outputs for some `sentences` while passes run for another purpose."""

    def __init__(self, sentences: Iterable[tuple[int, ...]]) -> None:
        self._sentences = frozenset(sentences)
        self.outputs: dict[tuple[int, ...], Tensor] = {}

    def recording(self, hidden: Hidden) -> Hidden:
        """Wrap `hidden` so that its outputs are recorded."""

        def recorded(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            states = hidden(input_ids, attention_mask)
            on_cpu = states.detach().cpu()
            for row, length in enumerate(attention_mask.sum(1).tolist()):
                ids = tuple(input_ids[row, :length].tolist())
                if ids in self._sentences:
                    self.outputs[ids] = on_cpu[row, :length].clone()
            return states

        return recorded

    def run(self, hidden: Hidden, examples: Sequence[EncodedExample], pad_id: int) -> None:
        """Run and record these sentences; modules keep their train or eval mode."""
        recorded = self.recording(hidden)
        with torch.inference_mode():
            for start in range(0, len(examples), _BATCH_SIZE):
                batch = collate(examples[start : start + _BATCH_SIZE], (), pad_id)
                recorded(batch.input_ids, batch.attention_mask)


def places_of(examples: Sequence[EncodedExample], task: Task, count: int) -> tuple[int, ...]:
    """Return the indices of the task's first `count` sentences in a split."""
    return tuple(n for n, each in enumerate(examples) if task.name in each.labels)[:count]


def probe_score(
    model: MultiTaskModel,
    task: Task,
    outputs: Outputs,
    training: Sequence[EncodedExample],
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    places: Sequence[int],
) -> float | None:
    """Fit a probe to what the head of `task` reads in `training`; return its headline metric.

    None if it is undefined: an entity F1 on sentences without entities.

    It is scored on the sentences at indices `places` of a split, given as `examples` and `encoded`.
    """
    rows = torch.cat([_rows(model, task, each, outputs[each.input_ids]) for each in training])
    probe = _Probe(rows, [label for each in training for label in _labels(task, each)])
    predicted = {
        n: _predicted(model, task, encoded[n], outputs[encoded[n].input_ids], probe) for n in places
    }
    return score_task(task, examples, encoded, predicted, None).headline


class _Probe:
    """Multinomial logistic regression on standardised outputs: C = 1, 100 iterations at most.

    With two labels it has one logit, with one label it always predicts that label.
    Source: scikit-learn's `LogisticRegression`, whose import would take a second of every run.
    """

    def __init__(self, rows: Tensor, labels: Sequence[int]) -> None:
        self._mean, self._scale = rows.mean(0), rows.std(0, correction=0).clamp_min(1e-6)
        self._labels, classes = torch.unique(torch.tensor(labels), return_inverse=True)
        logits = len(self._labels) if len(self._labels) > 2 else 1
        self._weight = torch.zeros(logits, rows.shape[1], dtype=torch.float64)
        self._bias = torch.zeros(logits, dtype=torch.float64)
        if len(self._labels) > 1:
            self._fit(self._standard(rows), classes)

    def __call__(self, rows: Tensor) -> list[int]:
        """Predict the label of each row."""
        if len(self._labels) == 1:
            return [int(self._labels[0])] * len(rows)
        found: list[int] = self._labels[self._logits(self._standard(rows)).argmax(1)].tolist()
        return found

    def _fit(self, rows: Tensor, classes: Tensor) -> None:
        targets = functional.one_hot(classes, len(self._labels)).double()
        logits, width = self._weight.shape

        def loss_and_gradient(values: Tensor) -> tuple[Tensor, Tensor]:
            self._weight, self._bias = values[:, :width], values[:, width]
            shares = torch.log_softmax(self._logits(rows), 1)
            penalty = self._weight.square().sum() / (2 * len(rows))
            loss = penalty - (shares * targets).sum() / len(rows)
            error = (shares.exp() - targets)[:, -logits:] / len(rows)
            by_weight = error.T @ rows + self._weight / len(rows)
            return loss, torch.cat([by_weight, error.sum(0)[:, None]], 1)

        start = torch.zeros(logits, width + 1, dtype=torch.float64)
        best = minimum(loss_and_gradient, start)
        self._weight, self._bias = best[:, :width], best[:, width]

    def _logits(self, rows: Tensor) -> Tensor:
        found = functional.linear(rows, self._weight, self._bias)
        return functional.pad(found, (1, 0)) if found.shape[1] == 1 else found

    def _standard(self, rows: Tensor) -> Tensor:
        return ((rows - self._mean) / self._scale).double()


def _rows(model: MultiTaskModel, task: Task, example: EncodedExample, hidden: Tensor) -> Tensor:
    """Return what the task's head reads: (labels, width)."""
    if task.kind is TaskKind.TOKEN:
        return hidden[_labelled(task, example)]
    on_device = hidden[None].to(model.head(task).weight.device)
    with torch.no_grad():
        return model.sentence_vectors(on_device, torch.ones(1, len(hidden))).cpu()


def _labels(task: Task, example: EncodedExample) -> list[int]:
    label = example.labels[task.name]
    return [label] if isinstance(label, int) else [label[n] for n in _labelled(task, example)]


def _labelled(task: Task, example: EncodedExample) -> list[int]:
    label = example.labels[task.name]
    found = () if isinstance(label, int) else label
    return [place for place, each in enumerate(found) if each != IGNORED]


def _predicted(
    model: MultiTaskModel, task: Task, example: EncodedExample, hidden: Tensor, probe: _Probe
) -> list[int]:
    """Return one index, or one per token; those of tokens without a label are not used."""
    rows = _rows(model, task, example, hidden)
    found = probe(rows) if len(rows) else []
    if task.kind is TaskKind.SENTENCE:
        return found
    predicted = [0] * len(example.input_ids)
    for place, index in zip(_labelled(task, example), found, strict=True):
        predicted[place] = index
    return predicted
