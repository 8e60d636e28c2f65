"""Loads a model that a run wrote, or the one it started from, and predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mtl_core.errors import DamagedCheckpoint, InvalidRun, MissingWeights, require_memory
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.load import load_backbone, load_tokenizer
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.stored_tensors import all_tensors
from mtl_core.tasks.alignment import EncodedExample, encode, truncates_left
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import OUTSIDE, spans
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import one_line
from mtl_core.training.batches import batches_by_length, collate
from mtl_core.training.output_folder import require_as_written, written_weights
from mtl_core.training.predictions import (
    Entity,
    ModelSource,
    Prediction,
    Sentence,
    SentenceAnswer,
    TokenAnswer,
)
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import load_start, start_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode, its tokenizer, and the maximum number of sub-words."""

    model: MultiTaskModel
    tokenizer: Any
    max_length: int

    @property
    def size_bytes(self) -> int:
        """Size of the parameters in memory."""
        return sum(each.numel() * each.element_size() for each in self.model.parameters())


def load_predictor(source: ModelSource, access: FileAccess) -> LoadedModel:
    """Load a model. `access` defines whether the checkpoint before training may be read.

    Raises CheckpointError if it is missing, damaged, or not an encoder.
    """
    if source.folder is None:
        return _before_training(source.spec, access)
    return _written(source.spec, source.folder)


def predict(loaded: LoadedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
    """Return the model's answers to each sentence, in order.

    The answer is the highest output, as in the evaluation of a run. Batches have similar lengths.
    """
    model, tasks = loaded.model, loaded.model.tasks
    as_text = [_as_text(sentence) for sentence in sentences]
    as_words = [Example(None, sentence.words, {}) for sentence in sentences]
    encoded = encode([*as_text, *as_words], tasks, loaded.tokenizer, loaded.max_length).examples
    by_ids = {each.input_ids: each for each in encoded}  # text and words often give the same tokens
    pad_id = int(loaded.tokenizer.pad_token_id or 0)
    shares = dict(zip(by_ids, _shares(model, list(by_ids.values()), pad_id), strict=True))
    cut_left = truncates_left(loaded.tokenizer)
    read = zip(sentences, encoded[: len(sentences)], encoded[len(sentences) :], strict=True)
    return tuple(
        Prediction(
            answers={
                task.name: _sentence_answer(task, shares[text.input_ids][task.name])
                if task.kind is TaskKind.SENTENCE
                else _token_answer(task, words, shares[words.input_ids][task.name])
                for task in tasks
            },
            words=len(sentence.words),
            words_read=len(words_read),
            first_read=words_read.start,
        )
        for sentence, text, words in read
        for words_read in [_words_read(words, loaded.max_length, cut_left)]
    )


def _before_training(spec: RunSpec, access: FileAccess) -> LoadedModel:
    if spec.starts_from is not None:
        raise InvalidRun(
            f"This run started from the model of run '{spec.starts_from}': select that run instead."
        )
    checkpoint = resolve_checkpoint(spec.checkpoint, access)
    start = load_start(spec, spec.tasks, checkpoint, start_folder(spec, checkpoint, None))
    model = _model(start.backbone, spec)
    return LoadedModel(model.eval(), load_tokenizer(checkpoint), spec.max_length)


def _written(spec: RunSpec, folder: Path) -> LoadedModel:
    """Load a model that `output_folder.write_model` wrote."""
    if written_weights(folder) is None:
        raise MissingWeights(f"The model is no longer at {folder}. Train the plan again.")
    require_as_written(folder)
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    model = _model(load_backbone(checkpoint), spec)
    try:
        report = model.load_state_dict(all_tensors(folder), strict=False)
    except Exception as error:  # safetensors and torch each raise their own
        require_memory(error)
        raise DamagedCheckpoint(f"{folder} holds another model: {one_line(error)}") from error
    once = dict(model.named_parameters())  # tied tensors are written under their first name
    if missing := [name for name in report.missing_keys if name in once]:
        raise DamagedCheckpoint(
            f"The model in {folder} lacks {len(missing)} tensors, {missing[0]} among them. "
            "Train the plan again."
        )
    return LoadedModel(model.eval(), load_tokenizer(checkpoint), spec.max_length)


def _model(backbone: "PreTrainedModel", spec: RunSpec) -> MultiTaskModel:
    model = MultiTaskModel(backbone, spec.tasks, spec.seed, sentence_vector=spec.sentence_vector)
    model.settle(spec.max_length)
    return model


def _as_text(sentence: Sentence) -> Example:
    if sentence.text is None:
        return Example(None, sentence.words, {})
    return Example(sentence.text, None, {})


def _shares(
    model: MultiTaskModel, encoded: Sequence[EncodedExample], pad_id: int
) -> list[dict[str, Tensor]]:
    """Return the softmax of each task's outputs: (outputs,), or (tokens, outputs)."""
    found: dict[int, dict[str, Tensor]] = {}
    with torch.inference_mode():
        for places in batches_by_length(encoded):
            batch = collate([encoded[n] for n in places], (), pad_id)
            logits = model(batch.input_ids, batch.attention_mask)
            softmax = {name: each.softmax(-1) for name, each in logits.items()}
            for row, place in enumerate(places):
                found[place] = {name: each[row] for name, each in softmax.items()}
    return [found[place] for place in range(len(encoded))]


def _sentence_answer(task: Task, shares: Tensor) -> SentenceAnswer:
    by_label = dict(zip(task.outputs, shares.tolist(), strict=True))
    label = task.outputs[int(shares.argmax())]
    return SentenceAnswer(label=label, confidence=by_label[label], by_label=by_label)


def _token_answer(task: Task, encoded: EncodedExample, shares: Tensor) -> TokenAnswer:
    highest, index = (each.tolist() for each in shares.max(-1))
    places = encoded.first_sub_words
    tags = tuple(OUTSIDE if place is None else task.outputs[index[place]] for place in places)
    confidences = tuple(None if place is None else highest[place] for place in places)
    return TokenAnswer(tags=tags, confidences=confidences, entities=_entities(tags, confidences))


def _entities(tags: Sequence[str], confidences: Sequence[float | None]) -> tuple[Entity, ...]:
    entities = []
    for span in spans(tags):
        known = [each for each in confidences[span.start : span.end] if each is not None]
        mean = sum(known) / len(known)
        entities.append(Entity(start=span.start, end=span.end, type=span.type, confidence=mean))
    return tuple(entities)


def _words_read(encoded: EncodedExample, max_length: int, cut_left: bool) -> range:
    """The words from the first to the last one read; all if the sentence was not truncated.

    `cut_left` is the side of truncation.
    """
    words = len(encoded.first_sub_words)
    if len(encoded.input_ids) < max_length:
        return range(words)
    read = [n for n, place in enumerate(encoded.first_sub_words) if place is not None]
    if not read:
        return range(0)
    return range(read[0], words) if cut_left else range(read[-1] + 1)
