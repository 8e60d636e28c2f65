"""Generate a short program in torch and transformers that freezes a model as a plan does."""

import json
from collections.abc import Iterator, Mapping, Sequence

from mtl_core.freezing.plan import Plan, Schedule
from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import TaskKind

Part = tuple[str, float | None]
"""A dotted name prefix and the learning rate of the tensors under it; None if unreached."""


def torch_snippet(
    tables: Sequence[ParameterTable],
    model: ModelDescription,
    source: str,
    *,
    weight_decay: float = 0.01,
    max_grad_norm: float = 1.0,
    head_dropout: float = 0.1,
    frozen_dropout: bool = False,
) -> str:
    """Return the source code of a program that freezes and trains a model as a plan does.

    `tables` are the parameter tables of all phases of one plan. `source` is the argument of
    `from_pretrained`: a hub id or a folder. The other values are those of the options of a run of
    the same names. The program can be run unchanged: it applies each
    phase and checks the number of trainable parameters. Its function `train` takes steps as a run
    does, on losses that the user computes.
    """
    plan = tables[0].plan
    functions = [f"phase_{table.phase_number}" for table in tables]
    return "\n\n".join(
        (
            _opening(plan, model, source, weight_decay, max_grad_norm),
            _model(model, head_dropout),
            _BEGIN_PHASE,
            _SET_MODES[frozen_dropout],
            *(_phase(table, len(tables)) for table in tables),
            f"PHASES = ({', '.join(functions)},)\n",
            _RATE_FACTORS[plan.schedule],
            _TRAIN,
            _CLOSING,
        )
    )


def trainable_prefixes(rows: Sequence[Row]) -> tuple[Part, ...]:
    """The fewest dotted prefixes that cover exactly the unfrozen tensors, with one rate each.

    A prefix covers the name itself and names that continue it after a dot, so `…layer.1` does not
    cover `…layer.11`. Tied names are left out because they share their owner's tensor.
    """
    keys = {row.name: _key(row) for row in rows if row.tied_to is None}
    return tuple(_covering("", keys))


def _key(row: Row) -> tuple[State, float | None]:
    return row.state, row.learning_rate


def _covering(prefix: str, keys: Mapping[str, tuple[State, float | None]]) -> Iterator[Part]:
    """Descend the tree of names until all tensors under a prefix share one state and rate."""
    kinds = set(keys.values())
    if prefix and len(kinds) == 1:
        state, rate = kinds.pop()
        if state is not State.FROZEN:
            yield prefix, rate
        return
    start = len(prefix) + 1 if prefix else 0
    children: dict[str, dict[str, tuple[State, float | None]]] = {}
    for name, key in keys.items():
        step = name[start:].partition(".")[0]
        children.setdefault(f"{prefix}.{step}" if prefix else step, {})[name] = key
    for child, inside in children.items():
        yield from _covering(child, inside)


def _opening(
    plan: Plan, model: ModelDescription, source: str, weight_decay: float, max_grad_norm: float
) -> str:
    weights = {task.name: plan.task_weights.get(task.name, 1.0) for task in model.tasks}
    listed = ", ".join(f"{_quoted(name)}: {weight!r}" for name, weight in weights.items())
    shares = "".join(f"{phase.epochs!r}, " for phase in plan.phases).rstrip()
    math = "import math\n" if "math." in _RATE_FACTORS[plan.schedule] else ""
    return (
        f"# Freeze plan: {_one_line(plan.name)}\n{_LEFT_OUT}{math}"
        "from itertools import accumulate, pairwise\n\n"
        "import torch\nfrom torch import nn\nfrom transformers import AutoModel\n\n"
        f"CHECKPOINT = {_quoted(source)}\n"
        f"WEIGHT_DECAY = {weight_decay!r}  # of all parameters except biases and LayerNorms\n"
        f"MAX_GRAD_NORM = {max_grad_norm!r}\n"
        f"TASK_WEIGHTS = {{{listed}}}  # in the joint loss\n"
        f"PHASE_EPOCHS = ({shares})  # the steps of a run are divided in proportion\n"
    )


_LEFT_OUT = """\
# Groups of AdamW, clipping, schedule and phases are those of a run. Left out: the data and their
# order, the seeds of heads and dropout, evaluations, and the reuse of frozen layers' outputs.
"""


def _model(model: ModelDescription, head_dropout: float) -> str:
    prefix = model.backbone.prefix
    heads = "\n".join(
        f"        self.{task.head} = nn.Linear(width, {len(task.outputs)})"
        f"  # {_one_line(task.name)}, per {task.kind}"
        for task in model.tasks
    )
    outputs = "\n".join(
        f"            {_quoted(task.name)}: self.{task.head}"
        f"({'sentence' if task.kind is TaskKind.SENTENCE else 'hidden'}),"
        for task in model.tasks
    )
    vector = _VECTORS[model.sentence_vector]
    return f'''class MultiTaskModel(nn.Module):
    """A shared encoder with one linear head for each task."""

    def __init__(self, checkpoint):
        super().__init__()
        self.{prefix} = AutoModel.from_pretrained(
            checkpoint, use_safetensors=True, dtype=torch.float32
        )
        self.dropout = nn.Dropout({head_dropout!r})
        width = self.{prefix}.config.hidden_size
{heads}

    def forward(self, input_ids, attention_mask):
        output = self.{prefix}(input_ids=input_ids, attention_mask=attention_mask)
{vector}        hidden = self.dropout(output.last_hidden_state)
        return {{
{outputs}
        }}
'''


_VECTORS = {
    SentenceVector.FIRST_TOKEN: """\
        sentence = self.dropout(output.last_hidden_state[:, 0])  # the first token
""",
    SentenceVector.MEAN: """\
        real = attention_mask[..., None]  # the mean of all tokens but padding
        sentence = self.dropout((output.last_hidden_state * real).sum(1) / real.sum(1))
""",
    SentenceVector.POOLER: """\
        sentence = self.dropout(output.pooler_output)
""",
}
"""The lines that compute what sentence heads read."""

_BEGIN_PHASE = '''def begin_phase(model, previous, rates, trainable, unreached=()):
    """Freeze all parameters, unfreeze those in `rates`, and return an AdamW for them.

    A name covers itself and names that continue it after a dot, so "layer.1" does not cover
    "layer.11". `unreached` parts require a gradient, but no task's loss depends on them. Parameters
    that `previous`, the AdamW of the phase before, trained keep their moments. Returns None if
    there is nothing to train.
    """
    model.zero_grad(set_to_none=True)  # a stale gradient could still change a frozen tensor
    model.requires_grad_(False)
    undecayed = names_without_decay(model)
    groups = []
    for part in (*rates, *unreached):
        inside = {
            name: parameter
            for name, parameter in model.named_parameters()
            if name == part or name.startswith(part + ".")
        }
        assert inside, f"no parameter is named {part}"
        for parameter in inside.values():
            parameter.requires_grad_(True)
        if part in rates:
            for without, decay in ((False, WEIGHT_DECAY), (True, 0.0)):
                members = [p for name, p in inside.items() if (name in undecayed) is without]
                if members:
                    groups.append({"params": members, "lr": rates[part], "weight_decay": decay})
    parameters = [parameter for group in groups for parameter in group["params"]]
    counted = sum(parameter.numel() for parameter in parameters)
    assert counted == trainable, f"{counted:,} trainable parameters, expected {trainable:,}"
    set_modes(model)
    if not groups:
        return None
    optimizer = torch.optim.AdamW(groups)
    if previous is not None:
        kept = [parameter for parameter in parameters if parameter in previous.state]
        optimizer.state.update({parameter: previous.state[parameter] for parameter in kept})
    return optimizer


def names_without_decay(model):
    """Names of biases, and of the parameters of normalisation layers."""
    return {
        f"{path}.{name}"
        for path, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if name == "bias" or name.endswith("_bias") or "Norm" in type(module).__name__
    }
'''

_SET_MODES = {
    False: '''def set_modes(model):
    """Train mode for trainable modules, eval mode (without dropout) for frozen ones."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
''',
    True: '''def set_modes(model):
    """Train mode for all modules: dropout is on in frozen layers too."""
    model.train()
''',
}
"""By whether dropout is on in frozen layers."""

_WARM_UP = """    warm_up = math.ceil(0.1 * steps)
    if step <= warm_up:
        return step / warm_up
"""
_RATE_FACTORS = {
    Schedule.CONSTANT: '''def rate_factor(step, steps):
    """Constant: the same factor of the rates at each `step` of the `steps` of a phase."""
    return 1.0
''',
    Schedule.LINEAR: f'''def rate_factor(step, steps):
    """Linear: factor of the rates at `step` (from 1) of the `steps` of a phase."""
{_WARM_UP}    return (steps + 1 - step) / (steps + 1 - warm_up)
''',
    Schedule.COSINE: f'''def rate_factor(step, steps):
    """Cosine: factor of the rates at `step` (from 1) of the `steps` of a phase."""
{_WARM_UP}    return (1 + math.cos(math.pi * (step - warm_up) / (steps + 1 - warm_up))) / 2
''',
    Schedule.SLANTED_TRIANGULAR: '''def rate_factor(step, steps):
    """Slanted triangular: factor of the rates at `step` (from 1) of the `steps` of a phase."""
    cut = max(1, steps // 10)
    p = step / cut if step < cut else 1 - (step - cut) / (cut * 9)
    return (1 + max(0.0, p) * 31) / 32
''',
}
"""The lines that compute a schedule, as `training.schedule.rate_factor` does."""

_TRAIN = '''def phase_steps(total_steps):
    """Divide the optimizer steps of a run, its epochs times the batches of one, among phases."""
    shares = (0.0, *accumulate(PHASE_EPOCHS))
    ends = [round(total_steps * share / sum(PHASE_EPOCHS)) for share in shares]
    return [end - start for start, end in pairwise(ends)]


def train(model, next_losses, total_steps):
    """Train all phases. `next_losses(model)` returns the loss of each task on the next batch.

    Call set_modes(model) after an evaluation.
    """
    optimizer = None
    for phase, steps in zip(PHASES, phase_steps(total_steps), strict=True):
        optimizer = phase(model, optimizer)
        if optimizer is None:  # nothing is trained in this phase
            continue
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda done, steps=steps: rate_factor(done + 1, steps)
        )
        for _ in range(steps):
            losses = next_losses(model)
            sum(TASK_WEIGHTS[task] * loss for task, loss in losses.items()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
            optimizer.step()
            schedule.step()
            model.zero_grad(set_to_none=True)
'''

_CLOSING = """model = MultiTaskModel(CHECKPOINT)
optimizer = None
for phase in PHASES:  # each phase checks the number of its parameters
    optimizer = phase(model, optimizer)
# To train: train(model, next_losses, total_steps)
"""


def _phase(table: ParameterTable, phases: int) -> str:
    parts = trainable_prefixes(table.rows)
    rates = {name: rate for name, rate in parts if rate is not None}
    unreached = tuple(name for name, rate in parts if rate is None)
    listed = "".join(f"        {_quoted(name)}: {rate!r},\n" for name, rate in rates.items())
    written = f"{{\n{listed}    }}" if rates else "{}"
    which = f"Phase {table.phase_number} of {phases}, " if phases > 1 else ""
    totals = table.totals
    arguments = f"model, previous, rates, trainable={totals.trainable:_}"
    if unreached:
        listed = " ".join(f"{_quoted(name)}," for name in unreached)
        arguments = f"\n        {arguments}, unreached=({listed})\n    "
    return f'''def phase_{table.phase_number}(model, previous=None):
    """{which}{_one_line(table.phase.name)}: {totals.trainable:,} of {totals.all:,} trainable."""
    rates = {written}
    return begin_phase({arguments})
'''


def _quoted(text: str) -> str:
    """A Python string literal in double quotes; JSON's escapes are valid in Python."""
    return json.dumps(text)


def _one_line(text: str) -> str:
    """User text made safe for a comment or a docstring of the program."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")
