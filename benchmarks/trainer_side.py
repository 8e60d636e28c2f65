"""The same fine-tune, written with Hugging Face's Trainer.

One torch module has both heads; batches mix all tasks, and there is one joint loss. Trainer gets
its fastest options: padding by batch, grouping by length, fused AdamW, no checkpoints, no reports,
no worker processes. Freezing sets `requires_grad=False`; a gradual plan calls `train()` once a
phase. Checkpoint, data, tokenization, trained tensors, rates and schedule come from the run spec.
"""

import tempfile
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import torch
from sklearn.metrics import accuracy_score
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoModel,
    AutoTokenizer,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from benchmarks.run_request import RunRequest, build_spec
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.settings import ANY_FILE
from mtl_core.tasks.alignment import IGNORED, EncodedExample, encode
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.scoring import score_entities
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.phases import phase_steps, steps_per_epoch
from mtl_core.training.schedule import rate_factor
from mtl_core.training.spec import RunSpec

_EVALUATION_BATCH = 32  # as on Freeze Lab's side


class TwoHeads(nn.Module):
    """A shared encoder with a linear head per task, and their joint loss."""

    def __init__(self, encoder: Any, prefix: str, tasks: Sequence[Task], dropout: float) -> None:
        super().__init__()
        self.prefix, self.tasks = prefix, tuple(tasks)
        self.add_module(prefix, encoder)
        self.dropout = nn.Dropout(dropout)
        for task in tasks:
            head = nn.Linear(encoder.config.hidden_size, len(task.outputs))
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
            self.add_module(task.head, head)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, **labels: Tensor
    ) -> dict[str, Tensor]:
        """The joint loss and each task's logits."""
        encoder = self.get_submodule(self.prefix)
        hidden = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        hidden = self.dropout(hidden)
        outputs, losses = {}, []
        for task in self.tasks:
            read = hidden[:, 0] if task.kind is TaskKind.SENTENCE else hidden
            logits = outputs[task.name] = self.get_submodule(task.head)(read)
            gold = labels[task.name].flatten()
            if (gold != IGNORED).any():
                losses.append(
                    functional.cross_entropy(logits.flatten(0, -2), gold, ignore_index=IGNORED)
                )
        return {"loss": torch.stack(losses).sum(), **outputs}


class Collator:
    """Pads the examples of all tasks to the longest one in the batch."""

    def __init__(self, tokenizer: Any, tasks: Sequence[Task]) -> None:
        self.tokenizer, self.tasks = tokenizer, tuple(tasks)

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Build a batch of tensors; labels are -100 where an example has none for a task."""
        names = ("input_ids", "attention_mask")
        batch = self.tokenizer.pad([{n: f[n] for n in names} for f in features])
        length = len(batch["input_ids"][0])
        found = {name: torch.tensor(batch[name]) for name in names}
        for task in self.tasks:
            labels = [feature.get(task.name) for feature in features]
            if task.kind is TaskKind.SENTENCE:
                rows: list[Any] = [IGNORED if each is None else each for each in labels]
            else:
                rows = [[*(each or ()), *[IGNORED] * (length - len(each or ()))] for each in labels]
            found[task.name] = torch.tensor(rows)
        return found


class Evaluating(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Evaluates at the end of each epoch of the run and of each phase, as Freeze Lab does."""

    def __init__(self, steps_before: int, steps: int, per_epoch: int) -> None:
        self.steps_before, self.steps, self.per_epoch = steps_before, steps, per_epoch

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Request an evaluation after the last step of an epoch or a phase."""
        done = self.steps_before + state.global_step
        control.should_evaluate = state.global_step == self.steps or done % self.per_epoch == 0
        return control


def run_trainer(request: RunRequest) -> dict[str, Any]:
    """Fine-tune once with Trainer; return seconds and final scores."""
    began = perf_counter()
    spec = build_spec(request)
    set_seed(request.seed)
    checkpoint = resolve_checkpoint(request.checkpoint, ANY_FILE)
    folder = require_weights(checkpoint)
    assert checkpoint.entry is not None
    backbone = read_description(shipped_description(checkpoint.entry))
    dataset = load_dataset(spec.data, ANY_FILE, spec.examples)
    tasks = dataset.tasks
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    train, validation = (
        [_features(each) for each in encode(split, tasks, tokenizer, spec.max_length).examples]
        for split in (dataset.train, dataset.validation)
    )
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32)
    model = TwoHeads(encoder, backbone.prefix, tasks, spec.head_dropout)
    tables = parameter_tables(spec.plan, ModelDescription(backbone, tasks))
    per_epoch = steps_per_epoch(len(train), spec.batch_size)
    steps_before = 0
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as output:
        for table, steps in zip(tables, phase_steps(spec, per_epoch), strict=True):
            trainer = Trainer(
                model=model,
                args=_arguments(spec, output, steps, tasks),
                data_collator=Collator(tokenizer, tasks),
                train_dataset=train,
                eval_dataset=validation,
                compute_metrics=lambda prediction: _scores(prediction, tasks),
                preprocess_logits_for_metrics=_highest,
                callbacks=[Evaluating(steps_before, steps, per_epoch)],
                optimizers=_optimizers(model, table, backbone, steps, spec.weight_decay),
            )
            if steps_before == 0:
                metrics = trainer.evaluate()
            if table.totals.trainable:
                trainer.train()
                logged = [each for each in trainer.state.log_history if "eval_loss" in each]
                metrics = logged[-1]
            steps_before += steps
    scores = {task.name: metrics[f"eval_{task.name}"] for task in tasks}
    return {"seconds": perf_counter() - began, "metrics": scores}


def _features(example: EncodedExample) -> dict[str, Any]:
    ids = list(example.input_ids)
    labels = {
        name: label if isinstance(label, int) else list(label)
        for name, label in example.labels.items()
    }
    return {"input_ids": ids, "attention_mask": [1] * len(ids), **labels}


def _arguments(spec: RunSpec, output: str, steps: int, tasks: Sequence[Task]) -> TrainingArguments:
    return TrainingArguments(
        output_dir=output,
        max_steps=steps,
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=_EVALUATION_BATCH,
        train_sampling_strategy="group_by_length",
        max_grad_norm=spec.max_grad_norm,
        eval_strategy="no",  # the callback evaluates
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=[task.name for task in tasks],
        use_cpu=True,
        seed=spec.seed,
    )


def _optimizers(
    model: nn.Module, table: ParameterTable, backbone: Any, steps: int, weight_decay: float
) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.LambdaLR]:
    """Freeze what this phase does not train; return its optimizer and learning rate schedule."""
    flat = {tensor.name for tensor in backbone.tensors if tensor.bias or tensor.layernorm}
    rows = {row.name: row for row in table.rows}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        row = rows[name]
        parameter.requires_grad = row.state is not State.FROZEN
        parameter.grad = None
        if row.state is State.TRAINABLE:
            decay = 0.0 if name in flat or name.endswith(".bias") else weight_decay
            groups.setdefault((row.learning_rate or 0.0, decay), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [
            {"params": members, "lr": rate, "weight_decay": decay}
            for (rate, decay), members in groups.items()
        ]
        or [{"params": [nn.Parameter(torch.zeros(1))]}],
        fused=True,
    )
    factor = lambda done: rate_factor(table.plan.schedule, min(done + 1, steps), steps)  # noqa: E731
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _highest(logits: Any, _labels: Any) -> tuple[Tensor, ...]:
    """Reduce logits to predicted labels; otherwise Trainer keeps the logits of the whole split."""
    return tuple(each.argmax(-1) for each in logits)


def _scores(prediction: EvalPrediction, tasks: Sequence[Task]) -> dict[str, float]:
    """Accuracy of sentence tasks, and entity F1 (seqeval, strict IOB2, first sub-words)."""
    scores = {}
    for task, predicted, gold in zip(
        tasks, prediction.predictions, prediction.label_ids, strict=True
    ):
        labelled = gold != IGNORED
        if task.kind is TaskKind.SENTENCE:
            scores[task.name] = float(accuracy_score(gold[labelled], predicted[labelled]))
            continue
        gold_tags, predicted_tags = (
            [
                [task.outputs[n] for n in row[mask]]
                for row, mask in zip(which, labelled, strict=True)
            ]
            for which in (gold, predicted)
        )
        scores[task.name] = score_entities(gold_tags, predicted_tags)["entity_f1"]
    return scores
