"""What models' answers to one sentence come to, in words."""

from collections import Counter
from collections.abc import Sequence

from mtl_core.analysis.disagreement import Said, said_at
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.predictions import Prediction

NO_ENTITY = "no entity"


def answers_finding(tasks: Sequence[Task], predictions: Sequence[Prediction]) -> str:
    """The page's answer: what all models say, or how they part, task by task."""
    parts = []
    for task in tasks:
        said = [each for one in predictions if (each := said_at(one, task)) is not None]
        if said:
            parts.append(f"{task_title(task.name)}: {_finding(task, said)}")
    return "; ".join(parts)


def said_words(said: Said, words: Sequence[str]) -> str:
    """An answer in a cell: the label, or each entity with its type."""
    if isinstance(said, str):
        return said
    found = [f"{' '.join(words[start:end])} ({kind})" for start, end, kind in said]
    return ", ".join(found) or NO_ENTITY


def _finding(task: Task, said: Sequence[Said]) -> str:
    apart = Counter(said)
    if len(apart) == 1:
        who = {1: "it", 2: "both"}.get(len(said), f"all {len(said)}")
        verb = "s" if len(said) == 1 else ""
        if task.kind is TaskKind.SENTENCE:
            return f"{who} say{verb} {said[0]}"
        return f"{who} mark{verb} {_entities(len(said[0]), len(said) > 1)}"
    if task.kind is TaskKind.SENTENCE:
        counted = apart.most_common()
        return ", ".join(f"{n} {'says' if n == 1 else 'say'} {each}" for each, n in counted)
    return f"{len(said)} models, {len(apart)} different markings"


def _entities(count: int, same: bool) -> str:
    if count == 0:
        return NO_ENTITY
    if same:
        return "the same entity" if count == 1 else f"the same {count} entities"
    return "1 entity" if count == 1 else f"{count} entities"
