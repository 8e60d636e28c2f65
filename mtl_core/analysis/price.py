"""What a comparison will take, told before it begins: from past runs, else from measured ones.

`TWO_CORES` are seconds of whole runs of the embedded checkpoint on the sample, three epochs, one
seed, on two cores: the table of the README. They stand in where no run here did the same work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl_core.analysis.queue import estimated_seconds
from mtl_core.store.record import RunRecord
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.training.spec import RunSpec

TWO_CORES: Mapping[str, float] = {
    "frozen": 5,
    "heads-only": 6,
    "top-1": 13,
    "top-2": 16,
    "top-3": 22,
    "full": 35,
    "gradual": 14,
    "discriminative": 36,
    "layernorm": 26,
    "bitfit": 28,
    "bottom-1": 25,
    "embeddings-frozen": 34,
    "lp-ft": 20,
    "ulmfit": 33,
    "chain-thaw": 30,
}
_EPOCHS, _SENTENCES, _CHECKPOINT = 3.0, 800, "minilm-l6"
_WITHOUT_TRAINING = 4.0  # seconds of loading and of evaluations


@dataclass(frozen=True, slots=True)
class Price:
    """The seconds of a whole comparison (None: not known), and whether runs here measured all of
    them."""

    seconds: float | None
    measured_here: bool


def price_of(
    specs: Sequence[RunSpec], past: Sequence[RunRecord], seconds_each: float | None = None
) -> Price:
    """What runs of `specs` will take one after the other; `past` are earlier runs, newest first.

    With `seconds_each` that is the training time of every run, whatever it learns.
    """
    if seconds_each is not None:
        return Price(len(specs) * (seconds_each + _WITHOUT_TRAINING), False)
    here = [estimated_seconds(spec, past) for spec in specs]
    known = [
        _elsewhere(spec) if measured is None else measured
        for spec, measured in zip(specs, here, strict=True)
    ]
    whole = [seconds for seconds in known if seconds is not None]
    return Price(sum(whole) if len(whole) == len(specs) else None, None not in here)


def with_trials(specs: Sequence[RunSpec], sweep: Sequence[float]) -> list[RunSpec]:
    """The runs of a comparison and those that try its learning rates: every factor once for each
    plan with the first seed. The trial that does best becomes that seed's result."""
    first = [spec for spec in specs if spec.seed == specs[0].seed]
    return [*specs, *first * max(0, len(sweep) - 1)]


def _elsewhere(spec: RunSpec) -> float | None:
    """From the seconds measured on two cores, in proportion to epochs and sentences."""
    measured = TWO_CORES.get(spec.scenario or "")
    if measured is None or (spec.checkpoint, spec.data) != (_CHECKPOINT, SAMPLE):
        return None
    sentences = sum(spec.examples.get(task.name, _SENTENCES // 2) for task in spec.tasks)
    training = max(0.0, measured - _WITHOUT_TRAINING)
    return _WITHOUT_TRAINING + training * spec.epochs / _EPOCHS * sentences / _SENTENCES
