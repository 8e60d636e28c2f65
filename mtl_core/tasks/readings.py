"""How the files of a task were read: format, columns, scheme, types and counts, in one line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mtl_core.nearest import quoted
from mtl_core.tasks.schemes import Scheme
from mtl_core.tasks.task import TaskKind
from mtl_core.text import counted, listed

_READ_AS = " was read as "
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Reading:
    """How the files of one task were read.

    `layout` describes format and columns. `names` are the classes, or the entity types. `scheme` is
    that of the tags in the files, None in a sentence task and for spans of characters; `stated`:
    the manifest states it. `sentences`, `words` and `entities` are counts by split, over the whole
    files; the last two are empty in a sentence task. `notes` are sentences by split about what
    could not be read as it is written.
    """

    task: str
    kind: TaskKind
    layout: str
    names: tuple[str, ...]
    sentences: Mapping[str, int]
    scheme: Scheme | None = None
    stated: bool = False
    words: Mapping[str, int] = field(default_factory=dict)
    entities: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def without(self, split: str) -> "Reading":
        """The reading of the same files without those of one split."""

        def others(values: Mapping[str, _Value]) -> dict[str, _Value]:
            return {name: value for name, value in values.items() if name != split}

        return replace(
            self,
            sentences=others(self.sentences),
            words=others(self.words),
            entities=others(self.entities),
            notes=others(self.notes),
        )

    @property
    def notes_once(self) -> tuple[str, ...]:
        """The notes of all splits; a file of two splits has each once."""
        return tuple(dict.fromkeys(note for notes in self.notes.values() for note in notes))

    @property
    def line(self) -> str:
        """The reading as one sentence."""
        counts = [f"{_sum(self.sentences)} sentences"]
        if self.kind is TaskKind.SENTENCE:
            what = counted(len(self.names), "class", "classes")
        else:
            what = f"{self._scheme_words()}, {counted(len(self.names), 'entity type')}"
            counts += [f"{_sum(self.words)} words", f"{_sum(self.entities)} entities"]
        return (
            f"{self.task}{_READ_AS}{self.layout}: {what} ({quoted(self.names)}); "
            f"{', '.join(counts)} in {listed(list(self.sentences))}."
        )

    def _scheme_words(self) -> str:
        if self.scheme is None:
            return "spans of characters"
        found = "as the manifest states" if self.stated else "detected"
        converted = ", converted to IOB2" if self.scheme.marks_ends else ""
        return f"tags in {self.scheme} ({found}{converted})"


def states_reading(note: str) -> bool:
    """Whether a note of a run is the line of a reading."""
    return _READ_AS in note


def _sum(counts: Mapping[str, int]) -> str:
    """Counts by split: `400 + 200 + 800`."""
    return " + ".join(f"{count:,}" for count in counts.values())
