"""A run spec: everything a run needs, saved whole with it.

The same spec gives the same losses to the bit on the same machine. Runs that are trained together
with others (`trained_together`) have the losses of the same run alone within 1e-6.
"""

from typing import Annotated

from pydantic import Field

from mtl_core.freezing.plan import Plan
from mtl_core.tasks.task import Task
from mtl_core.training.arm import clean_name
from mtl_core.training.options import Option, RunOptions, Seed


class RunSpec(RunOptions):
    """What to train, on what, with which options.

    `scenario` is None for a custom plan. `arm` is the run's arm in its comparison; None for a run
    alone, and for runs of earlier versions, whose arms were scenarios. `prefix_reuse` computes the
    outputs of frozen lower layers once per sentence instead of on every step. `measure` records how
    far layers moved and what the encoder encodes before and after training. Neither changes the
    trained weights.
    `threads` is the number of CPU threads; the server sets it from its own settings. The name of
    the data (None if their manifest has none), the digests, versions, the name of the `processor`
    and `trained_together` are filled in when the run starts. A spec that has digests is rejected
    on other weights or data. `processor` is None in a run of an earlier version, and empty if the
    system reports no name. `trained_together` is the number of runs that were trained together
    with this one, itself included; None: it was trained alone.
    """

    checkpoint: str
    scenario: str | None = None
    arm: str | None = None
    plan: Plan
    data: str = "sample"
    data_name: str | None = None
    tasks: tuple[Task, ...]
    seed: Seed = 0
    prefix_reuse: Annotated[
        bool, Option("Run frozen layers on every step instead of once per sentence.")
    ] = True
    measure: Annotated[
        bool,
        Option(
            "Skip the measures of layer movement, probes and gradients; slightly faster.",
            flag="--no-measures",
        ),
    ] = True
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    weights_digest: str | None = None
    data_digests: dict[str, str] = Field(default_factory=dict)
    other_data_digests: dict[str, str] = Field(
        default_factory=dict
    )  # of the data in `also_evaluate`
    versions: dict[str, str] = Field(default_factory=dict)
    processor: str | None = None
    trained_together: Annotated[int, Field(ge=2)] | None = None

    @property
    def reuses_prefix(self) -> bool:
        """Whether outputs of frozen layers may be stored and reused.

        With dropout in frozen layers they are different on every step.
        """
        return self.prefix_reuse and not self.frozen_dropout

    @property
    def has_micro_batches(self) -> bool:
        """Whether the gradients of a batch are accumulated over passes of `pass_size`."""
        return self.pass_size < self.batch_size

    @property
    def computes_as_usual(self) -> bool:
        """Whether a step is computed as by default: on the CPU, in float32, with all activations.

        Durations were measured for such steps only.
        """
        is_default = (self.device, self.precision) == ("cpu", "float32")
        return is_default and not (self.gradient_checkpointing or self.has_micro_batches)

    @property
    def pass_size(self) -> int:
        """The most sentences of a pass of a step: those of a micro-batch, or of the batch."""
        return min(self.micro_batch_size or self.batch_size, self.batch_size)

    @property
    def arm_name(self) -> str:
        """The name of the run's arm, its scenario, or its plan: the first that it has.

        It is cleaned as in `ComparisonArm`: earlier versions stored longer names.
        """
        return clean_name(self.arm or self.scenario or self.plan.name)

    def with_data(self, other: str) -> "RunSpec":
        """The spec with data of `also_evaluate` as its own, and the digests recorded for them."""
        digests = {
            name.removeprefix(f"{other}: "): digest
            for name, digest in self.other_data_digests.items()
            if name.startswith(f"{other}: ")
        }
        return self.model_copy(update={"data": other, "data_digests": digests})
