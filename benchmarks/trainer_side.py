"""A fine-tune with Hugging Face's Trainer, as a script that a user of transformers would write.

    python benchmarks/trainer_side.py JOB.json RESULT.json

It imports nothing of Freeze Lab. One torch module has both heads; batches mix all tasks, and there
is one joint loss. Freezing sets `requires_grad=False`; a gradual plan calls `train()` once a phase.
Batches are padded to their longest sentence. `trainer_job.py` writes the job: the sentences, the
learning rate of each parameter, the steps and the number of evaluations. All else has the defaults
of TrainingArguments, apart from what `_arguments` sets.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score
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

IGNORED = -100
Task = dict[str, Any]
Job = dict[str, Any]


class TwoHeads(nn.Module):
    """A shared encoder with a linear head per task, and their joint loss."""

    def __init__(
        self, encoder: Any, prefix: str, tasks: Sequence[Task], dropout: float, vector: str
    ) -> None:
        super().__init__()
        self.prefix, self.tasks, self.vector = prefix, tuple(tasks), vector
        self.add_module(prefix, encoder)
        self.dropout = nn.Dropout(dropout)
        for task in tasks:
            head = nn.Linear(encoder.config.hidden_size, len(task["outputs"]))
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
            self.add_module(task["head"], head)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, **labels: Tensor
    ) -> dict[str, Tensor]:
        """The joint loss and each task's logits."""
        encoder = self.get_submodule(self.prefix)
        output = encoder(input_ids=input_ids, attention_mask=attention_mask)
        hidden = output.last_hidden_state
        if self.vector == "mean":
            real = attention_mask[..., None]
            sentence = (hidden * real).sum(1) / real.sum(1)
        else:
            sentence = output.pooler_output if self.vector == "pooler" else hidden[:, 0]
        outputs, losses = {}, []
        for task in self.tasks:
            read = self.dropout(sentence if task["kind"] == "sentence" else hidden)
            logits = outputs[task["name"]] = self.get_submodule(task["head"])(read)
            gold = labels[task["name"]].flatten()
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
            labels = [feature.get(task["name"]) for feature in features]
            if task["kind"] == "sentence":
                rows: list[Any] = [IGNORED if each is None else each for each in labels]
            else:
                rows = [[*(each or ()), *[IGNORED] * (length - len(each or ()))] for each in labels]
            found[task["name"]] = torch.tensor(rows)
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


def main() -> None:
    """Fine-tune once; write scores, seconds after the imports, and the number of threads."""
    began = perf_counter()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    scores = fine_tune(job)
    seconds = perf_counter() - began
    result = {"metrics": scores, "inner_seconds": seconds, "threads": torch.get_num_threads()}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


def fine_tune(job: Job) -> dict[str, float]:
    """Train all phases of the job; return the final headline score of each task."""
    set_seed(job["seed"])
    tasks = job["tasks"]
    tokenizer = AutoTokenizer.from_pretrained(job["checkpoint"])
    train, validation = (
        _features(job[split], tasks, tokenizer, job["max_length"])
        for split in ("train", "validation")
    )
    encoder = AutoModel.from_pretrained(job["checkpoint"], dtype=torch.float32)
    model = TwoHeads(encoder, job["prefix"], tasks, job["head_dropout"], job["sentence_vector"])
    steps_before = 0
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as output:
        for phase in job["phases"]:
            steps = phase["steps"]
            arguments = _arguments(job, output, steps)
            trainer = Trainer(
                model=model,
                args=arguments,
                data_collator=Collator(tokenizer, tasks),
                train_dataset=train,
                eval_dataset=validation,
                compute_metrics=lambda prediction: _scores(prediction, tasks),
                preprocess_logits_for_metrics=_highest,
                callbacks=[Evaluating(steps_before, steps, job["steps_per_epoch"])],
                optimizers=_optimizers(model, phase, arguments, job["weight_decay"]),
            )
            if steps_before == 0:
                metrics = trainer.evaluate()
            if phase["rates"]:
                trainer.train()
                logged = [each for each in trainer.state.log_history if "eval_loss" in each]
                metrics = logged[-1]
            steps_before += steps
    return {task["name"]: metrics[f"eval_{task['name']}"] for task in tasks}


def _features(
    sentences: Sequence[dict[str, Any]], tasks: Sequence[Task], tokenizer: Any, max_length: int
) -> list[dict[str, Any]]:
    """Encode texts and words in one batch each; tags lie on each word's first sub-word."""
    found: list[dict[str, Any]] = [{} for _ in sentences]
    for key in ("text", "words"):
        places = [place for place, each in enumerate(sentences) if each[key] is not None]
        if not places:
            continue
        encoded = tokenizer(
            [sentences[place][key] for place in places],
            is_split_into_words=key == "words",
            truncation=True,
            max_length=max_length,
        )
        for row, place in enumerate(places):
            words = encoded.word_ids(row)
            labels = sentences[place]["labels"]
            found[place] = {
                "input_ids": encoded["input_ids"][row],
                "attention_mask": encoded["attention_mask"][row],
                **{
                    task["name"]: _label(task, labels[task["name"]], words)
                    for task in tasks
                    if task["name"] in labels
                },
            }
    return found


def _label(task: Task, label: Any, words: Sequence[int | None]) -> int | list[int]:
    outputs = task["outputs"]
    if task["kind"] == "sentence":
        return int(outputs.index(label))
    before = [None, *words[:-1]]
    return [
        IGNORED if word is None or word == previous else outputs.index(label[word])
        for word, previous in zip(words, before, strict=True)
    ]


def _arguments(job: Job, output: str, steps: int) -> TrainingArguments:
    chosen: dict[str, Any] = {}
    if job["fastest"]:
        chosen = {
            "train_sampling_strategy": "group_by_length",
            "optim": "adamw_torch_fused",
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
        }
    return TrainingArguments(
        output_dir=output,
        max_steps=steps,
        per_device_train_batch_size=job["batch_size"],
        per_device_eval_batch_size=job["evaluation_batch_size"],
        max_grad_norm=job["max_grad_norm"],
        eval_strategy="no",  # the callback evaluates
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        remove_unused_columns=False,  # the labels have the names of the tasks
        label_names=[task["name"] for task in job["tasks"]],
        use_cpu=True,
        bf16=job["bf16"],
        seed=job["seed"],
        **chosen,
    )


def _optimizers(
    model: nn.Module, phase: dict[str, Any], arguments: TrainingArguments, weight_decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """Freeze what this phase does not train; return Trainer's optimizer with the plan's rates."""
    rates, frozen = phase["rates"], set(phase["frozen"])
    without_decay = set(phase["without_decay"])
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name not in frozen
        parameter.grad = None
        if name in rates:
            decay = 0.0 if name in without_decay else weight_decay
            groups.setdefault((rates[name], decay), []).append(parameter)
    chosen, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
    optimizer = chosen(
        [
            {"params": members, "lr": rate, "weight_decay": decay}
            for (rate, decay), members in groups.items()
        ]
        or [{"params": [nn.Parameter(torch.zeros(1))]}],
        **options,
    )
    factors = phase["rate_factors"]
    factor = lambda done: factors[min(done, len(factors) - 1)]  # noqa: E731
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _highest(logits: Any, _labels: Any) -> tuple[Tensor, ...]:
    """Reduce logits to predicted labels; otherwise Trainer keeps the logits of the whole split."""
    return tuple(each.argmax(-1) for each in logits)


def _scores(prediction: EvalPrediction, tasks: Sequence[Task]) -> dict[str, float]:
    """Accuracy and macro F1 of sentence tasks; entity F1 by seqeval (strict IOB2)."""
    scores = {}
    for task, predicted, gold in zip(
        tasks, prediction.predictions, prediction.label_ids, strict=True
    ):
        labelled = gold != IGNORED
        if task["kind"] == "sentence":
            gold, predicted = gold[labelled], predicted[labelled]
            scores[task["name"]] = float(accuracy_score(gold, predicted))
            scores[f"{task['name']}_macro_f1"] = float(f1_score(gold, predicted, average="macro"))
            continue
        gold_tags, predicted_tags = (
            [
                [task["outputs"][n] for n in row[mask]]
                for row, mask in zip(which, labelled, strict=True)
                if mask.any()
            ]
            for which in (gold, predicted)
        )
        if not any(tag.startswith("B-") for tag in task["outputs"]):
            gold_tags, predicted_tags = (
                [*map(_iob2, each)] for each in (gold_tags, predicted_tags)
            )
        _, _, entity_f1, _ = precision_recall_fscore_support(
            gold_tags, predicted_tags, average="micro", scheme=IOB2, zero_division=0
        )
        scores[task["name"]] = float(entity_f1)
    return scores


def _iob2(tags: Sequence[str]) -> list[str]:
    """Convert tags in IO: consecutive words of one type are one entity."""
    before = ["O", *tags[:-1]]
    return [
        tag if tag == "O" else f"{'I' if tag == previous else 'B'}-{tag.removeprefix('I-')}"
        for tag, previous in zip(tags, before, strict=True)
    ]


if __name__ == "__main__":
    main()
