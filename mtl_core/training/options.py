"""The options of a run, each defined in one place.

A field of `ScalarOptions` or `RunOptions` is one option. Type, bounds and default are those of the
field; the texts are in its `Option`. The specs, the command line, the forms, the address of a page,
the facts of a run and the commands that repeat it read these definitions. To add an option whose
value is a number, a switch or a name, add a field to `ScalarOptions` and apply it where it has its
effect.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from mtl_core.errors import InvalidRun
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.text import shortened
from mtl_core.values import Frozen

DeviceName = Literal["cpu", "cuda", "mps"]
PrecisionName = Literal["float32", "bfloat16"]

_SUBJECT = re.compile(r"^(Input|String)\b")


@dataclass(frozen=True, slots=True)
class Option:
    """How an option is presented.

    `help` describes it on the command line and on a form. `flag` is its command-line option; None:
    the field's name with dashes. `label` names its field in the expander of a form;
    None: the expander has no such field. `step` is the increment of that field. `fact` is its text
    among the facts of a run, with `{}` for the value; it is shown unless the value is the default.
    `always` marks options that a repeat command states at their default too. `of_checkpoint`: the
    default on the command line is what the checkpoint was trained with.
    """

    help: str
    flag: str | None = None
    metavar: str | None = None
    label: str | None = None
    step: float | None = None
    fact: str | None = None
    always: bool = False
    of_checkpoint: bool = False


Seed = Annotated[
    int,
    Field(ge=0, lt=2**63),
    Option("Seed of the heads, the order of examples and dropout.", always=True),
]


class ScalarOptions(Frozen):
    """Options with one value: a number, a switch or a name from a list.

    They are the same in a spec, a form and an address.
    """

    epochs: Annotated[
        float,
        Field(gt=0, le=1000, allow_inf_nan=False),
        Option("Epochs of each run, divided among its phases.", always=True),
    ] = 3.0
    batch_size: Annotated[int, Field(ge=1, le=512), Option("Sentences per batch.", always=True)] = (
        16
    )
    max_length: Annotated[
        int,
        Field(ge=8, le=8192),
        Option("Maximum number of sub-words per sentence, special tokens included.", always=True),
    ] = 128
    random_backbone: Annotated[
        bool,
        Option(
            "Initialise the encoder's weights from the seed, to measure the effect of pretraining.",
            label="Random encoder",
            fact="random encoder",
        ),
    ] = False
    resample: Annotated[
        bool,
        Option(
            "Draw other training sentences for each seed: another subset where --examples "
            "limits them, else as many with replacement.",
            label="Resample training sentences",
            fact="training sentences drawn for each seed",
        ),
    ] = False
    weight_decay: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Option(
            "AdamW's weight decay; biases and LayerNorms have none.",
            label="Weight decay",
            step=0.01,
            fact="weight decay {:g}",
        ),
    ] = 0.01  # Devlin et al. 2019, appendix A.2
    max_grad_norm: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Option(
            "Gradients with a larger total norm are scaled down to it.",
            label="Max gradient norm",
            step=0.5,
            fact="max gradient norm {:g}",
        ),
    ] = 1.0
    head_dropout: Annotated[
        float,
        Field(ge=0, lt=1, allow_inf_nan=False),
        Option(
            "Dropout before the heads, in training.",
            label="Head dropout",
            step=0.05,
            fact="head dropout {:g}",
        ),
    ] = 0.1
    frozen_dropout: Annotated[
        bool,
        Option(
            "Keep dropout on in frozen layers in training, as `model.train()` does. Every layer "
            "then runs on every step: the outputs of frozen layers are not reused.",
            label="Dropout in frozen layers",
            fact="dropout in frozen layers",
        ),
    ] = False
    micro_batch_size: Annotated[
        int,
        Field(ge=0, le=512),
        Option(
            "Sentences of a pass: the gradients of a batch with more sentences are accumulated "
            "over several passes, which need less memory. 0: no limit.",
            label="Micro-batch size",
            step=1,
            fact="micro-batches of {}",
        ),
    ] = 0
    gradient_checkpointing: Annotated[
        bool,
        Option(
            "Compute the layers that learn again in the backward pass instead of storing their "
            "activations: less memory, more time.",
            label="Gradient checkpointing",
            fact="gradient checkpointing",
        ),
    ] = False
    device: Annotated[
        DeviceName,
        Option(
            "cpu, cuda, mps, or auto for the fastest available. Only cpu is tested. A GPU trains "
            "one run at a time.",
            metavar="NAME",
            label="Device",
            fact="on {}",
        ),
    ] = "cpu"
    precision: Annotated[
        PrecisionName,
        Option(
            "Precision of the layers that run on every step: float32, or bfloat16 with autocast, "
            "which is faster where the processor or the GPU has instructions for it. On the "
            "command line auto selects it there. Weights, gradients and heads are float32.",
            metavar="NAME",
            label="Precision",
            fact="in {}",
        ),
    ] = "float32"


class RunOptions(ScalarOptions):
    """All options that the runs of a comparison share.

    `examples` limits a task's training sentences. `label_noise` is the share of a task's training
    sentences whose labels are replaced by wrong ones, drawn from the seed. `starts_from` is the
    run whose trained model is the starting point. `also_evaluate` names other data on which every
    task is scored before and after training. `others_each_epoch` scores it at each evaluation in
    between too, so that forgetting can be read at any gain. `probe_layers` measures in which layers
    a task is encoded; it needs the measures of a run.
    """

    examples: Annotated[
        dict[str, Annotated[int, Field(ge=1)]],
        Option("Use N of a task's training sentences. Repeatable.", metavar="TASK=N"),
    ] = Field(default_factory=dict)
    label_noise: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=1)]],
        Option(
            "Replace this share of a task's training labels by wrong ones. Repeatable.",
            metavar="TASK=SHARE",
        ),
    ] = Field(default_factory=dict)
    also_evaluate: Annotated[
        tuple[str, ...],
        Option(
            "Other data to evaluate before and after training, e.g. `sample-posts`. Repeatable.",
            metavar="REF",
        ),
    ] = ()
    others_each_epoch: Annotated[
        bool,
        Option(
            "Evaluate the other data in training too, whenever validation sentences are scored.",
            fact="other data evaluated in training",
        ),
    ] = False
    evaluations_per_epoch: Annotated[
        int,
        Field(ge=1, le=100),
        Option(
            "How often validation sentences are scored in an epoch.",
            fact="{} evaluations per epoch",
        ),
    ] = 1
    probe_layers: Annotated[
        bool,
        Option(
            "Fit the probes to the outputs of every layer too, before and after training.",
            fact="probes of every layer",
        ),
    ] = False
    starts_from: Annotated[
        str | None,
        Option(
            "Start from the model of this finished run.",
            metavar="RUN",
            fact="starts from {}",
        ),
    ] = None
    sentence_vector: Annotated[
        SentenceVector,
        Option(
            "What sentence heads read; by default what the checkpoint was trained with.",
            always=True,
            of_checkpoint=True,
        ),
    ] = SentenceVector.FIRST_TOKEN  # of runs that were stored before there was a choice


def options_of(kind: type[Frozen]) -> dict[str, tuple[FieldInfo, Option]]:
    """The options among the fields of `kind`, by field name."""
    found = {}
    for name, field in kind.model_fields.items():
        for each in field.metadata:
            if isinstance(each, Option):
                found[name] = field, each
    return found


def option_values(source: Frozen, kind: type[ScalarOptions]) -> dict[str, Any]:
    """The values that `source` has for the options of `kind`, by field name."""
    return {name: getattr(source, name) for name in kind.model_fields}


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the greatest value of a numeric field; None: unbounded."""
    least: float | None = None
    greatest: float | None = None
    for each in field.metadata:
        match each:
            case Ge(int() | float() as limit) | Gt(int() | float() as limit):
                least = float(limit)
            case Le(int() | float() as limit) | Lt(int() | float() as limit):
                greatest = float(limit)
    return least, greatest


def flag_of(name: str, field: FieldInfo, option: Option) -> str:
    """The command-line option of a field: `--batch-size`; `--no-…` for a switch that is on."""
    dashed = name.replace("_", "-")
    return option.flag or (f"--no-{dashed}" if field.default is True else f"--{dashed}")


def option_facts(values: Frozen) -> list[str]:
    """The texts of the options that are not at their default: ["random encoder", "on cuda"]."""
    return [
        option.fact.format(value)
        for value, _, field, option in _unusual(values)
        if option.fact is not None
    ]


def usual_arguments(values: Frozen) -> list[tuple[str, ...]]:
    """Command-line arguments of the options marked `always`: [("--epochs", "3"), …]."""
    return [
        (flag_of(name, field, option), argument_text(getattr(values, name)))
        for name, (field, option) in options_of(type(values)).items()
        if option.always
    ]


def unusual_arguments(values: Frozen) -> list[tuple[str, ...]]:
    """Command-line arguments of the other options that are not at their default.

    Switches are flags without a value and come last.
    """
    arguments: list[tuple[str, ...]] = []
    switches: list[tuple[str, ...]] = []
    for value, name, field, option in _unusual(values):
        flag = flag_of(name, field, option)
        if isinstance(value, bool):
            switches.append((flag,))
        elif not option.always:
            arguments += [
                (flag, text if task is None else f"{task}={text}")
                for task, text in value_texts(value)
            ]
    return [*arguments, *switches]


def argument_text(value: object) -> str:
    """A value as a command-line argument; a float keeps all its digits: "3", "0.0003"."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def value_texts(value: object) -> list[tuple[str | None, str]]:
    """The arguments of an option's value, each with its task; None where it has no tasks."""
    if isinstance(value, Mapping):
        return [(task, argument_text(each)) for task, each in value.items()]
    values = value if isinstance(value, tuple) else (value,)
    return [(None, argument_text(each)) for each in values]


def refused(problem: ValidationError) -> InvalidRun:
    """The error that names each value that is out of range and its command-line option."""
    lines = []
    for each in problem.errors(include_url=False):
        name = "-".join(map(str, each["loc"])).replace("_", "-")
        lines.append(f"--{name} {shortened(str(each['input']))}: {each['msg'].lower()}.")
    return InvalidRun(" ".join(lines))


def option_title(name: str) -> str:
    """How a page names a field: its label, or its name in words, such as "Batch size"."""
    _, option = options_of(RunOptions).get(name, (None, None))
    return (option and option.label) or name.replace("_", " ").capitalize()


def first_problem(problem: ValidationError) -> str:
    """The first error of values from a form or an address, as a sentence.

    "Batch size 0: it should be greater than or equal to 1."
    """
    first = problem.errors(include_url=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    if first["type"] == "value_error" or not first["loc"]:
        return f"{message}."  # a validator of ours names the field; text that is no JSON has none
    names = [str(each) for each in first["loc"]]
    name = names[-1] if names[-1] in RunOptions.model_fields else names[0]
    value = shortened(str(first["input"]))
    return f"{option_title(name)} {value}: {_SUBJECT.sub('it', message, count=1)}."


def _unusual(values: Frozen) -> Iterator[tuple[Any, str, FieldInfo, Option]]:
    """The options that are not at their default: value, field name, field, option."""
    for name, (field, option) in options_of(type(values)).items():
        value = getattr(values, name)
        if value != field.get_default(call_default_factory=True):
            yield value, name, field, option
