"""Scores of every task on one split, and the predictions that they follow from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import EncodedExample, word_tags
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.batches import Batch, batches_by_length, collate
from mtl_core.training.events import Answers, SentenceScore, TaskScore, TokenScore
from mtl_core.training.losses import (
    Labelled,
    head_inputs,
    labelled,
    labelled_logits,
    read_positions,
    states_at,
    summed_loss,
)

States = Callable[[Batch, Tensor], Tensor]
"""A batch and positions counted through it -> the last hidden state there: (n,) -> (n, hidden)."""

Predicted = Mapping[str, Mapping[int, Sequence[int]]]
"""By task and by index in the split, the highest output at each token.

It is set at tokens with a label (the first token for a sentence task) and 0 at all others.
"""


def all_states(
    model: MultiTaskModel, hidden: Callable[[Tensor, Tensor], Tensor] | None = None
) -> States:
    """States computed at every position by `hidden`, by default with the whole of `model`."""
    run = hidden or model.hidden
    return lambda batch, positions: states_at(run(batch.input_ids, batch.attention_mask), positions)


@dataclass(frozen=True)
class ReadBatch:
    """A batch of an evaluation, as the heads read it.

    `places` are, for each sentence of the batch, the indices of its examples in the split. `inputs`
    are those of `head_inputs`.
    """

    places: Sequence[Sequence[int]]
    read: Mapping[str, Labelled]
    inputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class Evaluated:
    """Scores of every task that has examples, and the predictions that they follow from."""

    scores: dict[str, TaskScore]
    predicted: Predicted


def evaluate(
    model: MultiTaskModel,
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
    states: States | None = None,
    batches: Iterable[ReadBatch] | None = None,
) -> Evaluated:
    """Score every task that has examples. The train or eval mode of each module is restored.

    `states` computes the hidden states; None: the whole of `model` does. `batches` are those of
    `read_batches`, if they are known. They depend on the data alone, so a model gets the same
    scores at any time.
    """
    if batches is None:
        batches = read_batches(model, encoded, tasks, pad_id, states or all_states(model))
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.inference_mode():
            losses, predicted = _predict(model, batches, encoded, tasks)
    finally:
        for module, training in modes.items():
            module.training = training
    scores = {
        task.name: score_task(task, examples, encoded, predicted[task.name], losses[task.name])
        for task in tasks
        if predicted[task.name]
    }
    return Evaluated(scores, predicted)


def answers(
    predicted: Predicted,
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    step: int,
    elapsed_seconds: float,
    split: str,
) -> Answers:
    """Build the event with the predictions for every sentence of a split, `encoded`, in order."""
    places = {task.name: tuple(sorted(predicted[task.name])) for task in tasks}
    return Answers(
        elapsed_seconds=elapsed_seconds,
        step=step,
        split=split,
        places=places,
        answers={
            task.name: tuple(
                _answer(task, encoded[place], predicted[task.name][place])
                for place in places[task.name]
            )
            for task in tasks
        },
    )


def score_task(
    task: Task,
    examples: Sequence[Example],
    encoded: Sequence[EncodedExample],
    predicted: Mapping[int, Sequence[int]],
    loss: float | None,
) -> TaskScore:
    """Score one task from its predictions by index in the split.

    Each prediction holds an output per token of the sentence; a sentence task uses the first.
    """
    if task.kind is TaskKind.SENTENCE:
        gold = [encoded[place].labels[task.name] for place in predicted]
        labels = [outputs[0] for outputs in predicted.values()]
        return SentenceScore(loss=loss, **score_sentences(gold, labels, task.outputs))  # type: ignore[arg-type]
    tags = [examples[place].labels[task.name] for place in predicted]
    predicted_tags = [word_tags(encoded[n], outputs, task) for n, outputs in predicted.items()]
    return TokenScore(loss=loss, **score_entities(tags, predicted_tags))


def read_batches(
    model: MultiTaskModel,
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    pad_id: int,
    states: States,
) -> Iterator[ReadBatch]:
    """Yield the batches of an evaluation. `states` computes the hidden states of each.

    A sentence that two tasks label, each in a file of its own, is in one pass for both.
    """
    sentences = _joined(encoded)
    for numbers in batches_by_length([each for each, _ in sentences]):
        batch = collate([sentences[n][0] for n in numbers], tasks, pad_id)
        places = [sentences[n][1] for n in numbers]
        read = labelled([batch], tasks, model.sentence_vector)
        with torch.inference_mode():
            inputs = head_inputs(model, states(batch, read_positions(read)), read)
        yield ReadBatch(places, read, inputs)


def _joined(encoded: Sequence[EncodedExample]) -> list[tuple[EncodedExample, list[int]]]:
    """Join examples with equal tokens and different tasks; with each, the indices of its parts."""
    joined: list[tuple[EncodedExample, list[int]]] = []
    last: dict[tuple[int, ...], int] = {}  # the latest sentence with these tokens
    for place, example in enumerate(encoded):
        number = last.get(example.input_ids)
        if number is not None and joined[number][0].labels.keys().isdisjoint(example.labels):
            first, places = joined[number]
            labels = {**first.labels, **example.labels}
            joined[number] = replace(first, labels=labels), [*places, place]
        else:
            last[example.input_ids] = len(joined)
            joined.append((example, [place]))
    return joined


def _predict(
    model: MultiTaskModel,
    batches: Iterable[ReadBatch],
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
) -> tuple[dict[str, float | None], dict[str, dict[int, list[int]]]]:
    """Compute the mean loss of each task and its predictions."""
    sums = dict.fromkeys((task.name for task in tasks), 0.0)
    counts = dict.fromkeys((task.name for task in tasks), 0)
    predicted: dict[str, dict[int, list[int]]] = {task.name: {} for task in tasks}
    for batch in batches:
        logits = labelled_logits(model, batch.inputs)
        for task, read in batch.read.items():
            sums[task] += summed_loss(logits[task], read).item()
            counts[task] += len(read.labels)
        _collect(predicted, logits, batch.read, batch.places, encoded)
    means = {name: sums[name] / count if count else None for name, count in counts.items()}
    return means, predicted


def _collect(
    predicted: dict[str, dict[int, list[int]]],
    logits: Mapping[str, Tensor],
    read: Mapping[str, Labelled],
    places: Sequence[Sequence[int]],
    encoded: Sequence[EncodedExample],
) -> None:
    """Write the highest outputs of one batch into `predicted`."""
    longest = max(len(encoded[first].input_ids) for first, *_ in places)
    for name, each in read.items():
        of_row: dict[int, list[int]] = {}
        for row, examples in enumerate(places):
            for place in examples:
                if name in encoded[place].labels:
                    of_row[row] = predicted[name][place] = [0] * len(encoded[place].input_ids)
        highest = logits[name].argmax(-1).tolist()
        for position, output in zip(each.first_positions.tolist(), highest, strict=True):
            row, token = divmod(position, longest)
            of_row[row][token] = output


def _answer(task: Task, encoded: EncodedExample, predicted: Sequence[int]) -> int | tuple[int, ...]:
    """Return one index, or one per word up to the last word that was not cut off.

    A word for which the tokenizer produced no token is scored as `O`.
    """
    if task.kind is TaskKind.SENTENCE:
        return predicted[0]
    firsts = list(encoded.first_sub_words)
    while firsts and firsts[-1] is None:
        firsts.pop()
    outside = task.outputs.index(OUTSIDE)
    return tuple(outside if first is None else predicted[first] for first in firsts)
