"""A bench on which a tiny model is fine-tuned, and what came of it is looked at."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.events import RunEvent
from mtl_core.training.loaded_run import load_run
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec
from mtl_core.training.together.member import Member
from mtl_core.training.together.run import fine_tune_together

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class Bench:
    """A checkpoint and data, and runs on them: 12 training examples, 3 steps of 4 an epoch."""

    checkpoint: Path
    data: Path
    description: ModelDescription

    def plan(self, *phases: Sequence[str], **values: Any) -> Plan:
        """A plan whose phases train what is listed, at constant rates unless told otherwise."""
        named = [Phase(name=f"phase {n}", train=tuple(train)) for n, train in enumerate(phases, 1)]
        return Plan(**{"name": "own", "phases": named, "schedule": "constant", **values})

    def scenario(self, name: str) -> Plan:
        return scenario_plan(name, self.description)

    def tables(self, plan: Plan) -> tuple[ParameterTable, ...]:
        return parameter_tables(plan, self.description)

    def spec(self, plan: Plan | str, **values: Any) -> RunSpec:
        choices = {"epochs": 1.0, "batch_size": 4, "max_length": 32, "data": str(self.data)}
        return RunSpec(
            checkpoint=str(self.checkpoint),
            plan=self.scenario(plan) if isinstance(plan, str) else plan,
            tasks=self.description.tasks,
            **{**choices, **values},
        )

    def model(self, seed: int = 0) -> MultiTaskModel:
        return load_run(self.spec("full", seed=seed)).model

    def run(self, spec: RunSpec, output: Path | None = None) -> list[RunEvent]:
        return list(fine_tune(spec, "a run", output))

    def start(self, seed: int = 0) -> dict[str, Tensor]:
        """Every parameter before training, heads included."""
        return {name: each.detach() for name, each in self.model(seed).named_parameters()}

    def end(self, spec: RunSpec, output: Path) -> dict[str, Tensor]:
        """Every tensor that a run of `spec` writes."""
        self.run(spec, output)
        return written(output)


def written(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def of(events: Sequence[RunEvent], kind: str) -> list[Any]:
    """The events of one kind, in order."""
    return [event for event in events if event.event == kind]


def moved(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> set[str]:
    """Names of the tensors that are not the same bit for bit."""
    assert set(before) <= set(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def without_times(event: RunEvent) -> dict[str, Any]:
    """An event without what a clock or the machine's memory says in it."""
    said = json.loads(event.model_dump_json())
    return {k: v for k, v in said.items() if not k.endswith(("_seconds", "_bytes"))}


@pytest.fixture
def notes_of() -> Callable[[Any], tuple[str, ...]]:
    """The notes of a loaded run or of its first event.

    Without those on repeated sentences, because the tiny data validate on training sentences, and
    without those on how the files were read, which every run has.
    """
    usual = ("also occur", " was read as ")
    return lambda noted: tuple(
        each for each in noted.notes if not any(part in each for part in usual)
    )


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bench(tiny_checkpoint: Path, tiny_data: Path) -> Bench:
    return bench_of(tiny_checkpoint, tiny_data)


def bench_of(checkpoint: Path, data: Path) -> Bench:
    backbone = describe(resolve_checkpoint(str(checkpoint), ANY_FILE))
    return Bench(checkpoint, data, ModelDescription(backbone, load_tasks(str(data), ANY_FILE)))


@pytest.fixture(name="bench_of", scope="session")
def _bench_of() -> Callable[[Path, Path], Bench]:
    return bench_of


@pytest.fixture(name="of")
def _of() -> Callable[[Sequence[RunEvent], str], list[Any]]:
    return of


@pytest.fixture(name="moved")
def _moved() -> Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], set[str]]:
    return moved


@pytest.fixture(name="written")
def _written() -> Callable[[Path], dict[str, Tensor]]:
    return written


@pytest.fixture(name="without_times")
def _without_times() -> Callable[[RunEvent], dict[str, Any]]:
    return without_times


@pytest.fixture(scope="session")
def make_checkpoint(
    tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Write a tiny checkpoint of another architecture, with the same tokenizer."""

    def make(model_type: str, **values: Any) -> Path:
        from transformers import AutoConfig, AutoModel

        sizes = {
            "vocab_size": len((tiny_checkpoint / "vocab.txt").read_text().splitlines()),
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": 64,
            "pad_token_id": 0,
        }
        folder = tmp_path_factory.mktemp("others") / model_type
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            known = {k: v for k, v in sizes.items() if hasattr(AutoConfig.for_model(model_type), k)}
            config = AutoConfig.for_model(model_type, **{**known, **values})
            AutoModel.from_config(config).save_pretrained(folder)
        for name in TOKENIZER_FILES:
            shutil.copy(tiny_checkpoint / name, folder / name)
        return folder

    return make


@pytest.fixture
def changed_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the tiny checkpoint whose tensors were changed by the function given."""

    def change(how: Callable[[dict[str, Tensor]], None]) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(tiny_checkpoint, folder)
        tensors = load_file(folder / "model.safetensors")
        how(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return change


@pytest.fixture
def write_data(tmp_path: Path) -> Callable[..., Path]:
    """Write a manifest with reviews (text, label) and tagged sentences of 'word/TAG' words."""

    def write(
        reviews: Sequence[tuple[str, str]], tagged: Sequence[str], name: str = "data"
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = "".join(f"{text},{label}\n" for text, label in reviews)
        (folder / "reviews.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
        sentences = ["\n".join(w.replace("/", "\t") for w in each.split(" ")) for each in tagged]
        (folder / "entities.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
        files = {"sentence": ("classifier", "reviews.csv"), "token": ("ner", "entities.conll")}
        tasks = {
            task: {"kind": kind, "head": files[kind][0], "train": files[kind][1]}
            | {"validation": files[kind][1]}
            for task, kind in (("sentiment", "sentence"), ("ner", "token"))
        }
        manifest = folder / "manifest.yaml"
        manifest.write_text(json.dumps({"tasks": tasks}), encoding="utf-8")
        return manifest

    return write


@pytest.fixture
def together():
    """The events of each run by its id; runs are called "0", "1" and so on."""

    def run(specs, outputs=(), **options):
        members = [
            Member(str(n), spec, outputs[n] if n < len(outputs) else None)
            for n, spec in enumerate(specs)
        ]
        found = {member.run: [] for member in members}
        for name, event in fine_tune_together(members, **options):
            found[name].append(event)
        return list(found.values())

    return run
