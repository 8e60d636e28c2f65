"""Generate a short program in torch and transformers that freezes a model as a plan does."""

import json
from collections.abc import Iterator, Mapping, Sequence

from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.freezing.table_text import rate_text
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
) -> str:
    """Return the source code of a program that freezes a model as a plan does.

    `tables` are the parameter tables of all phases of one plan. `source` is the argument of
    `from_pretrained`: a hub id or a folder. The other values are those of the options of a run of
    the same names. The program can be run unchanged: it applies each
    phase and checks the number of trainable parameters.
    """
    functions = [f"phase_{table.phase_number}" for table in tables]
    return "\n\n".join(
        (
            _opening(tables[0].plan.name, source, weight_decay, max_grad_norm),
            _model(model, head_dropout),
            _BEGIN_PHASE,
            *(_phase(table, len(tables)) for table in tables),
            f"model = MultiTaskModel(CHECKPOINT)\nfor phase in ({', '.join(functions)},):\n"
            "    optimizer = phase(model)\n"
            "    # train here with this optimizer; after an evaluation, call set_modes(model);\n"
            "    # before each step, nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)\n",
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


def _opening(plan: str, source: str, weight_decay: float, max_grad_norm: float) -> str:
    return (
        f"# Freeze plan: {_one_line(plan)}\n"
        "import torch\nfrom torch import nn\nfrom transformers import AutoModel\n\n"
        f"CHECKPOINT = {_quoted(source)}\n"
        f"WEIGHT_DECAY = {weight_decay!r}  # of all parameters except biases and LayerNorms\n"
        f"MAX_GRAD_NORM = {max_grad_norm!r}\n"
    )


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

_BEGIN_PHASE = '''def begin_phase(model, rates, trainable, unreached=()):
    """Freeze all parameters, unfreeze those in `rates`, and return an optimizer for them.

    A name covers itself and names that continue it after a dot, so "layer.1" does not cover
    "layer.11". `unreached` parts require a gradient, but no task's loss depends on them. Returns
    None if there is nothing to train.
    """
    model.zero_grad(set_to_none=True)  # a stale gradient could still change a frozen tensor
    model.requires_grad_(False)
    groups = []
    for part in (*rates, *unreached):
        inside = [
            parameter
            for name, parameter in model.named_parameters()
            if name == part or name.startswith(part + ".")
        ]
        assert inside, f"no parameter is named {part}"
        for parameter in inside:
            parameter.requires_grad_(True)
        flat = [parameter for parameter in inside if parameter.ndim < 2]
        weights = [parameter for parameter in inside if parameter.ndim > 1]
        if part in rates:
            for members, decay in ((weights, WEIGHT_DECAY), (flat, 0.0)):
                if members:
                    groups.append({"params": members, "lr": rates[part], "weight_decay": decay})
    counted = sum(p.numel() for group in groups for p in group["params"])
    assert counted == trainable, f"{counted:,} trainable parameters, expected {trainable:,}"
    set_modes(model)
    return torch.optim.AdamW(groups) if groups else None


def set_modes(model):
    """Train mode for trainable modules, eval mode (without dropout) for frozen ones."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
'''


def _phase(table: ParameterTable, phases: int) -> str:
    parts = trainable_prefixes(table.rows)
    rates = {name: rate for name, rate in parts if rate is not None}
    unreached = tuple(name for name, rate in parts if rate is None)
    listed = "".join(
        f"        {_quoted(name)}: {rate_text(rate)},\n" for name, rate in rates.items()
    )
    written = f"{{\n{listed}    }}" if rates else "{}"
    extra = f", unreached=({' '.join(f'{_quoted(name)},' for name in unreached)})"
    which = f"Phase {table.phase_number} of {phases}, " if phases > 1 else ""
    totals = table.totals
    return f'''def phase_{table.phase_number}(model):
    """{which}{_one_line(table.phase.name)}: {totals.trainable:,} of {totals.all:,} trainable."""
    rates = {written}
    return begin_phase(model, rates, trainable={totals.trainable:_}{extra if unreached else ""})
'''


def _quoted(text: str) -> str:
    """A Python string literal in double quotes; JSON's escapes are valid in Python."""
    return json.dumps(text)


def _one_line(text: str) -> str:
    """User text made safe for a comment or a docstring of the program."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")
