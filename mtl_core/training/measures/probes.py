"""What the backbone knows of a task, whatever its head says: linear probes.

A probe is a logistic regression on the backbone's outputs, fitted to a few training sentences and
scored on validation sentences as the head is. scikit-learn is imported where it fits.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.dataset import Example
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.batches import collate
from mtl_core.training.evaluation import score_task

TRAINING_SENTENCES = 48
VALIDATION_SENTENCES = 256
"""A task's first so many sentences of each split."""
_ITERATIONS = 100
_BATCH_SIZE = 16

Hidden = Callable[[Tensor, Tensor], Tensor]
"""input_ids, attention_mask -> the last hidden state: (batch, tokens, width)."""

Outputs = Mapping[tuple[int, ...], Tensor]
"""By token ids: the last hidden state, (tokens, width)."""


class SeenOutputs:
    """The backbone's outputs for the `wanted` sentences, kept as they pass by.

    They are read off what runs for another purpose, so they cost no pass of their own.
    """

    def __init__(self, wanted: Iterable[tuple[int, ...]]) -> None:
        self._wanted = frozenset(wanted)
        self.outputs: dict[tuple[int, ...], Tensor] = {}

    def through(self, hidden: Hidden) -> Hidden:
        """`hidden`, watched."""

        def watched(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            states = hidden(input_ids, attention_mask)
            kept = states.detach().cpu()
            for row, length in enumerate(attention_mask.sum(1).tolist()):
                ids = tuple(input_ids[row, :length].tolist())
                if ids in self._wanted:
                    self.outputs[ids] = kept[row, :length].clone()
            return states

        return watched

    def run(self, hidden: Hidden, examples: Sequence[EncodedExample], pad_id: int) -> None:
        """Have these sentences pass by; modules run in the mode they are in."""
        watched = self.through(hidden)
        with torch.inference_mode():
            for start in range(0, len(examples), _BATCH_SIZE):
                batch = collate(examples[start : start + _BATCH_SIZE], (), pad_id)
                watched(batch.input_ids, batch.attention_mask)


def places_of(examples: Sequence[EncodedExample], task: Task, count: int) -> tuple[int, ...]:
    """Where the task's first `count` sentences stand in a split."""
    return tuple(n for n, each in enumerate(examples) if task.name in each.labels)[:count]


def probe_score(
    task: Task,
    outputs: Outputs,
    training: Sequence[EncodedExample],
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    places: Sequence[int],
) -> float:
    """The task's headline metric of a probe fitted to `training`.

    It is scored on the sentences at `places` in a split, which is `examples` and `encoded`.
    """
    rows = torch.cat([_rows(task, each, outputs[each.input_ids]) for each in training])
    probe = _Probe(rows, [label for each in training for label in _labels(task, each)])
    said = {n: _said(task, encoded[n], outputs[encoded[n].input_ids], probe) for n in places}
    return score_task(task, examples, encoded, said, None).headline


class _Probe:
    """Multinomial logistic regression on standardised outputs: C = 1, at most 100 rounds of L-BFGS.

    Where the rows bear one label only, it says that one.
    """

    def __init__(self, rows: Tensor, labels: Sequence[int]) -> None:
        from sklearn.linear_model import LogisticRegression

        self._mean, self._scale = rows.mean(0), rows.std(0, correction=0).clamp_min(1e-6)
        self._only = labels[0] if len(set(labels)) == 1 else None
        self._model: Any = LogisticRegression(C=1.0, max_iter=_ITERATIONS)
        if self._only is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it stopped after so many rounds is the rule
                self._model.fit(self._standard(rows), labels)

    def __call__(self, rows: Tensor) -> list[int]:
        """What it says of each row."""
        if self._only is not None:
            return [self._only] * len(rows)
        found: list[int] = self._model.predict(self._standard(rows)).tolist()
        return found

    def _standard(self, rows: Tensor) -> Any:
        return ((rows - self._mean) / self._scale).double().numpy()


def _rows(task: Task, example: EncodedExample, hidden: Tensor) -> Tensor:
    """The outputs that the task's head reads: (labels, width)."""
    return hidden[:1] if task.kind is TaskKind.SENTENCE else hidden[_labelled(task, example)]


def _labels(task: Task, example: EncodedExample) -> list[int]:
    label = example.labels[task.name]
    return [label] if isinstance(label, int) else [label[n] for n in _labelled(task, example)]


def _labelled(task: Task, example: EncodedExample) -> list[int]:
    label = example.labels[task.name]
    found = () if isinstance(label, int) else label
    return [place for place, each in enumerate(found) if each != IGNORED]


def _said(task: Task, example: EncodedExample, hidden: Tensor, probe: _Probe) -> list[int]:
    """One index, or one for each token; those that no word begins with are not read."""
    rows = _rows(task, example, hidden)
    found = probe(rows) if len(rows) else []
    if task.kind is TaskKind.SENTENCE:
        return found
    said = [0] * len(example.input_ids)
    for place, index in zip(_labelled(task, example), found, strict=True):
        said[place] = index
    return said
