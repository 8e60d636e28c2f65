"""From tapes to a profile: passes of two sizes, in training and at rest, joined into one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl_core.cost.profile import (
    Amount,
    BackwardTerm,
    Cause,
    CostProfile,
    KeptTerm,
    total_amount,
)
from mtl_core.cost.tape import Saving, Tape
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import prefix_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SMALL, LARGE = (2, 8), (6, 16)
"""Two sizes (sentences, tokens): three times the sentences and twice the tokens tell how often
either is a factor of an amount."""

_Owner = tuple[int, ...]


@dataclass(frozen=True)
class _Event:
    """A cause, with the modules that must run in the mode it was seen in."""

    needed: int
    modules: frozenset[str]
    training: bool


class Joined:
    """Tapes of both modes, each of a SMALL and a LARGE pass, joined into one profile.

    Raises UnsupportedArchitecture where the two modes use other tensors.
    """

    def __init__(
        self, model: "PreTrainedModel", training: list[Tape], resting: list[Tape], depth: int
    ) -> None:
        self._model, self._depth = model, depth
        self._tapes = {True: training, False: resting}
        self._names = training[0].parameters
        if resting[0].parameters != self._names:
            raise UnsupportedArchitecture(
                f"'{model.config.model_type}' uses other tensors in training than in evaluation, "
                "so its cost cannot be told before it runs."
            )
        operators = training[0].operators, resting[0].operators
        self._moody = frozenset(
            module
            for module in {*operators[0], *operators[1]}
            if operators[0].get(module) != operators[1].get(module)
        )
        """Modules that do something else in training than at rest."""
        self._parts: dict[_Owner, int] = {}

    def profile(self) -> CostProfile:
        """The profile, terms with the same causes added up."""
        kept, backward = self._kept(), self._backward()
        return CostProfile(
            tensors=tuple(self._names),
            parts=tuple(self._parts),
            forward=self._forward(),
            kept=kept,
            backward=backward,
        )

    def _forward(self) -> tuple[Amount, ...]:
        places: list[list[Amount]] = [[] for _ in range(self._depth + 2)]
        small, large = self._tapes[True]
        for (place, flops), (_, larger) in zip(small.forward, large.forward, strict=True):
            places[place].append(_amount(flops, larger))
        return tuple(map(total_amount, places))

    def _kept(self) -> tuple[KeptTerm, ...]:
        bytes_of: dict[tuple[str, int, bool | None], Amount] = {}
        events: dict[tuple[str, int, bool | None], dict[_Event, None]] = {}
        for training, (small, large) in self._tapes.items():
            for saving in small.savings:
                storage = small.storages[saving.storage]
                moody = storage.module in self._moody
                key = (storage.module, storage.ordinal, training if moody else None)
                larger = large.storages[saving.storage].bytes
                bytes_of[key] = _amount(storage.bytes, larger)
                events.setdefault(key, {})[self._event(saving, storage.module, training)] = None
        gathered: dict[tuple[Cause, ...], list[Amount]] = {}
        for key, found in events.items():
            causes = tuple(dict.fromkeys(map(self._cause, _strongest(found))))
            gathered.setdefault(causes, []).append(bytes_of[key])
        return tuple(
            KeptTerm(bytes=total_amount(amounts), causes=causes)
            for causes, amounts in gathered.items()
        )

    def _event(self, saving: Saving, maker: str, training: bool) -> _Event:
        modules = frozenset({saving.module, maker, *saving.passed}) & self._moody
        return _Event(saving.needed, modules, training)

    def _backward(self) -> tuple[BackwardTerm, ...]:
        gathered: dict[Cause, list[Amount]] = {}
        for training, (small, large) in self._tapes.items():
            for product, larger in zip(small.products, large.products, strict=True):
                moody = frozenset({product.module}) & self._moody
                if training or moody:
                    cause = self._cause(_Event(product.needed, moody, training))
                    amount = _amount(product.flops, larger.flops)
                    gathered.setdefault(cause, []).append(amount)
        return tuple(
            BackwardTerm(flops=total_amount(amounts), cause=cause)
            for cause, amounts in gathered.items()
        )

    def _cause(self, event: _Event) -> Cause:
        below = (~event.needed & (event.needed + 1)).bit_length() - 1
        also = (n for n in range(below, len(self._names)) if event.needed >> n & 1)
        owners = sorted({self._part(module) for module in sorted(event.modules)})
        return Cause(
            below=below,
            also=tuple(also),
            training=tuple(owners) if event.training else (),
            resting=() if event.training else tuple(owners),
        )

    def _part(self, module: str) -> int:
        """The number of the part that decides the mode of `module`: the nearest around it, itself
        included, that holds tensors (`freezing.apply` sets modes so)."""
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


def _strongest(events: dict[_Event, None]) -> Iterator[_Event]:
    """Events without those that another one implies."""
    for event in events:
        implied = any(
            other != event
            and other.modules <= event.modules
            and (other.training == event.training or not other.modules)
            and event.needed | other.needed == other.needed
            and (other.needed != event.needed or other.modules != event.modules)
            for other in events
        )
        if not implied:
            yield event


def _amount(small: int, large: int) -> Amount:
    """The amount that is `small` at the small size and `large` at the large one.

    One product of powers where one fits, as nearly always; else a constant and a part that grows
    with all tokens.
    """
    if small == large:
        return Amount(parts=((small, 0, 0),)) if small else Amount()
    for b, t in ((1, 1), (1, 2), (0, 1), (1, 0), (0, 2)):
        unit = SMALL[0] ** b * SMALL[1] ** t
        if small % unit == 0 and small // unit * LARGE[0] ** b * LARGE[1] ** t == large:
            return Amount(parts=((small // unit, b, t),))
    tokens = SMALL[0] * SMALL[1], LARGE[0] * LARGE[1]
    grows = round((large - small) / (tokens[1] - tokens[0]))
    return Amount(parts=((small - grows * tokens[0], 0, 0), (grows, 1, 1)))
