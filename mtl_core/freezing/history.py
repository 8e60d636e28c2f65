"""Undo and redo as a value: what there was, in order, and where one stands in it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

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
