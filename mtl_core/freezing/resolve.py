"""Resolve a plan against a model: compute each tensor's state and learning rate."""

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.selectors import select_any
from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.models.description import ModelDescription, ModelTensor, Role
from mtl_core.nearest import did_you_mean


def parameter_tables(plan: Plan, model: ModelDescription) -> tuple[ParameterTable, ...]:
    """Build the parameter table of every phase of `plan`.

    Raises SelectorMatchesNothing or InvalidPlan if the plan does not fit the model.
    """
    weighted = _weighted_tasks(plan, model)
    frozen = select_any(plan.freeze, model, f"'freeze' of '{plan.name}'")
    return tuple(
        ParameterTable(plan, number, _rows(plan, phase, model, frozen, weighted))
        for number, phase in enumerate(plan.phases, start=1)
    )


def parameter_table(plan: Plan, model: ModelDescription, phase: int = 1) -> ParameterTable:
    """Build the parameter table of one phase, counted from 1.

    Raises as `parameter_tables` does, and InvalidPlan if there is no such phase.
    """
    plan.phase(phase)
    return parameter_tables(plan, model)[phase - 1]


def _weighted_tasks(plan: Plan, model: ModelDescription) -> frozenset[str]:
    """The tasks with a weight above 0 in the joint loss."""
    names = [task.name for task in model.tasks]
    for name in plan.task_weights:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InvalidPlan(
                f"task_weights names '{name}'; the tasks are {', '.join(names)}.{hint}"
            )
    weighted = frozenset(name for name in names if plan.task_weights.get(name, 1.0) > 0)
    if not weighted:
        raise InvalidPlan(
            f"task_weights of '{plan.name}' set every task to 0, so there is no loss to train on; "
            f"leave one of {', '.join(names)} above 0."
        )
    return weighted


def _rows(
    plan: Plan,
    phase: Phase,
    model: ModelDescription,
    frozen: frozenset[str],
    weighted: frozenset[str],
) -> tuple[Row, ...]:
    selected = select_any(phase.train, model, f"phase '{phase.name}'") - frozen
    reached = {t.tied_to or t.name for t in model.tensors if weighted.intersection(t.reached_by)}
    backbone_rate, head_rate = plan.rates_in(phase)
    by_name = {tensor.name: tensor for tensor in model.tensors}

    def row(tensor: ModelTensor) -> Row:
        owner = by_name[tensor.tied_to or tensor.name]
        state = _state(owner.name in selected, owner.name in reached)
        rate = head_rate if owner.role is Role.HEAD else backbone_rate
        decayed = rate / plan.layer_decay ** _layers_below_top(owner, model)
        return Row(
            name=tensor.name,
            shape=tensor.shape,
            count=tensor.count,
            group=tensor.group,
            role=tensor.role,
            layer=tensor.layer,
            state=state,
            learning_rate=decayed if state is State.TRAINABLE else None,
            reached_by=tensor.reached_by,
            tied_to=tensor.tied_to,
        )

    return tuple(row(tensor) for tensor in model.tensors)


def _state(selected: bool, reached: bool) -> State:
    if not selected:
        return State.FROZEN
    return State.TRAINABLE if reached else State.UNREACHED


def _layers_below_top(tensor: ModelTensor, model: ModelDescription) -> int:
    """How many times `layer_decay` divides the rate of a tensor.

    0 for the top layer, heads and pooler, then one more per layer down. Embeddings and tensors
    that act below the layers count as one below the lowest layer.
    """
    match tensor.role:
        case Role.LAYER:
            return model.backbone.layers - 1 - (tensor.layer or 0)
        case Role.EMBEDDINGS | Role.BESIDE:
            return model.backbone.layers
        case _:
            return 0
