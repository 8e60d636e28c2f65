"""Every text encoder of the installed transformers, beside plain transformers.

    python benchmarks/architectures.py [KIND …] [--results FILE]

For each model type a tiny encoder with random weights is compared with transformers alone, which
runs one sentence at a time: the losses of a training step without dropout, the losses of an
evaluation, the probabilities and tags of predictions. A type that Freeze Lab refuses is listed with
the reason. Results are appended to FILE, and types that it contains are not run again. Writes the
table of docs/architectures.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import Tensor
from torch.nn import functional

from mtl_core.errors import CheckpointError, PlanError, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.models.architecture import quiet_transformers
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.dataset import load_tasks
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import one_line
from mtl_core.training.evaluation import evaluate
from mtl_core.training.gradients import accumulate_gradients, split_by_length
from mtl_core.training.loaded_run import LoadedRun, load_run
from mtl_core.training.predicting import LoadedModel, predict
from mtl_core.training.predictions import Prediction, Sentence, SentenceAnswer
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "architectures.md"
MAX_PARAMETERS = 20_000_000
"""Largest model that is built; one of several modalities has parts that SIZES do not shrink."""

_NOT_COMPARED = "Not compared"

LIMIT = 1e-6
"""Largest accepted difference of a loss or a probability."""

SIZES: dict[str, Any] = {
    "vocab_size": 30_522,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
    "pad_token_id": 0,
    "bos_token_id": 101,
    "eos_token_id": 102,
}
OWN_SIZES: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "big_bird": {"sep_token_id": 102},
    "canine": {"num_hash_functions": 2, "num_hash_buckets": 64},
    "convbert": {"embedding_size": 32},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
    | {"conv_kernel_size": 3, "conv_act": "gelu", "norm_rel_ebd": "layer_norm"},
    "distilbert": {"hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "esm": {"mask_token_id": 103},
    "funnel": {
        "d_model": 32,
        "n_head": 2,
        "d_head": 16,
        "d_inner": 48,
        "block_sizes": [2],
        "block_repeats": [1],
    },
    "flaubert": {"emb_dim": 32, "n_layers": 2, "n_heads": 2},
    "ibert": {"quant_mode": False},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8, "visual_embed": False},
    "lilt": {"hidden_size": 48},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 16},
    "longformer": {"attention_window": 8},
    "mobilebert": {"embedding_size": 16, "true_hidden_size": 16, "intra_bottleneck_size": 16},
    "modernbert": {"cls_token_id": 101, "sep_token_id": 102, "local_attention": 8}
    | {"global_attn_every_n_layers": 2},
    "molmo2_text": {"num_key_value_heads": 2, "head_dim": 16},
    "neomme": {"num_key_value_heads": 2},
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 16},
    "roc_bert": {"shape_vocab_size": 50, "pronunciation_vocab_size": 50},
    "squeezebert": {"embedding_size": 32}
    | dict.fromkeys(("q_groups", "k_groups", "v_groups", "post_attention_groups"), 1)
    | dict.fromkeys(("intermediate_groups", "output_groups"), 1),
    "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 2},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48},
}
_ONLY_OWN = ("funnel", "xlnet")
"""Types whose configuration rejects the common names of sizes."""

MORE = ("bert-generation", "xlnet", "gpt2")
"""Types that transformers lists for no task of an encoder; gpt2 is a decoder for comparison."""


@dataclass(frozen=True)
class Compared:
    """Differences from plain transformers, or why the architecture is refused.

    The differences are the largest ones of a task: of the loss of a step, of the loss of an
    evaluation, of a probability. `tags` counts the answers of predictions that differ from those
    of the evaluation. `notes` are those of the run about the architecture.
    """

    kind: str
    training: float | None = None
    evaluation: float | None = None
    prediction: float | None = None
    tags: int | None = None
    packs: bool | None = None
    note: str = ""
    refused: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all differences are below LIMIT and predictions answer as evaluations do."""
        found = (self.training, self.evaluation, self.prediction)
        return self.tags == 0 and all(each is not None and each <= LIMIT for each in found)


def text_encoder_types() -> tuple[str, ...]:
    """Return the model types that transformers lists for the tasks of a text encoder."""
    from transformers.models.auto import modeling_auto as auto

    tagging = auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES.keys()
    return tuple(
        sorted(
            {
                *auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES,
                *auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
                *(tagging - auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.keys()),
                *MORE,
            }
        )
    )


def compare(kind: str, checkpoint: Path, data: str, examples: Mapping[str, int] | None) -> Compared:
    """Compare a checkpoint on disk with plain transformers on up to `examples` sentences a task."""
    try:
        description = describe(resolve_checkpoint(str(checkpoint), ANY_FILE))
        plan = Plan(name="full", phases=(Phase(name="all", train=("all",)),))
        spec = RunSpec(
            checkpoint=str(checkpoint),
            plan=plan,
            tasks=load_tasks(data, ANY_FILE),
            data=data,
            examples=dict(examples or {}),
            max_length=48,
            epochs=1.0,
            batch_size=8,
        )
        loaded = load_run(spec)
    except (CheckpointError, PlanError) as error:
        return Compared(kind, refused=one_line(error))
    loaded.model.eval()  # no dropout
    reused = ReusedPrefix(loaded)
    alone = _plain(loaded, checkpoint)
    training = accumulate_gradients(
        loaded,
        reused,
        split_by_length(loaded.training, spec.tasks, loaded.pad_id, packed=reused.packs),
    )
    found = evaluate(
        loaded.model,
        loaded.dataset.validation,
        loaded.validation.examples,
        spec.tasks,
        loaded.pad_id,
        reused.states_at,
    )
    predictions = _predicted(loaded)
    scores = {task: score.loss for task, score in found.scores.items()}
    about = f"'{description.architecture}'"
    return Compared(
        kind,
        training=_apart(training, alone.losses(loaded.training)),
        evaluation=_apart(scores, alone.losses(loaded.validation.examples)),
        prediction=alone.largest_difference(loaded, predictions),
        tags=_other_answers(loaded, found.predicted, predictions),
        packs=reused.packs,
        note=" ".join(each for each in loaded.notes if each.startswith(about)),
    )


class _Plain:
    """transformers' own model with the heads of a run; runs one sentence at a time."""

    def __init__(self, backbone: "PreTrainedModel", loaded: LoadedRun) -> None:
        self._backbone, self._model = backbone, loaded.model
        self._tasks = loaded.spec.tasks

    @torch.no_grad()
    def logits(self, task: Task, ids: Sequence[int]) -> Tensor:
        """Logits of one sentence: (1, outputs), or (tokens, outputs)."""
        given = torch.tensor([ids])
        output = self._backbone(input_ids=given, attention_mask=torch.ones_like(given))
        hidden = output.last_hidden_state[0]
        read = hidden[:1] if task.kind is TaskKind.SENTENCE else hidden
        found: Tensor = self._model.head(task)(read)
        return found

    def losses(self, examples: Sequence[EncodedExample]) -> dict[str, float]:
        """Mean loss of each task over all its labels."""
        found = {}
        for task in self._tasks:
            own = [each for each in examples if task.name in each.labels]
            logits = torch.cat([self.logits(task, each.input_ids) for each in own])
            labels = torch.tensor([label for each in own for label in _labels(task, each)])
            found[task.name] = functional.cross_entropy(logits, labels, ignore_index=IGNORED).item()
        return found

    def largest_difference(self, loaded: LoadedRun, predictions: Sequence[Prediction]) -> float:
        """Largest difference of a confidence in predictions for the validation sentences."""
        apart = 0.0
        encoded = loaded.validation.examples
        for example, prediction in zip(encoded, predictions, strict=True):
            for task in self._tasks:
                if task.name not in example.labels:
                    continue
                shares = self.logits(task, example.input_ids).softmax(-1)
                answer = prediction.answers[task.name]
                if isinstance(answer, SentenceAnswer):
                    found = [answer.by_label[output] for output in task.outputs]
                    apart = max(apart, (shares[0] - torch.tensor(found)).abs().max().item())
                    continue
                places = example.first_sub_words
                for place, confidence in zip(places, answer.confidences, strict=True):
                    if place is not None and confidence is not None:
                        apart = max(apart, abs(shares[place].max().item() - confidence))
        return apart


def _plain(loaded: LoadedRun, checkpoint: Path) -> _Plain:
    from transformers import AutoModel

    with quiet_transformers():
        return _Plain(AutoModel.from_pretrained(checkpoint).eval(), loaded)


def _labels(task: Task, example: EncodedExample) -> list[int]:
    label = example.labels[task.name]
    return [label] if isinstance(label, int) else list(label)


def _predicted(loaded: LoadedRun) -> tuple[Prediction, ...]:
    """Predictions for the validation sentences, as the page Predict makes them."""
    sentences = [
        Sentence(text=each.text, words=each.words or ()) for each in loaded.dataset.validation
    ]
    return predict(LoadedModel(loaded.model, loaded.tokenizer, loaded.spec.max_length), sentences)


def _other_answers(
    loaded: LoadedRun,
    predicted: Mapping[str, Mapping[int, Sequence[int]]],
    predictions: Sequence[Prediction],
) -> int:
    """The number of answers of predictions that differ from those of the evaluation."""
    different = 0
    for task in loaded.spec.tasks:
        for place, outputs in predicted[task.name].items():
            answer = predictions[place].answers[task.name]
            if isinstance(answer, SentenceAnswer):
                different += answer.label != task.outputs[outputs[0]]
                continue
            firsts = loaded.validation.examples[place].first_sub_words
            different += sum(
                first is not None and tag != task.outputs[outputs[first]]
                for first, tag in zip(firsts, answer.tags, strict=True)
            )
    return different


def _apart(ours: Mapping[str, float | None], plain: Mapping[str, float]) -> float:
    return max(abs((ours[task] or 0.0) - loss) for task, loss in plain.items())


def write_checkpoint(kind: str, folder: Path) -> Path:
    """Write a tiny checkpoint with random weights and the embedded checkpoint's tokenizer."""
    from transformers import AutoConfig, AutoModel

    created, own = folder / kind, OWN_SIZES.get(kind, {})
    common = {"vocab_size": SIZES["vocab_size"]} if kind in _ONLY_OWN else SIZES
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(0)
        default = AutoConfig.for_model(kind)
        known = {key: value for key, value in common.items() if hasattr(default, key)}
        config = AutoConfig.for_model(kind, **{**known, **own})
        with torch.device("meta"):
            size = sum(each.numel() for each in AutoModel.from_config(config).parameters())
        if size > MAX_PARAMETERS:
            raise UnsupportedArchitecture(f"{size:,} parameters at this size.")
        AutoModel.from_config(config).save_pretrained(created)
    source = require_weights(resolve_checkpoint("minilm-l6", ANY_FILE))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / name).is_file():
            shutil.copy(source / name, created / name)
    return created


def result_of(kind: str) -> Compared:
    """Compare one model type on a few sentences of the sample."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            checkpoint = write_checkpoint(kind, Path(folder))
        except Exception as error:  # configuration and model classes raise any exception
            return Compared(kind, refused=f"{_NOT_COMPARED}: {one_line(error)}")
        try:
            return compare(kind, checkpoint, "sample", {"sentiment": 8, "ner": 8})
        except Exception as error:  # an architecture that was accepted and cannot run: a fault
            return Compared(kind, note=f"FAULT: {type(error).__name__}: {one_line(error)}")


def table(results: Sequence[Compared]) -> str:
    """Return docs/architectures.md."""
    ran = [each for each in results if not each.refused]
    rows = "\n".join(map(_row, sorted(results, key=lambda each: (bool(each.refused), each.kind))))
    agree, others = sum(each.agrees for each in ran), len(results) - len(ran)
    return f"""# Architectures

The text encoders of transformers {version("transformers")}, each with tiny random weights, beside
plain transformers, which runs one sentence at a time: the largest difference of a loss in a
training step without dropout, of a loss in an evaluation, and of a probability in a prediction.
"Answers" counts the labels and tags of predictions that differ from those of the evaluation.
{agree} of {len(results)} types agree within {LIMIT:g}; {others} are refused, or cannot be built at
this size.
`python benchmarks/architectures.py` writes this page.

| type | step | evaluation | prediction | answers | one pass for several batches | note |
|---|--:|--:|--:|--:|---|---|
{rows}
"""


def _row(each: Compared) -> str:
    if each.refused:
        word = "" if each.refused.startswith(_NOT_COMPARED) else "refused"
        return f"| {each.kind} | {word} | | | | | {each.refused.replace('|', '/')} |"
    numbers = ["" if n is None else f"{n:.0e}" for n in (each.training, each.evaluation)]
    prediction = "" if each.prediction is None else f"{each.prediction:.0e}"
    cells = (*numbers, prediction, each.tags, "yes" if each.packs else "no", each.note)
    return f"| {each.kind} | {' | '.join(map(str, cells))} |"


def main() -> None:
    """Compare the types that FILE does not contain, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--results", type=Path, default=Path("architectures.jsonl"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Compared] = {}
    if arguments.results.is_file():
        for line in arguments.results.read_text(encoding="utf-8").splitlines():
            each = Compared(**json.loads(line))
            results[each.kind] = each
    for kind in arguments.kinds or text_encoder_types():
        if kind in results and not arguments.kinds:
            continue
        results[kind] = result_of(kind)
        print(_row(results[kind]), flush=True)
        with arguments.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(results[kind])) + "\n")
    missing = [kind for kind in text_encoder_types() if kind not in results]
    if not missing:
        TABLE.write_text(table([results[kind] for kind in text_encoder_types()]), encoding="utf-8")


if __name__ == "__main__":
    main()
