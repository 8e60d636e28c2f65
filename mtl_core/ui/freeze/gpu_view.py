"""Whether a step fits on a GPU: the memory by precision, and the largest batch of common cards."""

import pandas as pd
import streamlit as st

from mtl_core.cost.cards import RESERVED_BYTES, CardFit, card_fits, fit_sentence, gpu_memory
from mtl_core.cost.estimate import StepCost
from mtl_core.text import bytes_text
from mtl_core.training.options import ScalarOptions, bounds
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key

_LARGEST = int(bounds(ScalarOptions.model_fields["batch_size"])[1] or 0)


def gpu_popover(cost: StepCost) -> None:
    """Draw a popover with the table; nothing for a plan that trains nothing."""
    if not cost.backward_flops:
        return
    popover = st.popover(
        "Does it fit my GPU?",
        icon=":material/memory:",
        key=Key.GPU,
        type="tertiary",
        on_change="rerun",
    )
    if not popover.open:
        return
    memory = gpu_memory(cost)
    with popover:
        st.markdown(
            f"**{fit_sentence(cost)}** Calculated, not measured: a step of "
            f"{cost.batch_size} × {cost.max_length} tokens needs "
            f"**{bytes_text(memory.float32)}** in float32, and at least "
            f"**{bytes_text(memory.bfloat16)}** with bfloat16 autocast."
        )
        data_table(
            pd.DataFrame([_row(fit) for fit in card_fits(cost)]),
            hide_index=True,
            height="content",
            alt="The largest batch of common cards",
        )
        st.caption(
            f"The largest number of sentences of {cost.max_length} tokens in a batch. Counted: "
            "weights, gradients, AdamW's moments and saved activations; with bfloat16 half of the "
            f"activations and a second copy of the trained weights. {bytes_text(RESERVED_BYTES)} "
            "stay free for CUDA. Not counted: the working memory of the layer in progress."
        )


def _row(fit: CardFit) -> dict[str, str]:
    return {
        "Memory": f"{fit.card.memory_bytes / 1e9:.0f} GB",
        "Cards": fit.card.names,
        "Largest batch, float32": _batch(fit.float32),
        "With bfloat16, at most": _batch(fit.bfloat16),
    }


def _batch(largest: int) -> str:
    if not largest:
        return "does not fit"
    return f"{largest:,}" if largest < _LARGEST else f"{_LARGEST} or more"
