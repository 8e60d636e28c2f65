"""How far down the gradient has to travel in a phase."""

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import BackboneDescription, Role


def layers_crossed(table: ParameterTable, backbone: BackboneDescription) -> int:
    """Layers that the gradient enters, 0 to the depth of the stack.

    It is the depth of the lowest tensor that learns, not the number of layers that learn: a
    frozen layer above a learning one is crossed too. A tensor beside the stack may feed its first
    layer, so it counts as the whole depth; layers that share one set of weights are all crossed
    or none.
    """
    learning = [row for row in table.rows if row.state is State.TRAINABLE]
    if any(row.role in (Role.EMBEDDINGS, Role.BESIDE) for row in learning):
        return backbone.depth
    layers = [row.layer for row in learning if row.layer is not None]
    if not layers:
        return 0
    return backbone.depth if backbone.shares_layers else backbone.layers - min(layers)
