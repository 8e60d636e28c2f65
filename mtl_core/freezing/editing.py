"""Edit a plan: each function takes a plan and returns the changed plan; and an undo history.

Phases are counted from 1. A change that would make the plan invalid raises InvalidPlan.
`docs/decisions/0012-a-click-becomes-the-tersest-selectors.md` explains how a click on a block
changes the selectors of a phase.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.minimal_selectors import PlanBlock, minimal_selectors, plan_blocks
from mtl_core.freezing.plan import MAX_PHASES, Phase, Plan
from mtl_core.freezing.plan_file import checked_plan
from mtl_core.freezing.selectors import select, select_any
from mtl_core.models.description import ModelDescription, Role

MOST_STEPS = 50
_LONGEST_NAME = 80

Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class History(Generic[Step]):
    """An immutable undo history. `steps` is ordered from oldest to newest and is never empty;
    `position` is the index of the current step."""

    steps: tuple[Step, ...]
    position: int = 0

    @property
    def current(self) -> Step:
        """The current step."""
        return self.steps[self.position]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier step."""
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step that was undone."""
        return self.position < len(self.steps) - 1

    def push(self, step: Step) -> "History[Step]":
        """Add a step after the current one and drop undone steps.

        Keeps the newest MOST_STEPS steps. Returns the history unchanged if `step` equals the
        current step.
        """
        if step == self.current:
            return self
        steps = (*self.steps[: self.position + 1], step)[-MOST_STEPS:]
        return History(steps, len(steps) - 1)

    def undo(self) -> "History[Step]":
        """Go one step back; unchanged at the oldest step."""
        return History(self.steps, max(self.position - 1, 0))

    def redo(self) -> "History[Step]":
        """Go one step forward; unchanged at the newest step."""
        return History(self.steps, min(self.position + 1, len(self.steps) - 1))


class Coverage(StrEnum):
    """How much of a block a phase trains, apart from tensors that `freeze` matches."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BlockState:
    """One block in one phase.

    `frozen_by` lists the `freeze` rules that match the block if they leave no tensor to train;
    otherwise it is empty.
    """

    block: PlanBlock
    coverage: Coverage
    frozen_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The unique tensors that a rule matches, in the model's order, and their parameter count."""

    selector: str
    names: tuple[str, ...]
    parameters: int


def match(selector: str, model: ModelDescription, where: str = "the rule") -> Match:
    """Return the tensors that `selector` matches.

    Raises SelectorMatchesNothing, with the nearest names, or InvalidPlan for a number out of range.
    """
    selected = select(selector, model, where)
    found = [tensor for tensor in model.tensors if tensor.name in selected]
    names = tuple(tensor.name for tensor in found)
    return Match(selector, names, sum(tensor.count for tensor in found))


def block_states(plan: Plan, phase: int, model: ModelDescription) -> tuple[BlockState, ...]:
    """The state of every block in `phase`, from the top of the model down."""
    selected = select_any(plan.phase(phase).train, model, "the phase")
    frozen = select_any(plan.freeze, model, "'freeze'")

    def state(block: PlanBlock) -> BlockState:
        free = block.tensors - frozen
        if not free:
            return BlockState(block, Coverage.NONE, _matching_freeze_rules(plan, block, model))
        if free <= selected:
            return BlockState(block, Coverage.FULL, ())
        return BlockState(block, Coverage.PARTIAL if free & selected else Coverage.NONE, ())

    return tuple(state(block) for block in plan_blocks(model))


def toggle_block(plan: Plan, phase: int, group: str, model: ModelDescription) -> Plan:
    """Freeze the block of `group` in `phase` if all of it is trained, else train all of it.

    The phase gets the shortest equivalent list of selectors. Raises InvalidPlan if a `freeze` rule
    matches the whole block, because `freeze` takes precedence over phases.
    """
    state = _state_of(plan, phase, group, model)
    if state.frozen_by:
        rules = " and ".join(f"'{rule}'" for rule in state.frozen_by)
        raise InvalidPlan(
            f"'{group}' is frozen by {rules} under 'freeze', which takes precedence over every "
            "phase. Remove the rule to train it."
        )
    train = plan.phase(phase).train
    selected, block = select_any(train, model, "the phase"), state.block.tensors
    names = selected - block if state.coverage is Coverage.FULL else selected | block
    return set_phase(plan, phase, train=minimal_selectors(names, model, train))


def unfreeze_block(plan: Plan, phase: int, group: str, model: ModelDescription) -> Plan:
    """Remove the `freeze` rules that match the block of `group`, and train it in `phase`."""
    rules = _state_of(plan, phase, group, model).frozen_by
    unfrozen = set_plan(plan, freeze=tuple(rule for rule in plan.freeze if rule not in rules))
    coverage = _state_of(unfrozen, phase, group, model).coverage
    return unfrozen if coverage is Coverage.FULL else toggle_block(unfrozen, phase, group, model)


def add_selector(plan: Plan, phase: int, selector: str, model: ModelDescription) -> Plan:
    """Add a selector to `train` of one phase. Raises as `match` does."""
    match(selector, model)
    train = plan.phase(phase).train
    return plan if selector in train else set_phase(plan, phase, train=(*train, selector))


def remove_selector(plan: Plan, phase: int, selector: str) -> Plan:
    """Remove a selector from `train` of one phase; an empty list freezes everything."""
    train = tuple(each for each in plan.phase(phase).train if each != selector)
    return set_phase(plan, phase, train=train)


def add_freeze(plan: Plan, selector: str, model: ModelDescription) -> Plan:
    """Add a rule to `freeze`, which applies to every phase. Raises as `match` does."""
    match(selector, model)
    return plan if selector in plan.freeze else set_plan(plan, freeze=(*plan.freeze, selector))


def remove_freeze(plan: Plan, selector: str) -> Plan:
    """Remove a rule from `freeze`."""
    return set_plan(plan, freeze=tuple(each for each in plan.freeze if each != selector))


def add_phase(plan: Plan, model: ModelDescription) -> Plan:
    """Append a copy of the last phase that trains one more layer, from the top down.

    After the lowest layer, the embeddings are added; if they are trained already, the phase is
    copied unchanged. The copy uses the plan's learning rates. Raises InvalidPlan if the plan has
    MAX_PHASES phases.
    """
    if len(plan.phases) >= MAX_PHASES:
        raise InvalidPlan(f"A plan has at most {MAX_PHASES} phases.")
    last = plan.phases[-1]
    added = _next_to_train(plan, model)
    title = f"{last.name} again" if added is None else f"+ {added.name}"
    taken = {phase.name for phase in plan.phases}
    copy = Phase(name=_free_name(title, taken), train=last.train, epochs=last.epochs)
    longer = set_plan(plan, phases=(*plan.phases, copy))
    count = len(longer.phases)
    return longer if added is None else toggle_block(longer, count, added.name, model)


def remove_phase(plan: Plan, phase: int) -> Plan:
    """Remove one phase. Raises InvalidPlan if it is the only one."""
    plan.phase(phase)
    if len(plan.phases) == 1:
        raise InvalidPlan("A plan needs at least one phase, and this is its only one.")
    return set_plan(plan, phases=plan.phases[: phase - 1] + plan.phases[phase:])


def move_phase(plan: Plan, phase: int, to: int) -> Plan:
    """Move one phase to position `to`. Raises InvalidPlan if either position does not exist."""
    moved, phases = plan.phase(phase), list(plan.phases)
    plan.phase(to)
    phases.insert(to - 1, phases.pop(phase - 1))
    return plan if phases[phase - 1] is moved else set_plan(plan, phases=tuple(phases))


def set_phase(plan: Plan, phase: int, **changes: Any) -> Plan:
    """Change fields of one phase: name, train, epochs, learning rates."""
    changed = {**plan.phase(phase).model_dump(), **changes}
    phases = [each.model_dump() for each in plan.phases]
    return set_plan(plan, phases=(*phases[: phase - 1], changed, *phases[phase:]))


def set_plan(plan: Plan, **changes: Any) -> Plan:
    """Change fields of the plan: name, rates, schedule, layer decay, freeze, task weights."""
    return checked_plan({**plan.model_dump(), **changes}, "the plan")


def set_task_weight(plan: Plan, task: str, weight: float) -> Plan:
    """Set one task's weight in the joint loss; the default weight 1 is left out of the plan."""
    weights = {name: each for name, each in plan.task_weights.items() if name != task}
    return set_plan(plan, task_weights=weights if weight == 1 else {**weights, task: weight})


def _state_of(plan: Plan, phase: int, group: str, model: ModelDescription) -> BlockState:
    states = block_states(plan, phase, model)
    found = next((each for each in states if group in each.block.groups), None)
    if found is None:
        names = ", ".join(each.block.name for each in states)
        raise InvalidPlan(f"There is no block '{group}'. Blocks: {names}.")
    return found


def _matching_freeze_rules(
    plan: Plan, block: PlanBlock, model: ModelDescription
) -> tuple[str, ...]:
    """The rules of `freeze` that select any tensor of a block."""
    return tuple(rule for rule in plan.freeze if select(rule, model) & block.tensors)


def _next_to_train(plan: Plan, model: ModelDescription) -> PlanBlock | None:
    """The highest block that `add_phase` can add: a layer, else the embeddings; None if neither."""
    return next(
        (
            each.block
            for each in block_states(plan, len(plan.phases), model)
            if each.block.role in (Role.LAYER, Role.EMBEDDINGS)
            and each.coverage is not Coverage.FULL
            and not each.frozen_by
        ),
        None,
    )


def _free_name(title: str, taken: set[str]) -> str:
    """`title` cut to a valid length, with a number appended if the name is taken."""
    numbered = (f"{title[: _LONGEST_NAME - 4]} {number}" for number in range(2, MAX_PHASES + 2))
    return next(name for name in (title[:_LONGEST_NAME], *numbered) if name not in taken)
