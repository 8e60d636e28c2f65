"""Runs in which only heads learn do not build the encoder when its outputs are stored."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec

AGAIN = """
import sys
from pathlib import Path
from mtl_core.training.imports import import_training_packages
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec
import_training_packages(encoders=False)
spec = RunSpec.model_validate_json(sys.argv[1])
for event in fine_tune(spec, "a run", prefixes=PrefixStore(Path(sys.argv[2]), 10**9)):
    print(event.model_dump_json())
print(sorted({"transformers.modeling_utils", "torch._dynamo", "sklearn"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def embedded(bench):
    """Heads on the checkpoint that is included, on tiny data."""
    plan = bench.scenario("heads-only")
    return RunSpec(
        checkpoint="minilm-l6",
        plan=plan,
        tasks=bench.description.tasks,
        data=str(bench.data),
        epochs=2.0,
        batch_size=4,
        max_length=32,
        threads=1,
    )


@pytest.mark.parametrize("vector", ["first-token", "mean"])
def test_the_second_run_has_the_same_events_and_imports_no_encoder(
    embedded, tmp_path: Path, without_times, vector: str
) -> None:
    spec = embedded.model_copy(update={"sentence_vector": SentenceVector(vector)})
    store = PrefixStore(tmp_path, 10**9)
    first = [without_times(each) for each in fine_tune(spec, "a run", prefixes=store)]

    done = subprocess.run(
        [sys.executable, "-c", AGAIN, spec.model_dump_json(), str(tmp_path)],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    *events, imported = done.stdout.splitlines()
    assert imported == "[]"
    second = [json.loads(each) for each in events]
    for each in second:
        for name in [name for name in each if name.endswith(("_seconds", "_bytes"))]:
            del each[name]
    assert second == first


def test_the_second_run_writes_the_same_model(embedded, tmp_path: Path) -> None:
    store = PrefixStore(tmp_path / "store", 10**9)
    for name in ("cold", "warm"):
        list(fine_tune(embedded, "a run", tmp_path / name, prefixes=store))

    cold, warm = (load_file(tmp_path / name / "model.safetensors") for name in ("cold", "warm"))

    assert cold.keys() == warm.keys()
    assert all(torch.equal(cold[name], warm[name]) for name in cold)


def test_a_damaged_entry_is_computed_again_by_the_encoder(
    embedded, tmp_path: Path, without_times
) -> None:
    store = PrefixStore(tmp_path, 10**9)
    first = [without_times(each) for each in fine_tune(embedded, "a run", prefixes=store)]
    (entry,) = tmp_path.glob("*.safetensors")
    content = bytearray(entry.read_bytes())
    content[-1] ^= 1
    entry.write_bytes(content)

    again = [without_times(each) for each in fine_tune(embedded, "a run", prefixes=store)]

    assert again == first
    assert entry.read_bytes() != bytes(content)


def test_heads_that_read_the_pooler_need_the_encoder(embedded) -> None:
    spec = embedded.model_copy(update={"sentence_vector": SentenceVector.POOLER})

    assert load_run(spec).model.has_built_backbone
    assert not load_run(embedded).model.has_built_backbone
