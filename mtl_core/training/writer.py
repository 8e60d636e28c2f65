"""Write a fine-tuned model as a folder that Transformers loads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.training.events import TaskScore
from mtl_core.training.folder import RUN, WEIGHTS
from mtl_core.training.spec import RunSpec

PLAN = "plan.yaml"


def write_model(
    folder: Path,
    model: MultiTaskModel,
    tokenizer: Any,
    spec: RunSpec,
    metrics: Mapping[str, TaskScore],
) -> None:
    """Weights under the table's own names, configuration, tokenizer, plan, labels and metrics.

    `AutoModel.from_pretrained(folder)` loads the backbone: Transformers strips its prefix and
    leaves the heads aside.
    """
    from safetensors.torch import save_file

    save_file(_unique_tensors(model), folder / WEIGHTS, metadata={"format": "pt"})
    model.backbone.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / PLAN).write_text(plan_to_yaml(spec.plan), encoding="utf-8")
    record = {
        "labels": {task.name: {"head": task.head, "outputs": task.outputs} for task in spec.tasks},
        "metrics": {task: score.model_dump() for task, score in metrics.items()},
        "spec": spec.model_dump(mode="json"),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (folder / RUN).write_text(f"{text}\n", encoding="utf-8")


def _unique_tensors(model: MultiTaskModel) -> dict[str, Any]:
    """Parameters once each, tied ones under their first name, and the buffers that are saved."""
    parameters = dict(model.named_parameters())
    every_name = dict(model.named_parameters(remove_duplicate=False))
    buffers = {name: each for name, each in model.state_dict().items() if name not in every_name}
    return {name: each.detach().contiguous() for name, each in (parameters | buffers).items()}
