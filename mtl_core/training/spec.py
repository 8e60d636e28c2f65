"""A run spec: everything a run needs, saved whole with it.

The same spec gives the same losses to the bit on the same machine.
"""

from typing import Annotated, Literal

from pydantic import Field

from mtl_core.freezing.plan import Plan
from mtl_core.tasks.task import Task
from mtl_core.values import Frozen

DeviceName = Literal["cpu", "cuda", "mps"]
PrecisionName = Literal["float32", "bfloat16"]


class RunSpec(Frozen):
    """What to train, on what, how long.

    `epochs` is the run's total, divided among the plan's phases. `max_length` counts sub-words,
    special tokens included. `prefix_reuse` lets the frozen lower part run once for each sentence
    instead of on every step, `measure` tells what moved and what the encoder knows at both ends;
    neither changes what is learned. `examples` limits a task's training sentences. `threads` is
    fixed when the spec is made, from the machine alone. `device` computes; with `precision`
    bfloat16 what runs on every step does so by autocast, on weights in float32. `label_noise` is
    the share of a task's training sentences whose labels are replaced by wrong ones, drawn from
    the seed. The digests and versions are filled in where the run begins; a spec that has them is
    refused on other weights or data.
    """

    checkpoint: str
    scenario: str | None = None  # None: a plan of one's own
    plan: Plan
    data: str = "sample"
    tasks: tuple[Task, ...]
    epochs: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 3.0
    batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    max_length: Annotated[int, Field(ge=8, le=8192)] = 128
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    examples: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    prefix_reuse: bool = True
    measure: bool = True
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    device: DeviceName = "cpu"
    precision: PrecisionName = "float32"
    starts_from: str | None = None  # the run whose finished model this one goes on from
    random_backbone: bool = False  # weights drawn from the seed: what pretraining is worth
    label_noise: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    also_evaluate: tuple[str, ...] = ()  # other data on which every task is scored at both ends
    weights_digest: str | None = None
    data_digests: dict[str, str] = Field(default_factory=dict)
    other_data_digests: dict[str, str] = Field(default_factory=dict)  # of `also_evaluate`
    versions: dict[str, str] = Field(default_factory=dict)
