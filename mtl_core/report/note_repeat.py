"""The note's commands: what repeats a run, and what repeats a comparison as a whole."""

from collections.abc import Iterator

from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.report.blocks import Block, Code, Text
from mtl_core.report.material import ExportedRun, Material
from mtl_core.report.repeat import (
    compare_command,
    needs_earlier,
    needs_plan_file,
    train_command,
)

_SAME = (
    "The same command on the same machine, with the same number of threads, gives each loss again, "
    "to the last bit."
)


def repeat(material: Material) -> Iterator[Block]:
    """The command of the comparison, where it is one; else of each run, or of one of each plan."""
    yield Text(f"From the folder of Freeze Lab. {_SAME}")
    record = material.whole_comparison
    if record is not None:
        command = _with_threads(material.threads, compare_command(record.spec))
        yield Code("\n".join([f"# {record.id}", *needs_earlier(record.spec), command]), "sh")
        yield Text("A run alone: runs/RUN/repeat.sh in the bundle.")
        return
    runs = [run for _, run in material.one_of_each]
    for run in runs:
        yield from _run(run)
    if len(runs) < len(material.runs):
        yield Text("With its other seeds, each: runs/RUN/repeat.sh in the bundle.")


def _run(run: ExportedRun) -> Iterator[Block]:
    spec = run.record.spec
    command = _with_threads(spec.threads, train_command(spec, run.model))
    yield Code(f"# {run.id}\n{command}", "sh")
    if needs_plan_file(spec, run.model):
        yield Text(f"The plan of {run.id}, to be saved as plan.yaml:")
        yield Code(plan_to_yaml(spec.plan), "yaml")


def _with_threads(threads: int | None, command: str) -> str:
    return command if threads is None else f"FREEZE_LAB_THREADS={threads} {command}"
