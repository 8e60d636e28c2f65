"""Record one forward pass: which module made which storage, and which autograd node keeps what.

Under torch's FakeTensorMode nothing is computed and no memory taken, and every operator is chosen
as on the CPU, attention's kernel included.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mtl_core.cost.graph import from_below, kept_by, sequence, union
from mtl_core.cost.products import backward_products, forward_flops


@dataclass(frozen=True, slots=True)
class Storage:
    """Memory that an operator took: where, as the how-manieth there, and how much."""

    module: str
    ordinal: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Saving:
    """An autograd node keeps `storage` (its number) if one of the parameters `needed` learns.

    `passed`: modules that handed the storage on as their output before the node read it.
    """

    storage: int
    module: str
    needed: int  # bits, by the number of the parameter
    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the backward pass, computed if one of the parameters `needed` learns."""

    module: str
    needed: int
    flops: int


@dataclass
class Tape:
    """Everything one forward pass did; parameters are numbered in the order of their use."""

    parameters: list[str] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    savings: list[Saving] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    operators: dict[str, list[str]] = field(default_factory=dict)
    forward: list[tuple[int, int]] = field(default_factory=list)


def record(
    model: nn.Module, layers: Sequence[str], run: Callable[[], Tensor], names: dict[int, str]
) -> Tape:
    """The tape of `run`, a forward pass of `model` that returns the last hidden state.

    `layers` are the paths of the stack's members; `forward` of the tape then holds the FLOPs
    of each operator, with its place: before the stack (0), in a layer passed (1, …) or after it.
    `names` are those of the parameters, by id.
    """
    recorder = _Recorder(model, frozenset(layers))
    with recorder.watching(), recorder:
        hidden = run()
    recorder.read_graph(hidden, names)
    return recorder.tape


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, model: nn.Module, layers: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tape = Tape()
        self._model, self._layers = model, layers
        self._inside: list[str] = [""]
        self._entered: list[tuple[int, str]] = []  # sequence number from which a module runs
        self._handed_on: dict[int, list[tuple[int, str]]] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # a storage that is freed would lend its address to another
        self._not_ours = {_address(each) for each in (*model.parameters(), *model.buffers())}
        self._passed_layers, self._in_layer = 0, 0
        self._ordinals: dict[str, int] = {}
        self._marker = torch.zeros(1, requires_grad=True)
        self._not_ours.add(_address(self._marker))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if any(each is self._marker for each in args):
            return result
        module = self._inside[-1]
        self.tape.operators.setdefault(module, []).append(str(func))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._note(tensor, module)
        flops = forward_flops(func, args, kwargs, result)
        if flops:
            outside = self._passed_layers and self._passed_layers + 1
            place = self._passed_layers if self._in_layer else outside
            self.tape.forward.append((place, flops))
        return result

    def _note(self, tensor: Tensor, module: str) -> None:
        address = _address(tensor)
        if address in self._numbers or address in self._not_ours:
            return
        ordinal = self._ordinals[module] = self._ordinals.get(module, -1) + 1
        self._numbers[address] = len(self.tape.storages)
        self._alive.append(tensor.untyped_storage())
        self.tape.storages.append(Storage(module, ordinal, tensor.untyped_storage().nbytes()))

    @contextmanager
    def watching(self) -> Iterator[None]:
        handles = []
        for path, module in self._model.named_modules():
            handles.append(
                module.register_forward_pre_hook(lambda *_, path=path: self._enter(path))
            )
            handles.append(
                module.register_forward_hook(lambda _, __, out, path=path: self._leave(path, out))
            )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, path: str) -> None:
        self._inside.append(path)
        self._entered.append((self._now(), path))
        if path in self._layers:
            self._passed_layers += 1
            self._in_layer += 1

    def _leave(self, path: str, output: Any) -> None:
        self._inside.pop()
        now = self._now()
        self._entered.append((now, self._inside[-1]))
        if path in self._layers:
            self._in_layer -= 1
        for tensor in tree_leaves(output):
            if isinstance(tensor, Tensor):
                self._handed_on.setdefault(_address(tensor), []).append((now, path))

    def _now(self) -> int:
        """The number that the next autograd node gets, as far as order goes."""
        node = self._marker.view_as(self._marker).grad_fn
        return sequence(node)

    def read_graph(self, hidden: Tensor, names: dict[int, str]) -> None:
        """Walk from the last hidden state down; note what each node keeps and computes."""
        nodes = from_below(hidden.grad_fn)
        reached: dict[Any, int] = {None: 0}
        for node in sorted(nodes, key=sequence):
            for below, _ in node.next_functions:
                if below not in reached and hasattr(below, "variable"):
                    reached[below] = 1 << len(self.tape.parameters)
                    self.tape.parameters.append(names[id(below.variable)])
        for node in nodes:
            if node in reached:
                continue
            edges = [reached[below] for below, _ in node.next_functions]
            reached[node] = union(edges)
            module = self._module_at(sequence(node))
            self._read_savings(node, module, edges)
            self._read_products(node, module, edges)

    def _read_savings(self, node: Any, module: str, edges: list[int]) -> None:
        for tensor, inputs in kept_by(node):
            if needed := union(edges[number] for number in inputs):
                self._save(tensor, sequence(node), module, needed)

    def _save(self, tensor: Tensor, when: int, module: str, needed: int) -> None:
        number = self._numbers.get(_address(tensor))
        if number is not None:
            handed = self._handed_on.get(_address(tensor), [])
            passed = tuple(path for time, path in handed if time < when)
            self.tape.savings.append(Saving(number, module, needed, passed))

    def _read_products(self, node: Any, module: str, edges: list[int]) -> None:
        for needed, flops in backward_products(node):
            causes = union(edges[number] for number in needed)
            if causes:
                self.tape.products.append(Product(module, causes, flops))

    def _module_at(self, number: int) -> str:
        place = bisect_right(self._entered, number, key=lambda entry: entry[0]) - 1
        return self._entered[place][1] if place >= 0 else ""


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
