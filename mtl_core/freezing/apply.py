"""Apply one phase of a plan to a model: gradients, and train or eval mode."""

from torch import nn

from mtl_core.freezing.table import ParameterTable, State


def apply_phase(table: ParameterTable, model: nn.Module, *, frozen_dropout: bool = False) -> None:
    """Set `requires_grad` of every parameter and the mode of every module according to `table`.

    An unreached tensor has `requires_grad=True` but never receives a gradient, as in the listing.
    A module without trainable parameters runs in eval mode. `requires_grad=False` alone leaves
    dropout on, and the outputs of a frozen backbone would then differ between passes. With
    `frozen_dropout` every module runs in train mode, as after `model.train()`. Gradients of
    frozen parameters are cleared, so that no optimizer step can change them.
    """
    states = {row.name: row.state for row in table.rows}
    for name, parameter in model.named_parameters():
        requires_grad = states[name] is not State.FROZEN
        parameter.requires_grad_(requires_grad)
        if not requires_grad:
            parameter.grad = None
    if frozen_dropout:
        model.train()
        return
    trainable = {row.name for row in table.rows if row.state is State.TRAINABLE}
    _set_modes(model, "", trainable, parent_trains=False)


def _set_modes(module: nn.Module, path: str, trainable: set[str], parent_trains: bool) -> None:
    """Put a module in train mode if any of its parameters is trainable.

    A module without parameters, such as dropout, takes the mode of its parent.
    """
    names = [f"{path}{name}" for name, _ in module.named_parameters(remove_duplicate=False)]
    module.training = any(name in trainable for name in names) if names else parent_trains
    for name, child in module.named_children():
        _set_modes(child, f"{path}{name}.", trainable, module.training)
