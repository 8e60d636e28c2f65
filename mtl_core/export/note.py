"""The note: what the runs came to, as sections of text, tables and figures, in no format yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mtl_core import __version__
from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.summary import PhaseProgress, RunSummary, TaskProgress
from mtl_core.analysis.words import listed
from mtl_core.charts.theme import LIGHT
from mtl_core.export.drawings import Drawing, loss_drawings, stack_drawings
from mtl_core.export.material import ExportedRun, Material
from mtl_core.export.phases import phase_row
from mtl_core.export.repeat import needs_plan_file, train_command
from mtl_core.export.scores import comparison_facts, proof_words, score_row, score_rules
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.lessons.chain_words import chain_lines, chain_rows, chain_title
from mtl_core.lessons.run_words import STATE_SIGNS, elsewhere_words, facts, moment
from mtl_core.lessons.titles import task_title
from mtl_core.training.spec import RunSpec

NOTHING = "–"
_COSTS = ("Learn", "Share", "Rates", "Epochs", "Seconds", "Peak memory", "Frozen, identical")
_LEFT = ("Plan", "Rates", "Frozen, identical", "State", "Phase", "Learning rate")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under titles. `right` are the titles of columns that hold numbers.

    The first column names its row.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is, with what it is written in."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings that stand side by side where there is room."""

    drawings: tuple[Drawing, ...]


Block = Text | Table | Code | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note on one or several runs. `facts` say where its numbers come from; `warnings` what a
    reader must know before the first of them."""

    title: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    made_with: str

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """Every figure of the note, in its order."""
        return tuple(
            drawing
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Figures)
            for drawing in block.drawings
        )


def note_of(material: Material, now: datetime) -> Note:
    """The note on these runs, as of `now`."""
    return Note(
        title=material.headline,
        facts=tuple(_facts(material)),
        warnings=material.unfinished,
        sections=tuple(section for section in _sections(material) if section.blocks),
        made_with=f"Freeze Lab {__version__}, {moment(now)}",
    )


def _facts(material: Material) -> list[str]:
    if len(material.runs) == 1:
        run = material.runs[0]
        return facts(run.record, run.summary)
    return comparison_facts(material.comparison, [run.record for run in material.runs])


def _sections(material: Material) -> Iterator[Section]:
    yield Section("Scores and what they cost", tuple(_scores(material)))
    yield Section("Staged training", tuple(_chains(material)))
    yield Section("Losses", _figures(loss_drawings(material)))
    yield Section("What learns, and how far the gradient goes", _figures(stack_drawings(material)))
    if len(material.runs) > 1:
        yield Section("In what the runs differ", tuple(_differences(material)))
    yield Section("Proof that frozen stayed frozen", tuple(_proof(material)))
    yield Section("The runs", (_runs(material),))
    yield Section("Repeat it", tuple(_repeat(material)))
    yield Section("Environment", tuple(_environment(material)))


def _figures(drawings: tuple[Drawing, ...]) -> tuple[Block, ...]:
    return (Figures(drawings),) if drawings else ()


def _scores(material: Material) -> Iterator[Block]:
    """Two tables, so that a page's width is enough: the scores, and what they cost."""
    comparison = material.comparison
    titles = _titles(comparison.tasks)
    rows = [score_row(label, run.record, comparison) for label, run in material.named]
    left_out = "against best" if len(rows) == 1 else NOTHING
    scores = [
        {
            _spelled(name, titles): text
            for name, text in row.items()
            if name not in _COSTS and not name.endswith(left_out)
        }
        for row in rows
    ]
    yield _table(scores)
    yield _table([{name: row[name] for name in ("Plan", *_COSTS)} for row in rows])
    yield Text(score_rules(comparison))
    for label, run in material.named:
        for line in (*run.summary.notes, *elsewhere_words(run.summary)):
            yield Text(f"{label.label}: {line}")


def _chains(material: Material) -> Iterator[Block]:
    """Of each run that goes on from another: its stages, and what they cost earlier tasks."""
    for label, run in material.named:
        if run.chain is None:
            continue
        yield Text(f"{label.label}: {chain_title(run.chain)}.")
        yield _table(chain_rows(run.chain), left=("Stage", "Run", "Learned"))
        for line in chain_lines(run.chain):
            yield Text(line)


def _differences(material: Material) -> Iterator[Block]:
    found = spec_differences([run.summary.spec for run in material.runs])
    labels = [label.label for label, _ in material.named]
    if not found:
        yield Text("In nothing: the same spec was run again.")
        return
    yield Table(
        ("Key of the spec", *labels),
        tuple((each.key, *(value or NOTHING for value in each.values)) for each in found),
    )
    yield Text(f"All other keys of the specs are equal. {NOTHING}: this spec has no such key.")


def _proof(material: Material) -> Iterator[Block]:
    yield Text(
        "The SHA-256 of each frozen tensor is taken before and after each phase, and over the "
        "whole run of every tensor that no phase let learn; where a model was written, its file "
        "is compared with the file that the run started from too, unless its weights were drawn."
    )
    rows = [
        {"Plan": label.label, **_phase(phase, run.summary)}
        for label, run in material.named
        for phase in run.summary.phases
    ]
    yield _table(rows)
    ends = [f"{label.label}: {proof_words(run.summary)}" for label, run in material.named]
    yield Text(f"Over the whole run: {'; '.join(ends)}.")


def _phase(phase: PhaseProgress, summary: RunSummary) -> dict[str, str]:
    titles = _titles(summary.tasks)
    return {_spelled(name, titles): text for name, text in phase_row(phase, summary).items()}


def _titles(tasks: Sequence[TaskProgress]) -> dict[str, str]:
    """The tasks' titles by the letters that stand for them in a page's narrow columns."""
    return {LIGHT.task(n).letter: task_title(task.task.name) for n, task in enumerate(tasks)}


def _spelled(column: str, titles: Mapping[str, str]) -> str:
    """`A change` -> `Sentiment change`."""
    letter, space, rest = column.partition(" ")
    return f"{titles[letter]}{space}{rest}" if letter in titles else column


def _runs(material: Material) -> Table:
    return _table(
        [
            {
                "Plan": label.label,
                "Run": run.id,
                "Name": run.record.title or "",
                "Tags": ", ".join(run.record.tags),
                "State": STATE_SIGNS[run.record.state],
                "Checkpoint": run.record.spec.checkpoint,
                "Data": run.record.spec.data,
                "Seed": str(run.record.spec.seed),
                "Started": moment(run.record.started_at or run.record.created_at),
            }
            for label, run in material.named
        ],
        left=("Run", "Name", "Tags", "Checkpoint", "Data", "Started"),
    )


def _repeat(material: Material) -> Iterator[Block]:
    yield Text(
        "From the folder of Freeze Lab. The same command on the same machine, with the same "
        "number of threads, gives each loss again, to the last bit."
    )
    for run in material.runs:
        spec = run.record.spec
        yield Code(f"# {run.id}\n{_with_threads(spec, run)}", "sh")
        if needs_plan_file(spec, run.model):
            yield Text(f"The plan of {run.id}, to be saved as plan.yaml:")
            yield Code(plan_to_yaml(spec.plan), "yaml")


def _with_threads(spec: RunSpec, run: ExportedRun) -> str:
    return f"FREEZE_LAB_THREADS={spec.threads} {train_command(spec, run.model)}"


def _environment(material: Material) -> Iterator[Block]:
    """What all runs ran on; where they do not agree, which did on what."""
    rows: dict[tuple[str, str], list[str]] = {}
    for label, run in material.named:
        for name, value in environment_of(run.record.spec).items():
            rows.setdefault((name, value), []).append(label.label)
    if rows:
        yield Table(
            ("What", "Value", "Runs"),
            tuple(
                (name, value, "all" if len(labels) == len(material.runs) else listed(labels))
                for (name, value), labels in rows.items()
            ),
        )


def environment_of(spec: RunSpec) -> Mapping[str, str]:
    """Versions, threads and digests that a run wrote down when it began."""
    return {
        **spec.versions,
        "threads": str(spec.threads),
        **({"weights, SHA-256": spec.weights_digest} if spec.weights_digest else {}),
        **{f"{name}, SHA-256": digest for name, digest in spec.data_digests.items()},
    }


def _table(rows: Sequence[Mapping[str, str]], left: Sequence[str] = ()) -> Table:
    """Rows that may not all have the same columns; what is not known is a dash."""
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    kept = [name for name in columns if any(row.get(name) for row in rows)]
    stay_left = (*_LEFT, *left)
    return Table(
        tuple(kept),
        tuple(tuple(row.get(name) or NOTHING for name in kept) for row in rows),
        frozenset(
            name for name in kept if name not in stay_left and not name.endswith("against best")
        ),
    )
