"""Tasks: sentence classification or token tagging by one head."""

from enum import StrEnum

from mtl_core.values import Frozen


class TaskKind(StrEnum):
    """The input of a head: the last hidden state of the first token, or of every token."""

    SENTENCE = "sentence"
    TOKEN = "token"  # noqa: S105 - not a password


class Task(Frozen):
    """One task and its linear head.

    `outputs` are the head's labels in the order of its rows. For a token task they are the tags
    as in its data: `O, PER, …` (IO) or `O, B-person, I-person, …` (IOB2).
    """

    name: str
    kind: TaskKind
    head: str
    outputs: tuple[str, ...]

    @property
    def metric(self) -> str:
        """The name of the task's headline metric."""
        return "accuracy" if self.kind is TaskKind.SENTENCE else "entity F1"


DEFAULT_TASKS = (
    Task(
        name="sentiment",
        kind=TaskKind.SENTENCE,
        head="classifier",
        outputs=("negative", "positive"),
    ),
    Task(name="ner", kind=TaskKind.TOKEN, head="ner", outputs=("O", "PER", "LOC", "ORG")),
)
