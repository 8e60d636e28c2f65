"""Build a cost profile from tapes of two batch sizes, in training and in evaluation mode."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl_core.cost.profile import (
    Amount,
    BackwardTerm,
    Cause,
    CostProfile,
    SavedTerm,
    total_amount,
)
from mtl_core.cost.tape import Saving, Tape
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import prefix_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SMALL, LARGE = (2, 8), (6, 16)
"""Two batch sizes (sentences, tokens). LARGE has three times the sentences and twice the tokens, so
the ratio of two amounts shows the power of each factor."""

_Owner = tuple[int, ...]


@dataclass(frozen=True)
class _Condition:
    """One of the parameters `needed` is trainable, and `modules` run in the given mode."""

    needed: int  # one bit per parameter number
    modules: frozenset[str]
    training: bool


class ProfileBuilder:
    """Builds a profile from tapes of a SMALL and a LARGE pass in both modes.

    Raises UnsupportedArchitecture if the two modes use different tensors.
    """

    def __init__(
        self, model: "PreTrainedModel", training: list[Tape], evaluation: list[Tape], depth: int
    ) -> None:
        self._model, self._depth = model, depth
        self._tapes = {True: training, False: evaluation}
        self._names = training[0].parameters
        if evaluation[0].parameters != self._names:
            raise UnsupportedArchitecture(
                f"'{model.config.model_type}' uses different tensors in training and evaluation "
                "mode, so its cost cannot be estimated."
            )
        operators = training[0].operators, evaluation[0].operators
        self._mode_dependent = frozenset(
            module
            for module in {*operators[0], *operators[1]}
            if operators[0].get(module) != operators[1].get(module)
        )
        """Modules that run different operators in training and evaluation mode."""
        self._parts: dict[_Owner, int] = {}

    def profile(self) -> CostProfile:
        """Build the profile; terms with the same causes are added up."""
        # `_parts` is filled while the terms are built
        kept, backward = self._saved_terms(), self._backward_terms()
        return CostProfile(
            tensors=tuple(self._names),
            parts=tuple(self._parts),
            forward=self._forward(),
            kept=kept,
            backward=backward,
        )

    def _forward(self) -> tuple[Amount, ...]:
        positions: list[list[Amount]] = [[] for _ in range(self._depth + 2)]
        small, large = self._tapes[True]
        for (position, flops), (_, larger) in zip(small.forward, large.forward, strict=True):
            positions[position].append(_amount(flops, larger))
        return tuple(map(total_amount, positions))

    def _saved_terms(self) -> tuple[SavedTerm, ...]:
        bytes_of: dict[tuple[str, int, bool | None], Amount] = {}
        conditions: dict[tuple[str, int, bool | None], dict[_Condition, None]] = {}
        for training, (small, large) in self._tapes.items():
            for saving in small.savings:
                storage = small.storages[saving.storage]
                by_mode = storage.module in self._mode_dependent
                key = (storage.module, storage.ordinal, training if by_mode else None)
                larger = large.storages[saving.storage].bytes
                bytes_of[key] = _amount(storage.bytes, larger)
                condition = self._condition(saving, storage.module, training)
                conditions.setdefault(key, {})[condition] = None
        amounts_of: dict[tuple[Cause, ...], list[Amount]] = {}
        for key, found in conditions.items():
            causes = tuple(dict.fromkeys(map(self._cause, _without_implied(found))))
            amounts_of.setdefault(causes, []).append(bytes_of[key])
        return tuple(
            SavedTerm(bytes=total_amount(amounts), causes=causes)
            for causes, amounts in amounts_of.items()
        )

    def _condition(self, saving: Saving, maker: str, training: bool) -> _Condition:
        modules = frozenset({saving.module, maker, *saving.passed}) & self._mode_dependent
        return _Condition(saving.needed, modules, training)

    def _backward_terms(self) -> tuple[BackwardTerm, ...]:
        amounts_of: dict[Cause, list[Amount]] = {}
        for training, (small, large) in self._tapes.items():
            for product, larger in zip(small.products, large.products, strict=True):
                modules = frozenset({product.module}) & self._mode_dependent
                if training or modules:
                    cause = self._cause(_Condition(product.needed, modules, training))
                    amount = _amount(product.flops, larger.flops)
                    amounts_of.setdefault(cause, []).append(amount)
        return tuple(
            BackwardTerm(flops=total_amount(amounts), cause=cause)
            for cause, amounts in amounts_of.items()
        )

    def _cause(self, condition: _Condition) -> Cause:
        needed = condition.needed
        below = (~needed & (needed + 1)).bit_length() - 1
        also = (n for n in range(below, len(self._names)) if needed >> n & 1)
        parts = sorted({self._part(module) for module in sorted(condition.modules)})
        return Cause(
            below=below,
            also=tuple(also),
            training=tuple(parts) if condition.training else (),
            resting=() if condition.training else tuple(parts),
        )

    def _part(self, module: str) -> int:
        """The number of the part that determines the mode of `module`.

        It is the innermost module with parameters that contains `module` or is it, because
        `freezing.apply` sets modes that way.
        """
        path = module
        while path and not any(True for _ in self._model.get_submodule(path).parameters()):
            path = path.rpartition(".")[0]
        inside = {id(each) for each in self._model.get_submodule(path).parameters()}
        prefix = prefix_of(self._model)
        numbers = {name: number for number, name in enumerate(self._names)}
        owner = tuple(
            sorted(
                numbers[f"{prefix}.{name}"]
                for name, each in self._model.named_parameters()
                if id(each) in inside and f"{prefix}.{name}" in numbers
            )
        )
        return self._parts.setdefault(owner, len(self._parts))


def _without_implied(conditions: dict[_Condition, None]) -> Iterator[_Condition]:
    """Yield the conditions that no other condition implies."""
    for condition in conditions:
        implied = any(
            other != condition
            and other.modules <= condition.modules
            and (other.training == condition.training or not other.modules)
            and condition.needed | other.needed == other.needed
            and (other.needed != condition.needed or other.modules != condition.modules)
            for other in conditions
        )
        if not implied:
            yield condition


def _amount(small: int, large: int) -> Amount:
    """The amount that equals `small` at the SMALL size and `large` at the LARGE size.

    A single product of powers if one fits, which is nearly always the case. Otherwise a constant
    plus a part proportional to the number of tokens in the batch.
    """
    if small == large:
        return Amount(parts=((small, 0, 0),)) if small else Amount()
    for b, t in ((1, 1), (1, 2), (0, 1), (1, 0), (0, 2)):
        unit = SMALL[0] ** b * SMALL[1] ** t
        if small % unit == 0 and small // unit * LARGE[0] ** b * LARGE[1] ** t == large:
            return Amount(parts=((small // unit, b, t),))
    tokens = SMALL[0] * SMALL[1], LARGE[0] * LARGE[1]
    slope = round((large - small) / (tokens[1] - tokens[0]))
    return Amount(parts=((small - slope * tokens[0], 0, 0), (slope, 1, 1)))
