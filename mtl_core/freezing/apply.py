"""Make a model obey one phase of a plan: gradients, and train or eval mode."""

from torch import nn

from mtl_core.freezing.table import ParameterTable, State


def apply_phase(table: ParameterTable, model: nn.Module) -> None:
    """Set `requires_grad` of every parameter and the mode of every module as `table` says.

    An unreached tensor requires a gradient and never gets one, as the listing shows. A module in
    which nothing learns runs in eval mode: `requires_grad=False` alone leaves dropout on, and a
    frozen backbone would then answer differently on each pass. Gradients of what no longer learns
    are dropped, so that no optimiser step can move it.
    """
    states = {row.name: row.state for row in table.rows}
    for name, parameter in model.named_parameters():
        learns = states[name] is not State.FROZEN
        parameter.requires_grad_(learns)
        if not learns:
            parameter.grad = None
    learning = {row.name for row in table.rows if row.state is State.TRAINABLE}
    _set_modes(model, "", learning, parent_learns=False)


def _set_modes(module: nn.Module, path: str, learning: set[str], parent_learns: bool) -> None:
    """A module trains if a tensor in it learns; one with no tensors of its own, dropout for
    instance, goes with the module that holds it."""
    names = [f"{path}{name}" for name, _ in module.named_parameters(remove_duplicate=False)]
    module.training = any(name in learning for name in names) if names else parent_learns
    for name, child in module.named_children():
        _set_modes(child, f"{path}{name}.", learning, module.training)
