"""Run a backbone's upper layers alone, on what its lower ones gave earlier.

Nothing is rebuilt or renamed: while one forward pass lasts, the module that feeds the stack and
the layers below the boundary hand on what was stored, and the architecture's own forward runs
unchanged (masks, position biases, final norms). Slicing the list of layers instead would change
what is tied to a layer's number: DeBERTa-v2's convolution acts after layer 0 alone.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import example_input, quiet_transformers
from mtl_core.models.depth import evaluating, find_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Forward = Callable[..., Any]


class LayerReplay:
    """A backbone that can be left and entered between its layers.

    A depth is how many layers lie below, counted from the bottom: at depth 2 layer 2 is the first
    that runs. Only layers with weights of their own count. At `layers`, the full depth, the last
    hidden state itself is meant, and nothing of the backbone runs.
    Raises UnsupportedArchitecture where `find_stack` does.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model = model
        stack = find_stack(model)
        self.layers = len(stack.paths)
        self._members = [model.get_submodule(path) for path in stack.paths]
        self._first_argument = _first_argument(self._members[0])
        self._entry, passing = self._probe(stack.container)
        self._skipped = [(member, self._handing_on(width)) for member, width in passing.items()]

    @property
    def device(self) -> torch.device:
        """Where the backbone computes."""
        device: torch.device = self._model.device
        return device

    def capture(
        self, depths: Sequence[int], input_ids: Tensor, attention_mask: Tensor
    ) -> dict[int, Tensor]:
        """What enters each depth in one pass without dropout, up to the highest asked for:
        (batch, tokens, hidden).

        Raises UnsupportedArchitecture where layers see other tokens than those of the batch.
        """
        found: dict[int, Tensor] = {}
        highest = max(depths)

        def keep(depth: int, hidden: Tensor) -> None:
            found.setdefault(depth, hidden)  # a shared layer's first call is the one that counts
            if depth == highest:
                raise _AllCaptured

        handles = [
            self._members[depth].register_forward_pre_hook(
                lambda _, args, kwargs, depth=depth: keep(depth, self._of(args, kwargs)),
                with_kwargs=True,
            )
            for depth in depths
            if depth < self.layers
        ]
        try:
            with evaluating(self._model), torch.no_grad(), suppress(_AllCaptured):
                output = self._model(input_ids=input_ids, attention_mask=attention_mask)
                found[self.layers] = output.last_hidden_state
        finally:
            for handle in handles:
                handle.remove()
        for hidden in found.values():
            if hidden.shape[:2] != input_ids.shape:
                raise UnsupportedArchitecture(
                    f"The layers of '{self._model.config.model_type}' see more tokens than a "
                    "sentence has, so their outputs cannot be kept by sentence."
                )
        return {depth: found[depth] for depth in depths}

    def resume(
        self, depth: int, hidden: Tensor, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """The last hidden state from what entered `depth`: both (batch, tokens, hidden)."""
        if depth == self.layers:
            return hidden
        with self.resuming(depth, hidden):
            output = self._model(input_ids=input_ids, attention_mask=attention_mask)
        last: Tensor = output.last_hidden_state
        return last

    @contextmanager
    def resuming(self, depth: int, hidden: Tensor) -> Iterator[None]:
        """A pass of the backbone that runs meanwhile begins from `hidden` at `depth`.

        `depth` is below the full one: above that nothing is left to run.
        """
        first = self._members[depth]
        forwards: dict[nn.Module, Forward] = dict(self._skipped[:depth])
        forwards[first] = self._entering(first, hidden)
        if self._entry is not None:
            forwards[self._entry] = lambda *_, **__: hidden
        with _running(forwards):
            yield

    def _of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
        """The hidden states among a layer's arguments."""
        hidden: Tensor = args[0] if args else kwargs[self._first_argument]
        return hidden

    def _entering(self, layer: nn.Module, hidden: Tensor) -> Forward:
        """The layer's forward that begins from `hidden`, once: later calls of a shared layer go on
        from where the first one led."""
        whole: Forward = layer.forward
        waiting = [hidden]

        def forward(*args: Any, **kwargs: Any) -> Any:
            if not waiting:
                return whole(*args, **kwargs)
            if args:
                return whole(waiting.pop(), *args[1:], **kwargs)
            return whole(**{**kwargs, self._first_argument: waiting.pop()})

        return forward

    def _handing_on(self, width: int | None) -> Forward:
        """A layer's forward that gives what it got, in as many values as the layer returns."""

        def forward(*args: Any, **kwargs: Any) -> Any:
            hidden = self._of(args, kwargs)
            return hidden if width is None else (hidden, *[None] * (width - 1))

        return forward

    def _probe(self, container: str) -> tuple[nn.Module | None, dict[nn.Module, int | None]]:
        """The outermost module whose output is layer 0's input, if one is; and how many values
        each layer returns (None: a tensor alone)."""
        outputs: list[tuple[nn.Module, Tensor]] = []
        entries: list[nn.Module] = []
        widths: dict[nn.Module, int | None] = {}

        def note_output(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                outputs.append((module, output))

        def note_entry(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            hidden = self._of(args, kwargs)
            entries.extend(module for module, output in outputs if output is hidden)

        def note_width(module: nn.Module, _: Any, output: Any) -> None:
            widths[module] = len(output) if isinstance(output, tuple) else None

        around = [m for name, m in self._model.named_modules() if not _within(name, container)]
        handles = [module.register_forward_hook(note_output) for module in around]
        handles += [member.register_forward_hook(note_width) for member in self._members]
        handles.append(self._members[0].register_forward_pre_hook(note_entry, with_kwargs=True))
        try:
            with evaluating(self._model), torch.no_grad(), quiet_transformers():
                self._model(input_ids=example_input(self._model))
        finally:
            for handle in handles:
                handle.remove()
        # Called inside out, so the last one that gave this very tensor is the outermost.
        return entries[-1] if entries else None, {m: widths[m] for m in self._members}


class _AllCaptured(Exception):
    """What is above need not run."""


def _within(name: str, container: str) -> bool:
    return name == container or name.startswith(f"{container}.")


def _first_argument(layer: nn.Module) -> str:
    return next(iter(inspect.signature(layer.forward).parameters))


@contextmanager
def _running(forwards: Mapping[nn.Module, Forward]) -> Iterator[None]:
    """Other forwards for some modules, for a while; names and parameters stay as they are."""
    before = {module: vars(module).get("forward") for module in forwards}
    for module, forward in forwards.items():
        vars(module)["forward"] = forward
    try:
        yield
    finally:
        for module, own in before.items():
            if own is None:
                del vars(module)["forward"]
            else:
                vars(module)["forward"] = own
