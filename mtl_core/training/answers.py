"""What the heads answered, sentence by sentence, told beside the scores that follow from it."""

from collections.abc import Mapping, Sequence

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.events import Answers

Highest = Mapping[str, Mapping[int, Sequence[int]]]
"""By task and by place in the split: the output that was highest at each token that bears a label,
the first of a sentence task; 0 at the others."""


def answers(
    highest: Highest,
    encoded: Sequence[EncodedExample],
    tasks: Sequence[Task],
    step: int,
    elapsed_seconds: float,
) -> Answers:
    """The event that tells what was highest for every validation sentence, `encoded`, in order."""
    places = {task.name: tuple(sorted(highest[task.name])) for task in tasks}
    return Answers(
        elapsed_seconds=elapsed_seconds,
        step=step,
        split="validation",
        places=places,
        answers={
            task.name: tuple(
                _answer(task, encoded[place], highest[task.name][place])
                for place in places[task.name]
            )
            for task in tasks
        },
    )


def _answer(task: Task, encoded: EncodedExample, highest: Sequence[int]) -> int | tuple[int, ...]:
    """One index, or one for each word up to the last that was read.

    A word before it of which the tokenizer made nothing has no token to answer at: `O`, as it is
    scored.
    """
    if task.kind is TaskKind.SENTENCE:
        return highest[0]
    firsts = list(encoded.first_sub_words)
    while firsts and firsts[-1] is None:
        firsts.pop()
    outside = task.outputs.index(OUTSIDE)
    return tuple(outside if first is None else highest[first] for first in firsts)
