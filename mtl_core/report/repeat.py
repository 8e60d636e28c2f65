"""Commands that repeat a run or a comparison, and the plan files that they read."""

import csv
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import takewhile

from mtl_core.errors import PlanError
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.description import ModelDescription
from mtl_core.report.blocks import Block, Code, Text
from mtl_core.report.load import Report, ReportRun
from mtl_core.report.portable import named_files
from mtl_core.text import listed
from mtl_core.training.arm import ComparisonArm
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.options import argument_text, unusual_arguments, usual_arguments
from mtl_core.training.spec import RunSpec

PLAN_FILE = "plan.yaml"
PLANS_FOLDER = "plans"


def blocks(report: Report) -> Iterator[Block]:
    """The note's section: the command of the comparison, or one command per run or plan."""
    yield Text(
        "Run from the folder of Freeze Lab. The same command on the same machine, with the same "
        "number of threads, reproduces each loss to the last bit. Runs that were trained together "
        "match the losses of the same run trained alone within 1e-6. On another machine, repeat.sh "
        "in the bundle lists the data and checkpoints that are missing, first trains the runs that "
        "others start from, and compares the losses."
    )
    record = report.whole_comparison
    if record is not None:
        command = compare_command(record.spec, report.reference_arm)
        command = with_threads(report.threads, command)
        comments = [*parent_comment(record.spec), *files_comment(record.spec)]
        yield Code("\n".join([f"# {record.id}", *comments, command]), "sh")
        for path, plan in plan_files(record.spec).items():
            yield Text(f"Save this plan as {path}:")
            yield Code(plan_to_yaml(plan), "yaml")
        yield Text("To repeat one run only: runs/RUN/repeat.sh in the bundle.")
        return
    runs = [run for _, run in report.one_of_each]
    for run in runs:
        yield from _run(run)
    if len(runs) < len(report.runs):
        yield Text("For each of the other seeds: runs/RUN/repeat.sh in the bundle.")


def train_command(spec: RunSpec, model: ModelDescription | None) -> str:
    """`python -m mtl_core train …` with the values of `spec`.

    Learning rates are listed where they differ from those of the scenario. A plan that differs
    from its scenario in anything else is passed as `--plan plan.yaml`.
    """
    arguments: list[tuple[str, ...]] = [("--checkpoint", spec.checkpoint)]
    arguments += _plan_arguments(spec, model)
    arguments += [("--data", spec.data), *usual_arguments(spec), *unusual_arguments(spec)]
    return _command("train", arguments)


def compare_command(spec: ComparisonSpec, reference: str | None = None) -> str:
    """`python -m mtl_core compare …` with the values of `spec`.

    The plans of arms without a scenario are those of `plan_files`. `reference` is the arm that the
    others are compared with, None for the best only.
    """
    arguments: list[tuple[str, ...]] = [("--checkpoint", spec.checkpoint)]
    arguments += _arm_arguments(spec)
    arguments += [("--seeds", ",".join(map(str, spec.seeds))), ("--data", spec.data)]
    usual = usual_arguments(spec)
    if spec.seconds is not None:
        arguments.append(("--seconds", argument_text(spec.seconds)))
        usual = [each for each in usual if each[0] != "--epochs"]
    arguments += usual
    if spec.learning_rate is not None:
        arguments.append(("--learning-rate", repr(spec.learning_rate)))
    if spec.head_learning_rate is not None:
        arguments.append(("--head-learning-rate", repr(spec.head_learning_rate)))
    if spec.sweep:
        arguments.append(("--sweep", ",".join(map(argument_text, spec.sweep))))
    if spec.train_sizes:
        sizes = ("all" if each is None else str(each) for each in spec.train_sizes)
        arguments.append(("--examples", ",".join(sizes)))
    if spec.margin is not None:
        arguments.append(("--margin", argument_text(spec.margin)))
    if reference is not None:
        arguments.append(("--reference", reference))
    return _command("compare", [*arguments, *unusual_arguments(spec)])


def plan_files(spec: ComparisonSpec) -> dict[str, Plan]:
    """The plans of the arms that have their own, by the path of a plan file for `--arm`."""
    return {
        _plan_path(number, arm): arm.plan
        for number, arm in enumerate(spec.arms, start=1)
        if arm.plan is not None
    }


def arm_text(arm: ComparisonArm, plan_path: str) -> str:
    """An arm as `--arm` reads it: `top-1,name=fast,learning-rate=0.001`."""
    name = [] if arm.is_plain else [f"name={arm.name}"]
    parts = [*name, *(f"{key}={text}" for key, text in arm.differences)]
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(parts)
    source = arm.scenario or f'"{plan_path}"'
    return ",".join([source, *([written.getvalue()] if parts else [])])


def _arm_arguments(spec: ComparisonSpec) -> Iterator[tuple[str, ...]]:
    """`--scenarios` for the first arms, as far as they are scenarios, then an `--arm` for each."""
    scenarios = list(takewhile(lambda arm: arm.is_plain, spec.arms))
    if scenarios:
        yield "--scenarios", ",".join(arm.name for arm in scenarios)
    for number, arm in enumerate(spec.arms[len(scenarios) :], start=len(scenarios) + 1):
        yield "--arm", arm_text(arm, _plan_path(number, arm))


def _plan_path(number: int, arm: ComparisonArm) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", arm.name.lower()).strip("-")
    return f"{PLANS_FOLDER}/{'-'.join([str(number), *([words] if words else [])])}.yaml"


def _command(name: str, arguments: Sequence[tuple[str, ...]]) -> str:
    """A command of `python -m mtl_core`, one line per argument, quoted for a shell."""
    lines = [" ".join(map(shlex.quote, argument)) for argument in arguments]
    return " \\\n  ".join([f"python -m mtl_core {name}", *lines])


def parent_comment(spec: RunSpec | ComparisonSpec) -> list[str]:
    """Shell comments on the run that `spec` starts from; empty if it starts from a checkpoint."""
    own = [arm.options.get("starts_from") for arm in getattr(spec, "arms", ())]
    return [
        line
        for run in dict.fromkeys((spec.starts_from, *own))
        if run is not None
        for line in (
            f"# Starts from run {run}, which must be in the store (FREEZE_LAB_HOME) with",
            "# its saved model. On another machine, repeat.sh in the bundle trains it first.",
        )
    ]


def files_comment(spec: RunSpec | ComparisonSpec) -> list[str]:
    """Shell comments on the files and uploads that `spec` has names for, if there are any."""
    files = named_files(spec)
    if not files:
        return []
    return [
        f"# Not included: {listed([shlex.quote(each) for each in files])}. Copy or link them to",
        "# these names in the folder of Freeze Lab, a manifest together with the files it names.",
    ]


def needs_plan_file(spec: RunSpec, model: ModelDescription | None) -> bool:
    """Whether the command reads a plan file, which must be written first."""
    return _plan_arguments(spec, model)[0][0] == "--plan"


def scenario_rates(
    spec: RunSpec, model: ModelDescription | None
) -> tuple[float | None, float | None] | None:
    """The learning rates (encoder, heads) that turn the spec's scenario into its plan.

    A rate is None where the scenario's own applies. The result is None if no rates do, or if the
    model is unknown.
    """
    plan = spec.plan
    if spec.scenario is None or model is None:
        return None
    try:
        base = scenario_plan(spec.scenario, model)
    except PlanError:
        return None
    for rate in (None, plan.learning_rate):
        for head_rate in (None, plan.head_learning_rate):
            if base.with_rates(rate, head_rate) == plan:
                return rate, head_rate
    return None


def _run(run: ReportRun) -> Iterator[Block]:
    spec = run.record.spec
    command = with_threads(spec.threads, train_command(spec, run.model))
    comments = [*parent_comment(spec), *files_comment(spec)]
    yield Code("\n".join([f"# {run.id}", *comments, command]), "sh")
    if needs_plan_file(spec, run.model):
        yield Text(f"Save the plan of {run.id} as plan.yaml:")
        yield Code(plan_to_yaml(spec.plan), "yaml")


def with_threads(threads: int | None, command: str) -> str:
    """The command with the number of threads in its environment; None: as it is."""
    return command if threads is None else f"FREEZE_LAB_THREADS={threads} {command}"


def _plan_arguments(spec: RunSpec, model: ModelDescription | None) -> list[tuple[str, ...]]:
    rates = scenario_rates(spec, model)
    if spec.scenario is None or rates is None:
        return [("--plan", PLAN_FILE)]
    named = zip(("--learning-rate", "--head-learning-rate"), rates, strict=True)
    return [
        ("--scenario", spec.scenario),
        *((name, repr(rate)) for name, rate in named if rate is not None),
    ]
