"""Writes the input of `trainer_side.py`: a run of Freeze Lab in terms that need no Freeze Lab.

The sentences are those that Freeze Lab selects, in the same order. Parameters have their names in
the checkpoint, so the script can freeze them and group them by learning rate.
"""

from typing import Any

from benchmarks.run_request import RunRequest, build_spec
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.example import Example
from mtl_core.training.phases import phase_steps, steps_per_epoch
from mtl_core.training.schedule import rate_factor

_EVALUATION_BATCH = 32  # sentences; Freeze Lab fills its batches up to 512 tokens


def trainer_job(request: RunRequest, fastest: bool) -> dict[str, Any]:
    """Describe the run as JSON values; `fastest` also changes defaults of TrainingArguments."""
    spec = build_spec(request)
    checkpoint = resolve_checkpoint(request.checkpoint, ANY_FILE)
    assert checkpoint.entry is not None
    backbone = read_description(shipped_description(checkpoint.entry))
    data = load_dataset(spec.data, ANY_FILE, spec.examples)
    model = ModelDescription(backbone, data.tasks, spec.sentence_vector)
    tables = parameter_tables(spec.plan, model)
    per_epoch = steps_per_epoch(len(data.train), spec.batch_size)
    flat = {tensor.name for tensor in backbone.tensors if tensor.bias or tensor.layernorm}
    return {
        "checkpoint": str(require_weights(checkpoint)),
        "prefix": backbone.prefix,
        "tasks": [task.model_dump(mode="json") for task in data.tasks],
        "train": [_sentence(each) for each in data.train],
        "validation": [_sentence(each) for each in data.validation],
        "max_length": spec.max_length,
        "batch_size": spec.batch_size,
        "evaluation_batch_size": _EVALUATION_BATCH,
        "steps_per_epoch": per_epoch,
        "phases": [
            _phase(table, steps, flat)
            for table, steps in zip(tables, phase_steps(spec, per_epoch), strict=True)
        ],
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "head_dropout": spec.head_dropout,
        "sentence_vector": spec.sentence_vector,
        "seed": spec.seed,
        "bf16": spec.precision == "bfloat16",
        "fastest": fastest,
    }


def _sentence(example: Example) -> dict[str, Any]:
    return {"text": example.text, "words": example.words, "labels": dict(example.labels)}


def _phase(table: ParameterTable, steps: int, flat: set[str]) -> dict[str, Any]:
    """The steps of a phase, its schedule, and the learning rate of each trained parameter."""
    trained = [row for row in table.rows if row.state is State.TRAINABLE]
    return {
        "steps": steps,
        "rate_factors": [rate_factor(table.plan.schedule, n + 1, steps) for n in range(steps)],
        "rates": {row.name: row.learning_rate for row in trained},
        "without_decay": [
            row.name for row in trained if row.name in flat or row.name.endswith(".bias")
        ],
        "frozen": [row.name for row in table.rows if row.state is State.FROZEN],
    }
