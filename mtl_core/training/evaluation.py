"""How well every task does on the validation split, whatever learns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import EncodedExample, word_tags
from mtl_core.tasks.dataset import Example
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.answers import Highest
from mtl_core.training.batches import Batch, collate, like_lengths
from mtl_core.training.events import SentenceScore, TaskScore, TokenScore
from mtl_core.training.losses import (
    Labelled,
    labelled,
    labelled_logits,
    read_positions,
    states_at,
    summed_loss,
)

States = Callable[[Batch, Tensor], Tensor]
"""A batch, positions counted through it -> the last hidden state there: (n,) -> (n, hidden)."""


def all_states(
    model: MultiTaskModel, hidden: Callable[[Tensor, Tensor], Tensor] | None = None
) -> States:
    """States of `hidden`, else of the whole of `model`, computed at every position."""
    run = hidden or model.hidden
    return lambda batch, positions: states_at(run(batch.input_ids, batch.attention_mask), positions)


@dataclass(frozen=True)
class Evaluated:
    """Scores of every task that has examples, and the answers that they follow from."""

    scores: dict[str, TaskScore]
    highest: Highest


def evaluate(
    model: MultiTaskModel,
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
    states: States | None = None,
) -> dict[str, TaskScore]:
    """The scores that `evaluate_whole` gives."""
    return evaluate_whole(model, examples, encoded, tasks, pad_id, states).scores


def evaluate_whole(
    model: MultiTaskModel,
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
    states: States | None = None,
) -> Evaluated:
    """Score every task that has examples. Leaves each module's train or eval mode as it was.

    `states` stands for the backbone where what it gives comes in another way.
    Batches are of like lengths, fixed by the data alone, so a model scores the same at any time.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.inference_mode():
            losses, said = _predict(model, states or all_states(model), encoded, tasks, pad_id)
    finally:
        for module, training in modes.items():
            module.training = training
    scores = {
        task.name: score_task(task, examples, encoded, said[task.name], losses[task.name])
        for task in tasks
        if said[task.name]
    }
    return Evaluated(scores, said)


def _predict(
    model: MultiTaskModel,
    states: States,
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
) -> tuple[dict[str, float | None], dict[str, dict[int, list[int]]]]:
    """Mean loss of each task, and its highest outputs by example, as `Highest`."""
    sums = dict.fromkeys((task.name for task in tasks), 0.0)
    counts = dict.fromkeys((task.name for task in tasks), 0)
    said: dict[str, dict[int, list[int]]] = {task.name: {} for task in tasks}
    for places in like_lengths(encoded):
        batch = collate([encoded[n] for n in places], tasks, pad_id)
        read = labelled([batch], tasks)
        logits = labelled_logits(model, states(batch, read_positions(read)), read)
        for task in read:
            sums[task] += summed_loss(logits[task], read[task]).item()
            counts[task] += len(read[task].labels)
        _collect(said, logits, read, places, encoded)
    means = {name: sums[name] / count if count else None for name, count in counts.items()}
    return means, said


def _collect(
    said: dict[str, dict[int, list[int]]],
    logits: Mapping[str, Tensor],
    read: Mapping[str, Labelled],
    places: Sequence[int],
    encoded: Sequence[EncodedExample],
) -> None:
    longest = max(len(encoded[place].input_ids) for place in places)
    for name, each in read.items():
        for place in places:
            if name in encoded[place].labels:
                said[name][place] = [0] * len(encoded[place].input_ids)
        highest = logits[name].argmax(-1).tolist()
        for position, output in zip(each.positions.tolist(), highest, strict=True):
            row, token = divmod(position, longest)
            said[name][places[row]][token] = output


def score_task(
    task: Task,
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    said: Mapping[int, list[int]],
    loss: float | None,
) -> TaskScore:
    """The score of one task from what was highest, `said`, by place in the split.

    `said` holds an output for each token of the sentence; a sentence task reads the first.
    """
    if task.kind is TaskKind.SENTENCE:
        gold = [encoded[place].labels[task.name] for place in said]
        predicted = [highest[0] for highest in said.values()]
        return SentenceScore(loss=loss, **score_sentences(gold, predicted, task.outputs))  # type: ignore[arg-type]
    tags = [examples[place].labels[task.name] for place in said]
    predicted_tags = [word_tags(encoded[n], highest, task) for n, highest in said.items()]
    return TokenScore(loss=loss, **score_entities(tags, predicted_tags))
