"""Editing a plan: one function for each thing a hand can do to it, each from plan to plan.

Phases are counted from 1. A change that makes no plan raises InvalidPlan and leaves the plan as it
was. What a click on a block does to a phase's selectors is weighed in
`docs/decisions/0012-a-click-becomes-the-tersest-selectors.md`.
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

_LONGEST_NAME = 80


class Learns(StrEnum):
    """How much of a block a phase sets to learn, what `freeze` holds left out."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BlockState:
    """One block in one phase. `held_by` are the rules of `freeze` that hold all of it."""

    block: PlanBlock
    learns: Learns
    held_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule matches: unique tensors in the model's order, and their parameters."""

    selector: str
    names: tuple[str, ...]
    parameters: int


def match(selector: str, model: ModelDescription, where: str = "the rule") -> Match:
    """What `selector` matches. Raises SelectorMatchesNothing, with the nearest names, or
    InvalidPlan for a number out of range."""
    chosen = select(selector, model, where)
    found = [tensor for tensor in model.tensors if tensor.name in chosen]
    names = tuple(tensor.name for tensor in found)
    return Match(selector, names, sum(tensor.count for tensor in found))


def block_states(plan: Plan, phase: int, model: ModelDescription) -> tuple[BlockState, ...]:
    """Every block of the picture, from the top down, as `phase` has it."""
    chosen = select_any(_phase(plan, phase).train, model, "the phase")
    never = select_any(plan.freeze, model, "'freeze'")

    def state(block: PlanBlock) -> BlockState:
        free = block.tensors - never
        if not free:
            return BlockState(block, Learns.NONE, _holding(plan, block, model))
        if free <= chosen:
            return BlockState(block, Learns.WHOLE, ())
        return BlockState(block, Learns.PART if free & chosen else Learns.NONE, ())

    return tuple(state(block) for block in plan_blocks(model))


def toggle_block(plan: Plan, phase: int, group: str, model: ModelDescription) -> Plan:
    """Freeze the block of `group` in `phase` if all of it learns, else let all of it learn.

    The phase's selectors become the tersest that are true. Raises InvalidPlan where a rule of
    `freeze` holds the block: no phase can thaw it.
    """
    state = _state_of(plan, phase, group, model)
    if state.held_by:
        rules = " and ".join(f"'{rule}'" for rule in state.held_by)
        raise InvalidPlan(
            f"'{group}' is held by {rules} under 'freeze', which wins over every phase. "
            "Lift the rule to let it learn."
        )
    kept = _phase(plan, phase).train
    chosen, block = select_any(kept, model, "the phase"), state.block.tensors
    wanted = chosen - block if state.learns is Learns.WHOLE else chosen | block
    return set_phase(plan, phase, train=minimal_selectors(wanted, model, kept))


def lift_and_thaw(plan: Plan, phase: int, group: str, model: ModelDescription) -> Plan:
    """Take away the rules of `freeze` that hold the block of `group`, and let it learn in
    `phase`."""
    held = _state_of(plan, phase, group, model).held_by
    lifted = set_plan(plan, freeze=tuple(rule for rule in plan.freeze if rule not in held))
    learns = _state_of(lifted, phase, group, model).learns
    return lifted if learns is Learns.WHOLE else toggle_block(lifted, phase, group, model)


def add_selector(plan: Plan, phase: int, selector: str, model: ModelDescription) -> Plan:
    """Add a rule to what learns in `phase`, as it was written. Raises as `match` does."""
    match(selector, model)
    kept = _phase(plan, phase).train
    return plan if selector in kept else set_phase(plan, phase, train=(*kept, selector))


def remove_selector(plan: Plan, phase: int, selector: str) -> Plan:
    """Take a rule away from what learns in `phase`; all is frozen once none is left."""
    kept = tuple(each for each in _phase(plan, phase).train if each != selector)
    return set_phase(plan, phase, train=kept)


def add_freeze(plan: Plan, selector: str, model: ModelDescription) -> Plan:
    """Add a rule that freezes in every phase. Raises as `match` does."""
    match(selector, model)
    return plan if selector in plan.freeze else set_plan(plan, freeze=(*plan.freeze, selector))


def remove_freeze(plan: Plan, selector: str) -> Plan:
    """Take away a rule that freezes in every phase."""
    return set_plan(plan, freeze=tuple(each for each in plan.freeze if each != selector))


def add_phase(plan: Plan, model: ModelDescription) -> Plan:
    """The plan with one phase more: the last again, with one more layer thawed, downward.

    After the layers come the embeddings; where those learn too, it is a plain copy. The copy has
    the plan's rates. Raises InvalidPlan beyond the most phases a plan may have.
    """
    if len(plan.phases) >= MAX_PHASES:
        raise InvalidPlan(f"A plan has at most {MAX_PHASES} phases.")
    last = plan.phases[-1]
    thawed = _next_to_thaw(plan, model)
    title = f"{last.name} again" if thawed is None else f"+ {thawed.name}"
    taken = {phase.name for phase in plan.phases}
    copy = Phase(name=_free_name(title, taken), train=last.train, epochs=last.epochs)
    longer = set_plan(plan, phases=(*plan.phases, copy))
    count = len(longer.phases)
    return longer if thawed is None else toggle_block(longer, count, thawed.name, model)


def remove_phase(plan: Plan, phase: int) -> Plan:
    """The plan without one phase. Raises InvalidPlan for its only one."""
    _phase(plan, phase)
    if len(plan.phases) == 1:
        raise InvalidPlan("A plan needs a phase; this is its only one.")
    return set_plan(plan, phases=plan.phases[: phase - 1] + plan.phases[phase:])


def move_phase(plan: Plan, phase: int, to: int) -> Plan:
    """The plan with one phase in another place. Raises InvalidPlan for a place it has not."""
    moved, phases = _phase(plan, phase), list(plan.phases)
    _phase(plan, to)
    phases.insert(to - 1, phases.pop(phase - 1))
    return plan if phases[phase - 1] is moved else set_plan(plan, phases=tuple(phases))


def set_phase(plan: Plan, phase: int, **changes: Any) -> Plan:
    """The plan with fields of one phase changed: name, train, epochs, rates."""
    changed = {**_phase(plan, phase).model_dump(), **changes}
    phases = [each.model_dump() for each in plan.phases]
    return set_plan(plan, phases=(*phases[: phase - 1], changed, *phases[phase:]))


def set_plan(plan: Plan, **changes: Any) -> Plan:
    """The plan with fields changed: name, rates, schedule, layer decay, freeze, task weights."""
    return checked_plan({**plan.model_dump(), **changes}, "the plan")


def set_task_weight(plan: Plan, task: str, weight: float) -> Plan:
    """The plan with one task's weight in the joint loss; 1 is not written down."""
    weights = {name: each for name, each in plan.task_weights.items() if name != task}
    return set_plan(plan, task_weights=weights if weight == 1 else {**weights, task: weight})


def _phase(plan: Plan, phase: int) -> Phase:
    if not 1 <= phase <= len(plan.phases):
        raise InvalidPlan(
            f"Phase {phase} was asked; '{plan.name}' has {len(plan.phases)}, counted from 1."
        )
    return plan.phases[phase - 1]


def _state_of(plan: Plan, phase: int, group: str, model: ModelDescription) -> BlockState:
    states = block_states(plan, phase, model)
    found = next((each for each in states if group in each.block.groups), None)
    if found is None:
        names = ", ".join(each.block.name for each in states)
        raise InvalidPlan(f"There is no block '{group}'. Blocks: {names}.")
    return found


def _holding(plan: Plan, block: PlanBlock, model: ModelDescription) -> tuple[str, ...]:
    """The rules of `freeze` that select something of a block."""
    return tuple(rule for rule in plan.freeze if select(rule, model) & block.tensors)


def _next_to_thaw(plan: Plan, model: ModelDescription) -> PlanBlock | None:
    """The highest layer that does not learn whole in the last phase, else the embeddings."""
    return next(
        (
            each.block
            for each in block_states(plan, len(plan.phases), model)
            if each.block.role in (Role.LAYER, Role.EMBEDDINGS)
            and each.learns is not Learns.WHOLE
            and not each.held_by
        ),
        None,
    )


def _free_name(title: str, taken: set[str]) -> str:
    """`title`, with a number behind it where it is taken, never too long for a phase."""
    numbered = (f"{title[: _LONGEST_NAME - 4]} {number}" for number in range(2, MAX_PHASES + 2))
    return next(name for name in (title[:_LONGEST_NAME], *numbered) if name not in taken)


MOST_STEPS = 50

Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class History(Generic[Step]):
    """`steps` from the oldest to the newest, never empty; `position` counts from 0."""

    steps: tuple[Step, ...]
    position: int = 0

    @property
    def now(self) -> Step:
        """The step one stands at."""
        return self.steps[self.position]

    @property
    def can_undo(self) -> bool:
        """Whether there is a step before."""
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone and nothing was done since."""
        return self.position < len(self.steps) - 1

    def then(self, step: Step) -> "History[Step]":
        """One step on: what was undone is gone, and beyond MOST_STEPS the oldest is forgotten."""
        if step == self.now:
            return self
        steps = (*self.steps[: self.position + 1], step)[-MOST_STEPS:]
        return History(steps, len(steps) - 1)

    def undone(self) -> "History[Step]":
        """One step back; itself where there is none."""
        return History(self.steps, max(self.position - 1, 0))

    def redone(self) -> "History[Step]":
        """One step forward again; itself where there is none."""
        return History(self.steps, min(self.position + 1, len(self.steps) - 1))
