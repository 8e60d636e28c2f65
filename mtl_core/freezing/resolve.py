"""Resolve a plan against a model: compute each tensor's state and learning rate."""

from collections.abc import Iterable, Mapping
from threading import Lock

from cachetools import LRUCache, cached

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolution import LAYERNORM_SIZE, rounds_to_nothing
from mtl_core.freezing.selectors import require_few, select_any
from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.models.description import ModelDescription, ModelTensor, Role
from mtl_core.nearest import did_you_mean


@cached(
    LRUCache(32),  # a class looks at the same plans
    key=lambda plan, model: (plan.model_dump_json(), model),
    lock=Lock(),
)
def parameter_tables(plan: Plan, model: ModelDescription) -> tuple[ParameterTable, ...]:
    """Build the parameter table of every phase of `plan`.

    Raises SelectorMatchesNothing or InvalidPlan if the plan does not fit the model.
    """
    count = len(plan.freeze) + sum(len(phase.train) for phase in plan.phases)
    require_few(count, f"'{plan.name}'")
    weighted = _weighted_tasks(plan, model)
    frozen = select_any(plan.freeze, model, f"'freeze' of '{plan.name}'")
    rates: dict[str, float] = {}  # of the last phase that trains a tensor, by name
    tables: list[ParameterTable] = []
    for number, phase in enumerate(plan.phases, start=1):
        rows = _rows(plan, phase, model, frozen, weighted, rates)
        _check_thaws(phase, rows, rates)
        tables.append(ParameterTable(plan, number, rows))
        rates |= {row.name: row.learning_rate for row in rows if row.learning_rate is not None}
    return tuple(tables)


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
    earlier: Mapping[str, float],
) -> tuple[Row, ...]:
    selected = select_any(phase.train, model, f"phase '{phase.name}'") - frozen
    reached = {t.tied_to or t.name for t in model.tensors if weighted.intersection(t.reached_by)}
    by_name = {tensor.name: tensor for tensor in model.tensors}

    def row(tensor: ModelTensor) -> Row:
        owner = by_name[tensor.tied_to or tensor.name]
        state = _state(owner.name in selected, owner.name in reached)
        rate = _rate(plan, phase, owner, model, earlier.get(owner.name))
        trainable = state is State.TRAINABLE
        return Row(
            name=tensor.name,
            shape=tensor.shape,
            count=tensor.count,
            group=tensor.group,
            role=tensor.role,
            layer=tensor.layer,
            state=state,
            learning_rate=rate if trainable else None,
            reached_by=tensor.reached_by,
            tied_to=tensor.tied_to,
            no_effective_update=trainable and _has_no_effect(rate, owner),
        )

    return tuple(row(tensor) for tensor in model.tensors)


def _rate(
    plan: Plan, phase: Phase, tensor: ModelTensor, model: ModelDescription, earlier: float | None
) -> float:
    """The rate of a tensor if the phase trains it.

    `earlier` is its rate in the last phase that trained it; None if none did.
    """
    is_head = tensor.role is Role.HEAD
    keeps = phase.thawed_learning_rate is not None and not (is_head and phase.head_learning_rate)
    if keeps and earlier is not None:
        return earlier
    backbone, heads = plan.rates_in(phase)
    return (heads if is_head else backbone) / plan.layer_decay ** _layers_below_top(tensor, model)


def _check_thaws(phase: Phase, rows: Iterable[Row], earlier: Mapping[str, float]) -> None:
    """Raises InvalidPlan if a phase has a rate for newly thawed layers and thaws none."""
    if phase.thawed_learning_rate is None:
        return
    trained = [row for row in rows if row.state is State.TRAINABLE and row.role is not Role.HEAD]
    if all(row.name in earlier for row in trained):
        why = "earlier phases train all of its layers" if trained else "it trains no layer"
        raise InvalidPlan(
            f"Phase '{phase.name}' has 'thawed_learning_rate' {phase.thawed_learning_rate:g}, the "
            f"rate of newly thawed layers, but thaws none: {why}. Remove the rate, or "
            "add layers to 'train'."
        )


def _has_no_effect(rate: float, tensor: ModelTensor) -> bool:
    """Whether a step of this rate is below the resolution of a LayerNorm's weights."""
    is_scale = tensor.layernorm and not tensor.bias
    return is_scale and rounds_to_nothing(rate, LAYERNORM_SIZE)


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
