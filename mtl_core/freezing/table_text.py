"""Format a parameter table: ✅/❌ listing, Markdown, CSV and the JSON of `inspect`."""

import csv
import io
from typing import Any

from mtl_core.freezing.resolution import HALF_SPACING, LAYERNORM_SIZE
from mtl_core.freezing.table import ParameterTable, Row, State, Totals

NO_EFFECT = "†"
"""The mark of a learning rate at which a step is below the resolution of float32."""

SIGNS = {State.TRAINABLE: "▲", State.FROZEN: "❄\ufe0e", State.UNREACHED: "○"}


def listing(table: ParameterTable) -> str:
    """List parameter names under 'Trainable Parameters:' and 'Frozen Parameters:'.

    The lists follow `requires_grad`, so unreached tensors are among the trainable ones.
    """
    unique = [row for row in table.rows if row.tied_to is None]
    trainable = [f"  ✅ {row.name}" for row in unique if row.state is not State.FROZEN]
    frozen = [f"  ❌ {row.name}" for row in unique if row.state is State.FROZEN]
    return "\n".join(["Trainable Parameters:", *trainable, "", "Frozen Parameters:", *frozen, ""])


def as_markdown(table: ParameterTable) -> str:
    """Format every tensor as a Markdown table, followed by the totals."""
    head = (
        "| state | parameter | shape | count | group | learning rate |\n|---|---|---|--:|---|--:|"
    )
    body = "\n".join(
        f"| {SIGNS[row.state]} {row.state} | `{row.name}` | {shape_text(row.shape)} "
        f"| {row.count:,} | {row.group} | {marked_rate(row)} |"
        for row in table.rows
    )
    totals = table.totals
    sums = (
        f"{totals.trainable:,} trainable + {totals.frozen:,} frozen + "
        f"{totals.unreached:,} unreached = {totals.all:,} parameters"
    )
    return "\n\n".join([f"{head}\n{body}", sums, *no_effect_notes(table)]) + "\n"


def as_csv(table: ParameterTable) -> str:
    """Format every tensor as CSV, with numbers at full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            *("name", "state", "shape", "count", "group", "learning_rate", "reached_by"),
            *("tied_to", "no_effective_update"),
        ]
    )
    for row in table.rows:
        rate = "" if row.learning_rate is None else repr(row.learning_rate)
        shape, reached = shape_text(row.shape), " ".join(row.reached_by)
        tied, mark = row.tied_to or "", str(row.no_effective_update).lower()
        writer.writerow(
            [row.name, row.state, shape, row.count, row.group, rate, reached, tied, mark]
        )
    return text.getvalue()


def as_json(
    tables: tuple[ParameterTable, ...], phase: int, checkpoint: str, scenario: str
) -> dict[str, Any]:
    """Build the document of `inspect --format json`.

    It has a summary of all phases and every tensor of the phase `phase`, counted from 1.
    """
    shown = tables[phase - 1]
    return {
        "checkpoint": checkpoint,
        "scenario": scenario,
        "phase": phase,
        "phases": [_phase(table) for table in tables],
        "totals": _counts(shown.totals),
        "tensors_without_effective_update": shown.without_effective_update,
        "groups": [{"name": group.name, **_counts(group.totals)} for group in shown.groups],
        "parameters": [_parameter(row) for row in shown.rows],
    }


def shape_text(shape: tuple[int, ...]) -> str:
    """Format a shape: `768 × 3072`."""
    return " × ".join(str(size) for size in shape)


def rate_text(rate: float | None) -> str:
    """Format a learning rate: 3e-4, 1.15e-4; empty for None."""
    if rate is None:
        return ""
    mantissa, _, exponent = f"{rate:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def marked_rate(row: Row) -> str:
    """The learning rate of a row, with the mark of `no_effect_notes` if it has no effect."""
    return f"{rate_text(row.learning_rate)}{f' {NO_EFFECT}' if row.no_effective_update else ''}"


def no_effect_notes(table: ParameterTable) -> tuple[str, ...]:
    """Explain the mark of rates without effect; empty if no rate of the table has it."""
    count = table.without_effective_update
    if not count:
        return ()
    tensors = "1 LayerNorm tensor" if count == 1 else f"{count} LayerNorm tensors"
    limit = rate_text(LAYERNORM_SIZE * HALF_SPACING)
    return (
        f"{NO_EFFECT} no effective update ({tensors}, estimated): below a rate of {limit}, a step "
        "is smaller than float32 resolves for weights of about 1.",
    )


def _phase(table: ParameterTable) -> dict[str, Any]:
    totals = table.totals
    return {
        "name": table.phase.name,
        "epochs": table.phase.epochs,
        "trainable": totals.trainable,
        "frozen": totals.frozen,
        "unreached": totals.unreached,
        "learning_rate": table.learning_rate,
    }


def _counts(totals: Totals) -> dict[str, int]:
    return {
        "all": totals.all,
        "trainable": totals.trainable,
        "frozen": totals.frozen,
        "unreached": totals.unreached,
    }


def _parameter(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "shape": list(row.shape),
        "count": row.count,
        "group": row.group,
        "state": str(row.state),
        "learning_rate": row.learning_rate,
        "reached_by": list(row.reached_by),
        "tied_to": row.tied_to,
        "no_effective_update": row.no_effective_update,
    }
