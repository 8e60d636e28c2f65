"""Distance that each group of tensors moved in a run, and the norms of its gradients."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mtl_core.freezing.resolution import rounds_to_nothing
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.stored_tensors import read_tensors
from mtl_core.training.events import Unchanged

_CHUNK = 1 << 20


class GradientNorms:
    """Mean norm of each group's gradient over the steps in which it had one.

    Sums stay on the device until `means` is called, so that a step does not synchronise.
    """

    def __init__(self, groups: Iterable[str]) -> None:
        self._places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
        self._sums = torch.zeros(len(self._places))
        self._steps = torch.zeros(len(self._places))

    def add(self, groups: Sequence[str], norms: Tensor) -> None:
        """Add one step: the group of each tensor with a gradient, and the gradient's norm."""
        self._sums = self._sums.to(norms.device)
        places = [self._places[group] for group in groups]
        squares = torch.zeros_like(self._sums)
        squares.index_add_(0, torch.tensor(places, device=norms.device), norms.float().square())
        self._sums += squares.sqrt()
        self._steps[places] += 1  # once per group, whatever the number of its tensors

    def add_sum(self, group: str, total: float, steps: int) -> None:
        """Add several steps of one group at once: the sum of its norms, and their number."""
        place = self._places[group]
        self._sums[place] += total
        self._steps[place] += steps

    def state(self) -> dict[str, Tensor]:
        """Return the sums and the numbers of steps so far."""
        return {"norm_sums": self._sums, "norm_steps": self._steps}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self._sums, self._steps = state["norm_sums"].clone(), state["norm_steps"].clone()

    def means(self) -> dict[str, float | None]:
        """Return the mean by group; None without any gradient, or if the mean is not finite."""
        found = (self._sums.cpu() / self._steps).tolist()
        pairs = zip(self._places, found, strict=True)
        return {group: mean if math.isfinite(mean) else None for group, mean in pairs}


class StartingWeights:
    """The trainable weights, as they were before training.

    Weights equal to those in the files of `source` are read from there again. Others are copied:
    heads, and a randomly initialised encoder. `prefix` is the encoder's; names in the files may
    lack it.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        learning: Sequence[str],
        source: Path | None,
        prefix: str,
    ) -> None:
        self._source, self._prefix = source, prefix
        self._on_disk = frozenset(
            name
            for name, stored in self._read(learning)
            if torch.equal(stored, parameters[name].detach().cpu())
        )
        self._copies = {
            name: parameters[name].detach().clone().cpu()
            for name in learning
            if name not in self._on_disk
        }

    @property
    def copied(self) -> frozenset[str]:
        """Names of the tensors that were copied."""
        return frozenset(self._copies)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Yield name and starting value of each tensor that learns, one after the other."""
        yield from self._copies.items()
        yield from self._read(sorted(self._on_disk))

    def _read(self, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield those of these tensors that are in the files, as float32."""
        if self._source is None or not names:
            return
        for name, tensor in read_tensors(self._source, names, self._prefix):
            yield name, tensor.float()


def learning_names(tables: Sequence[ParameterTable], steps: Sequence[int]) -> tuple[str, ...]:
    """Return the unique tensors that learn in a phase with at least one step, in table order."""
    learning = {
        row.name
        for table, count in zip(tables, steps, strict=True)
        for row in table.rows
        if count and row.state is State.TRAINABLE and row.tied_to is None
    }
    return tuple(row.name for row in tables[0].rows if row.name in learning)


@dataclass(frozen=True, slots=True)
class TensorMovement:
    """How far a tensor that learned is from its start, and the norm of the start.

    `mean_size` is the mean absolute value of the start; it is computed if no value has changed.
    """

    distance: float
    norm: float
    mean_size: float | None = None


def tensor_movements(
    parameters: Mapping[str, nn.Parameter], start: StartingWeights
) -> dict[str, TensorMovement]:
    """Return the movement of each tensor that learned, in the order of `start`."""
    found = {}
    for name, before in start:
        after = parameters[name].detach().cpu()
        size = before.abs().mean().item() if torch.equal(before, after) else None
        found[name] = TensorMovement(*_distance_and_norm(before, after), size)
    return found


def unchanged_tensors(
    movements: Mapping[str, TensorMovement], peak_rates: Mapping[str, float]
) -> Unchanged:
    """Return the tensors that learned and have not changed, by whether their rates explain it.

    `peak_rates` has the highest rate of each tensor in the run.
    """
    sizes = {name: each.mean_size for name, each in movements.items() if each.mean_size is not None}
    low = [name for name, size in sizes.items() if rounds_to_nothing(peak_rates[name], size)]
    return Unchanged(
        trained=len(movements),
        rate_too_low=tuple(sorted(low)),
        others=tuple(sorted(sizes.keys() - set(low))),
    )


def peak_rates(tables: Sequence[ParameterTable], steps: Sequence[int]) -> dict[str, float]:
    """Return the highest rate of each tensor in a phase with at least one step."""
    found: dict[str, float] = {}
    for table, count in zip(tables, steps, strict=True):
        for row in table.rows if count else ():
            if row.learning_rate is not None:
                found[row.name] = max(row.learning_rate, found.get(row.name, 0.0))
    return found


def moved_by_group(
    parameters: Mapping[str, nn.Parameter],
    movements: Mapping[str, TensorMovement],
    groups: Mapping[str, str],
) -> dict[str, float]:
    """Return ||end - start|| / ||start|| over all tensors of each group; exactly 0 if none learned.

    `movements` has the tensors that learned; `groups` maps each unique tensor to its group. If the
    start is all zeros, the distance itself is returned.
    """
    distances = dict.fromkeys(groups.values(), 0.0)
    norms = dict.fromkeys(groups.values(), 0.0)
    learned: dict[str, str] = {}
    for name, each in movements.items():
        group = learned[name] = groups[name]
        distances[group] = math.hypot(distances[group], each.distance)
        norms[group] = math.hypot(norms[group], each.norm)
    for name, group in groups.items():
        if group in learned.values() and name not in learned:
            norms[group] = math.hypot(norms[group], parameters[name].detach().norm().item())
    return {group: distance / (norms[group] or 1.0) for group, distance in distances.items()}


def _distance_and_norm(before: Tensor, after: Tensor) -> tuple[float, float]:
    """Return the distance between two tensors and the norm of the first, without copying them."""
    distance = norm = 0.0
    pieces = zip(*(torch.split(each.reshape(-1), _CHUNK) for each in (before, after)), strict=True)
    for old, new in pieces:
        distance = math.hypot(distance, torch.linalg.vector_norm(new - old).item())
        norm = math.hypot(norm, torch.linalg.vector_norm(old).item())
    return distance, norm
