"""The command line that repeats a run, and the script that calls it."""

import shlex

from mtl_core.errors import PlanError
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.description import ModelDescription
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec

PLAN_FILE = "plan.yaml"


def train_command(spec: RunSpec, model: ModelDescription | None) -> str:
    """`python -m mtl_core train …` with the values of `spec`.

    Rates are named where they are not the scenario's own. A plan that no scenario and rates give
    is passed as `--plan plan.yaml`.
    """
    words = ["--checkpoint", spec.checkpoint, *_plan_words(spec, model), "--data", spec.data]
    words += [
        "--epochs",
        _number(spec.epochs),
        "--batch-size",
        str(spec.batch_size),
    ]
    words += ["--max-length", str(spec.max_length), "--seed", str(spec.seed)]
    for task, count in spec.examples.items():
        words += ["--examples", f"{task}={count}"]
    for task, share in spec.label_noise.items():
        words += ["--label-noise", f"{task}={share!r}"]
    words += [] if spec.device == "cpu" else ["--device", spec.device]
    words += [] if spec.precision == "float32" else ["--precision", spec.precision]
    words += ["--starts-from", spec.starts_from] if spec.starts_from else []
    for reference in spec.also_evaluate:
        words += ["--also-evaluate", reference]
    pairs = [" ".join(map(shlex.quote, words[i : i + 2])) for i in range(0, len(words), 2)]
    pairs += ["--random-backbone"] if spec.random_backbone else []
    pairs += [] if spec.prefix_reuse else ["--no-prefix-reuse"]
    pairs += [] if spec.measure else ["--no-measures"]
    return " \\\n  ".join(["python -m mtl_core train", *pairs])


def compare_command(spec: ComparisonSpec) -> str:
    """`python -m mtl_core compare …` with the values of `spec`."""
    words = [("--checkpoint", spec.checkpoint), ("--scenarios", ",".join(spec.scenarios))]
    words += [("--seeds", ",".join(map(str, spec.seeds))), ("--data", spec.data)]
    if spec.seconds is None:
        words.append(("--epochs", _number(spec.epochs)))
    else:
        words.append(("--seconds", _number(spec.seconds)))
    words += [("--batch-size", str(spec.batch_size)), ("--max-length", str(spec.max_length))]
    if spec.learning_rate is not None:
        words.append(("--learning-rate", repr(spec.learning_rate)))
    if spec.head_learning_rate is not None:
        words.append(("--head-learning-rate", repr(spec.head_learning_rate)))
    if spec.sweep:
        words.append(("--sweep", ",".join(map(_number, spec.sweep))))
    if spec.train_sizes:
        sizes = ("all" if each is None else str(each) for each in spec.train_sizes)
        words.append(("--examples", ",".join(sizes)))
    words += [("--examples", f"{task}={count}") for task, count in spec.examples.items()]
    words += [("--label-noise", f"{task}={share!r}") for task, share in spec.label_noise.items()]
    words += [("--also-evaluate", reference) for reference in spec.also_evaluate]
    words += [("--starts-from", spec.starts_from)] if spec.starts_from else []
    words += [] if spec.device == "cpu" else [("--device", spec.device)]
    words += [] if spec.precision == "float32" else [("--precision", spec.precision)]
    pairs = [f"{name} {shlex.quote(value)}" for name, value in words]
    pairs += ["--random-backbone"] if spec.random_backbone else []
    return " \\\n  ".join(["python -m mtl_core compare", *pairs])


def compare_script(comparison: str, spec: ComparisonSpec, threads: int | None) -> str:
    """A shell script that runs `comparison` once more, from the folder of Freeze Lab. What is given
    to the script is passed on."""
    return "\n".join(
        [
            "#!/bin/sh",
            f"# Repeats comparison {comparison}. Start it from the folder of Freeze Lab; what you",
            "# add, such as --output DIR, is passed on.",
            *needs_earlier(spec),
            "set -eu",
            *([] if threads is None else [f"export FREEZE_LAB_THREADS={threads}"]),
            f'exec {compare_command(spec)} "$@"',
            "",
        ]
    )


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def repeat_script(run: str, spec: RunSpec, model: ModelDescription | None) -> str:
    """A shell script that trains `run` once more, to be started from the folder of Freeze Lab.

    A plan file is looked for beside the script. What is given to the script is passed on, for
    instance `--output DIR`.
    """
    command = train_command(spec, model)
    if needs_plan_file(spec, model):
        command = command.replace(f"--plan {PLAN_FILE}", f'--plan "$beside/{PLAN_FILE}"')
    return "\n".join(
        [
            "#!/bin/sh",
            f"# Repeats run {run}. Start it from the folder of Freeze Lab; what you add, such as",
            "# --output DIR, is passed on.",
            *needs_earlier(spec),
            "set -eu",
            'beside=$(dirname "$0")',
            f"export FREEZE_LAB_THREADS={spec.threads}",
            f'exec {command} "$@"',
            "",
        ]
    )


def needs_earlier(spec: RunSpec | ComparisonSpec) -> list[str]:
    """Comment lines on the run without which this cannot begin."""
    if spec.starts_from is None:
        return []
    return [
        f"# It goes on from run {spec.starts_from}, which has to be in the store (FREEZE_LAB_HOME)",
        "# with its model. Elsewhere, repeat that run first with --output DIR, and name its new id",
        "# after --starts-from.",
    ]


def needs_plan_file(spec: RunSpec, model: ModelDescription | None) -> bool:
    """Whether the command names a plan file that has to be written first."""
    return _plan_words(spec, model)[0] == "--plan"


def scenario_rates(
    spec: RunSpec, model: ModelDescription | None
) -> tuple[float | None, float | None] | None:
    """The rates (encoder, heads) that make the spec's scenario its plan; None for the scenario's
    own rate. None in place of both where no rates do, or the model is not known."""
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


def _plan_words(spec: RunSpec, model: ModelDescription | None) -> list[str]:
    rates = scenario_rates(spec, model)
    if spec.scenario is None or rates is None:
        return ["--plan", PLAN_FILE]
    named = zip(("--learning-rate", "--head-learning-rate"), rates, strict=True)
    words = [word for name, rate in named if rate is not None for word in (name, repr(rate))]
    return ["--scenario", spec.scenario, *words]
