"""Record a forward pass: the module that allocates each storage, the tensors each node saves.

Under torch's FakeTensorMode nothing is computed and no memory is allocated, but the same operators
and attention kernels are selected as on the CPU.
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

from mtl_core.cost.autograd_graph import (
    backward_products,
    forward_flops,
    saved_tensors,
    sequence_number,
    topological_order,
    union,
)


@dataclass(frozen=True, slots=True)
class Storage:
    """Memory that an operator allocated; `ordinal` counts the storages of one module."""

    module: str
    ordinal: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Saving:
    """An autograd node saves a storage if one of the parameters in `needed` is trainable.

    `storage` is the storage's number. `passed` are the modules that returned it as their output
    before the node read it.
    """

    storage: int
    module: str
    needed: int  # one bit per parameter number
    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product in the backward pass, computed if a parameter in `needed` is trainable."""

    module: str
    needed: int
    flops: int


@dataclass
class Tape:
    """The record of one forward pass. Parameters are numbered in the order of their use."""

    parameters: list[str] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    savings: list[Saving] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    operators: dict[str, list[str]] = field(default_factory=dict)
    forward: list[tuple[int, int]] = field(default_factory=list)


def record(
    model: nn.Module, layers: Sequence[str], run: Callable[[], Tensor], names: dict[int, str]
) -> Tape:
    """Record `run`, a forward pass of `model` that returns the last hidden state.

    `layers` are the module paths of the model's layers. `Tape.forward` holds the FLOPs of each
    operator with its position: 0 before the layers, 1 to N in a layer, N + 1 after them. `names`
    maps the id of each parameter to its name.
    """
    recorder = _Recorder(model, frozenset(layers))
    with recorder.hooks(), recorder:
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
        self._returned: dict[int, list[tuple[int, str]]] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps storages alive, because addresses are reused
        self._ignored = {_address(each) for each in (*model.parameters(), *model.buffers())}
        self._passed_layers, self._in_layer = 0, 0
        self._ordinals: dict[str, int] = {}
        self._marker = torch.zeros(1, requires_grad=True)
        self._ignored.add(_address(self._marker))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if any(each is self._marker for each in args):
            return result
        module = self._inside[-1]
        self.tape.operators.setdefault(module, []).append(str(func))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._add_storage(tensor, module)
        flops = forward_flops(func, args, kwargs, result)
        if flops:
            outside = self._passed_layers and self._passed_layers + 1
            place = self._passed_layers if self._in_layer else outside
            self.tape.forward.append((place, flops))
        return result

    def _add_storage(self, tensor: Tensor, module: str) -> None:
        address = _address(tensor)
        if address in self._numbers or address in self._ignored:
            return
        ordinal = self._ordinals[module] = self._ordinals.get(module, -1) + 1
        self._numbers[address] = len(self.tape.storages)
        self._alive.append(tensor.untyped_storage())
        self.tape.storages.append(Storage(module, ordinal, tensor.untyped_storage().nbytes()))

    @contextmanager
    def hooks(self) -> Iterator[None]:
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
                self._returned.setdefault(_address(tensor), []).append((now, path))

    def _now(self) -> int:
        """A sequence number lower than that of the next autograd node."""
        node = self._marker.view_as(self._marker).grad_fn
        return sequence_number(node)

    def read_graph(self, hidden: Tensor, names: dict[int, str]) -> None:
        """Record the savings and products of every node below the last hidden state."""
        nodes = topological_order(hidden.grad_fn)
        reached: dict[Any, int] = {None: 0}
        for node in sorted(nodes, key=sequence_number):
            for below, _ in node.next_functions:
                if below not in reached and hasattr(below, "variable"):
                    reached[below] = 1 << len(self.tape.parameters)
                    self.tape.parameters.append(names[id(below.variable)])
        for node in nodes:
            if node in reached:
                continue
            edges = [reached[below] for below, _ in node.next_functions]
            reached[node] = union(edges)
            module = self._module_at(sequence_number(node))
            self._read_savings(node, module, edges)
            self._read_products(node, module, edges)

    def _read_savings(self, node: Any, module: str, edges: list[int]) -> None:
        for tensor, inputs in saved_tensors(node):
            if needed := union(edges[number] for number in inputs):
                self._add_saving(tensor, sequence_number(node), module, needed)

    def _add_saving(self, tensor: Tensor, when: int, module: str, needed: int) -> None:
        number = self._numbers.get(_address(tensor))
        if number is not None:
            returned = self._returned.get(_address(tensor), [])
            passed = tuple(path for time, path in returned if time < when)
            self.tape.savings.append(Saving(number, module, needed, passed))

    def _read_products(self, node: Any, module: str, edges: list[int]) -> None:
        for needed, flops in backward_products(node):
            causes = union(edges[number] for number in needed)
            if causes:
                self.tape.products.append(Product(module, causes, flops))

    def _module_at(self, number: int) -> str:
        index = bisect_right(self._entered, number, key=lambda entry: entry[0]) - 1
        return self._entered[index][1] if index >= 0 else ""


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
