"""The folder that a run writes its model into, in a format that Transformers loads."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl_core.errors import DamagedCheckpoint, OutputNotEmpty
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.trained_vector import CONFIG_KEY
from mtl_core.models.weights import file_digest
from mtl_core.training.events import TaskScore
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from mtl_core.models.multitask import MultiTaskModel

WEIGHTS = "model.safetensors"
PLAN = "plan.yaml"
RUN = "freeze_lab.json"  # labels, metrics, spec and file digests of the run that wrote the weights


def read_spec(folder: Path) -> RunSpec | None:
    """Read the spec of the run that wrote the weights in `folder`; None if it cannot be read."""
    try:
        return RunSpec.model_validate_json(json.dumps(_read_record(folder)["spec"]))
    except (ValueError, KeyError):  # pydantic's error is a ValueError
        return None


def require_as_written(folder: Path) -> bool:
    """Raise DamagedCheckpoint if a file that a run wrote into `folder` has changed since.

    Returns whether this is known: False for a model of an earlier version, which has no digests.
    """
    digests = _read_record(folder).get("files")
    if not isinstance(digests, dict):
        return False
    for name, digest in digests.items():
        file = folder / Path(name).name
        if not file.is_file():
            raise DamagedCheckpoint(
                f"{folder} lacks {name}, which the run wrote. Put it back, or train the run again."
            )
        if (found := file_digest(file)) != digest:
            raise DamagedCheckpoint(
                f"{file} was changed or damaged since its run wrote it: its SHA-256 is {found}, it "
                f"was {digest}. Put the original back, or train the run again."
            )
    return True


def _read_record(folder: Path) -> dict[str, Any]:
    """Read RUN; an empty object if it cannot be read."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def require_empty(folder: Path) -> None:
    """Raise OutputNotEmpty unless `folder` is missing or empty."""
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise OutputNotEmpty(f"{part} is a file; --output takes a folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputNotEmpty(f"{folder} is not empty; name a new folder, or empty it first.")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `folder` if the block raises nothing.

    Otherwise it is deleted. Raises OutputNotEmpty as `require_empty` does.
    """
    require_empty(folder)
    folder = folder.resolve()  # "." has no name and cannot be replaced under that one
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        draft.chmod(0o755)
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_model(
    folder: Path,
    model: "MultiTaskModel",
    tokenizer: Any,
    spec: RunSpec,
    metrics: Mapping[str, TaskScore],
) -> None:
    """Write weights, configuration, tokenizer, plan, labels, metrics and the digests of all files.

    The plan has no digest, because nothing is loaded from it. Tensor names are those of the
    parameter table. `AutoModel.from_pretrained(folder)` loads the backbone: Transformers strips its
    prefix and ignores the heads.
    """
    from safetensors.torch import save_file

    _write_config(folder, model)
    save_file(_unique_tensors(model), folder / WEIGHTS, metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    files = {file.name: file_digest(file) for file in sorted(folder.iterdir()) if file.is_file()}
    (folder / PLAN).write_text(plan_to_yaml(spec.plan), encoding="utf-8")
    record = {
        "labels": {task.name: {"head": task.head, "outputs": task.outputs} for task in spec.tasks},
        "metrics": {task: score.model_dump() for task, score in metrics.items()},
        "spec": spec.model_dump(mode="json"),
        "files": files,
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (folder / RUN).write_text(f"{text}\n", encoding="utf-8")


def _write_config(folder: Path, model: "MultiTaskModel") -> None:
    """Write config.json with the sentence vector, which Transformers ignores."""
    config = copy(model.backbone.config)
    setattr(config, CONFIG_KEY, str(model.sentence_vector))
    config.save_pretrained(folder)


def _unique_tensors(model: "MultiTaskModel") -> dict[str, Any]:
    """Collect each parameter once, tied ones under their first name, and persistent buffers."""
    parameters = dict(model.named_parameters())
    every_name = dict(model.named_parameters(remove_duplicate=False))
    buffers = {name: each for name, each in model.state_dict().items() if name not in every_name}
    return {name: each.detach().contiguous() for name, each in (parameters | buffers).items()}
