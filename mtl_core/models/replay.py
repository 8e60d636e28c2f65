"""Runs the upper layers of a backbone on stored outputs of the lower layers.

The model is not rebuilt. During one forward pass, the module before the stack and the layers below
the boundary return the stored values, and the architecture's own forward method runs unchanged
(masks, position biases, final norms). Slicing the list of layers would change behaviour that
depends on a layer's index: DeBERTa-v2's convolution acts after layer 0 only.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import example_input, quiet_transformers
from mtl_core.models.layer_stack import evaluating, find_stack
from mtl_core.models.padding import by_length, padding_problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Forward = Callable[..., Any]


class LayerReplay:
    """A backbone whose forward pass can stop and resume between layers.

    A depth is the number of layers below it: at depth 2, layer 2 is the first that runs. Layers
    that share weights count once. The depth `layers` refers to the last hidden state; nothing of
    the backbone runs then.
    Raises the exceptions of `find_stack`.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model = model
        self._pads = padding_problem(model) is None
        stack = find_stack(model)
        self.layers = len(stack.paths)
        self._members = [model.get_submodule(path) for path in stack.paths]
        self._first_argument = _first_argument(self._members[0])
        self._entry, passing = self._probe(stack.container)
        self._skipped = [(member, self._pass_through(width)) for member, width in passing.items()]

    @property
    def device(self) -> torch.device:
        """The device of the backbone."""
        device: torch.device = self._model.device
        return device

    def capture(
        self, depths: Sequence[int], input_ids: Tensor, attention_mask: Tensor
    ) -> dict[int, Tensor]:
        """The hidden states that enter each depth, from one pass without dropout.

        Each is (batch, tokens, hidden). The pass stops at the highest depth.
        Raises UnsupportedArchitecture if layers see other tokens than those of the batch.
        """
        if self._pads:
            return self._capture(depths, input_ids, attention_mask)

        def run(ids: Tensor, mask: Tensor) -> list[Tensor]:
            return list(self._capture(depths, ids, mask).values())

        found = by_length(run, input_ids, attention_mask)
        return dict(zip(depths, found, strict=True))

    def _capture(
        self, depths: Sequence[int], input_ids: Tensor, attention_mask: Tensor
    ) -> dict[int, Tensor]:
        found: dict[int, Tensor] = {}
        highest = max(depths)

        def keep(depth: int, hidden: Tensor) -> None:
            found.setdefault(depth, hidden)  # the first call of a shared layer
            if depth == highest:
                raise _AllCaptured

        handles = [
            self._members[depth].register_forward_pre_hook(
                lambda _, args, kwargs, depth=depth: keep(depth, self._hidden_in(args, kwargs)),
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
                    "sentence has, so their outputs cannot be stored by sentence."
                )
        return {depth: found[depth] for depth in depths}

    def resume(
        self, depth: int, hidden: Tensor, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """The last hidden state from the hidden states at `depth`: both (batch, tokens, hidden)."""
        if depth == self.layers:
            return hidden
        with self.resuming(depth, hidden):
            output = self._model(input_ids=input_ids, attention_mask=attention_mask)
        last: Tensor = output.last_hidden_state
        return last

    @contextmanager
    def resuming(self, depth: int, hidden: Tensor) -> Iterator[None]:
        """Forward passes of the backbone inside the context start from `hidden` at `depth`.

        `depth` must be less than `layers`.
        """
        first = self._members[depth]
        forwards: dict[nn.Module, Forward] = dict(self._skipped[:depth])
        forwards[first] = self._forward_from(first, hidden)
        if self._entry is not None:
            forwards[self._entry] = lambda *_, **__: hidden
        with _replaced(forwards):
            yield

    def _hidden_in(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
        """The hidden states in a layer's arguments."""
        hidden: Tensor = args[0] if args else kwargs[self._first_argument]
        return hidden

    def _forward_from(self, layer: nn.Module, hidden: Tensor) -> Forward:
        """A forward method of `layer` that uses `hidden` as the input of its first call.

        Later calls of a shared layer use their own input.
        """
        original: Forward = layer.forward
        pending = [hidden]

        def forward(*args: Any, **kwargs: Any) -> Any:
            if not pending:
                return original(*args, **kwargs)
            if args:
                return original(pending.pop(), *args[1:], **kwargs)
            return original(**{**kwargs, self._first_argument: pending.pop()})

        return forward

    def _pass_through(self, width: int | None) -> Forward:
        """A forward method that returns its input, with as many values as the layer returns."""

        def forward(*args: Any, **kwargs: Any) -> Any:
            hidden = self._hidden_in(args, kwargs)
            return hidden if width is None else (hidden, *[None] * (width - 1))

        return forward

    def _probe(self, container: str) -> tuple[nn.Module | None, dict[nn.Module, int | None]]:
        """The outermost module whose output is layer 0's input, or None, and the number of values
        that each layer returns (None: a single tensor)."""
        outputs: list[tuple[nn.Module, Tensor]] = []
        entries: list[nn.Module] = []
        widths: dict[nn.Module, int | None] = {}

        def note_output(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                outputs.append((module, output))

        def note_entry(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            hidden = self._hidden_in(args, kwargs)
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
        # Hooks run from the inside out, so the last module with this output is the outermost.
        return entries[-1] if entries else None, {m: widths[m] for m in self._members}


class _AllCaptured(Exception):
    """Stops the forward pass after the highest depth."""


def _within(name: str, container: str) -> bool:
    return name == container or name.startswith(f"{container}.")


def _first_argument(layer: nn.Module) -> str:
    return next(iter(inspect.signature(layer.forward).parameters))


@contextmanager
def _replaced(forwards: Mapping[nn.Module, Forward]) -> Iterator[None]:
    """Replace the forward methods of some modules inside the context."""
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
