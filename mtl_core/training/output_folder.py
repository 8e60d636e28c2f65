"""The folder that a run writes its model into, in a format that Transformers loads."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl_core.errors import DamagedCheckpoint, OutputNotEmpty
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.base_weights import (
    BASE_FILE,
    base_folder,
    base_of,
    read_base,
    write_base,
)
from mtl_core.models.checkpoint import Checkpoint, has_weights
from mtl_core.models.stored_tensors import equal_tensors
from mtl_core.models.trained_vector import CONFIG_KEY
from mtl_core.models.weights import LEARNED_FILE, WEIGHTS_FILE, file_digest
from mtl_core.training.events import TaskScore
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from torch import Tensor

    from mtl_core.models.multitask import MultiTaskModel

PLAN = "plan.yaml"
RUN = "freeze_lab.json"  # labels, metrics, spec and file digests of the run that wrote the weights
LEAST_SHARED = 0.1
"""The smallest share of a model's bytes that is worth a dependence on its checkpoint."""


def written_weights(folder: Path) -> Path | None:
    """The file with the tensors that a run wrote into `folder`; None if it has gone."""
    files = (folder / name for name in (WEIGHTS_FILE, LEARNED_FILE))
    return next((file for file in files if file.is_file()), None)


def read_spec(folder: Path) -> RunSpec | None:
    """Read the spec of the run that wrote the weights in `folder`; None if it cannot be read."""
    try:
        return RunSpec.model_validate_json(json.dumps(read_record(folder)["spec"]))
    except (ValueError, KeyError):  # pydantic's error is a ValueError
        return None


def require_as_written(folder: Path) -> bool:
    """Raise DamagedCheckpoint if a file that a run wrote into `folder` has changed since.

    The checkpoint that it reads other tensors from must not have changed either; MissingWeights if
    it has gone. Returns whether this is known: False for a model of an earlier version, which has
    no digests.
    """
    base = read_base(folder)
    if base is not None:
        base_folder(folder, base)
    digests = read_record(folder).get("files")
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


def read_record(folder: Path) -> dict[str, Any]:
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
    base: Checkpoint | None = None,
) -> None:
    """Write weights, configuration, tokenizer, plan, labels, metrics and the digests of all files.

    The plan has no digest, because nothing is loaded from it. Tensor names are those of the
    parameter table. `AutoModel.from_pretrained(folder)` loads the backbone: Transformers strips its
    prefix and ignores the heads. With the checkpoint as `base`, tensors that equal its own are not
    written; `stored_tensors.all_tensors` reads them from there.
    """
    _write_config(folder, model)
    _write_weights(folder, _unique_tensors(model), model.prefix, base)
    tokenizer.save_pretrained(folder)
    files = {file.name: file_digest(file) for file in sorted(folder.iterdir()) if file.is_file()}
    (folder / PLAN).write_text(plan_to_yaml(spec.plan), encoding="utf-8")
    record = {
        "labels": {task.name: {"head": task.head, "outputs": task.outputs} for task in spec.tasks},
        "metrics": {task: score.model_dump() for task, score in metrics.items()},
        "spec": spec.model_dump(mode="json"),
        "files": files,
    }
    (folder / RUN).write_text(record_text(record), encoding="utf-8")


def record_text(record: Mapping[str, Any]) -> str:
    """The content of RUN."""
    return f"{json.dumps(record, indent=2, ensure_ascii=False)}\n"


def whole_record(folder: Path, digest: str) -> dict[str, Any]:
    """The content of RUN for a copy of the model in `folder` with all tensors in one file.

    `digest` is the SHA-256 of that file.
    """
    record = read_record(folder)
    files = record.get("files", {})
    listed = {name: each for name, each in files.items() if name not in (LEARNED_FILE, BASE_FILE)}
    listed[WEIGHTS_FILE] = digest
    return record | {"files": dict(sorted(listed.items()))}


def _write_weights(
    folder: Path, tensors: Mapping[str, "Tensor"], prefix: str, base: Checkpoint | None
) -> None:
    """Write the tensors into one file, without those that are read from `base`."""
    from safetensors.torch import save_file

    source = _lasting_folder(base)
    shared = equal_tensors(source, tensors, prefix) if source else {}
    if base is None or _bytes_of(tensors, shared) < LEAST_SHARED * _bytes_of(tensors, tensors):
        save_file(dict(tensors), folder / WEIGHTS_FILE, metadata={"format": "pt"})
        return
    learned = {name: each for name, each in tensors.items() if name not in shared}
    save_file(learned, folder / LEARNED_FILE, metadata={"format": "pt"})
    write_base(folder, base_of(base, shared))


def _lasting_folder(base: Checkpoint | None) -> Path | None:
    """The folder of a checkpoint that a model can refer to.

    None for a folder that a run wrote, because runs are deleted.
    """
    if base is None or base.folder is None or not has_weights(base):
        return None
    return None if (base.folder / RUN).exists() else base.folder


def _bytes_of(tensors: Mapping[str, "Tensor"], names: Iterable[str]) -> int:
    return sum(tensors[name].numel() * tensors[name].element_size() for name in names)


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
