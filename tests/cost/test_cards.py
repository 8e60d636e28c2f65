"""Whether a step fits on a GPU, computed from its cost."""

from dataclasses import replace

from mtl_core.cost.cards import CARDS, RESERVED_BYTES, card_fits, fit_sentence, gpu_memory
from mtl_core.cost.estimate import StepCost

FULL = StepCost(
    batch_size=16,
    max_length=128,
    forward_flops=1,
    backward_flops=2,
    reused_forward_flops=1,
    saved_activation_bytes=1_600_000_000,
    training_mode_bytes=1_600_000_000,
    gradient_bytes=400_000_000,
    optimizer_bytes=800_000_000,
    weight_bytes=400_000_000,
)


def test_bfloat16_halves_activations_and_adds_a_copy_of_the_trained_weights() -> None:
    memory = gpu_memory(FULL)
    assert memory.float32 == 3_200_000_000
    assert memory.bfloat16 == 3_200_000_000 - 800_000_000 + 200_000_000


def test_the_largest_batch_fills_a_card() -> None:
    fits = {fit.card.memory_bytes // 10**9: (fit.float32, fit.bfloat16) for fit in card_fits(FULL)}
    assert fits[8] == (54, 104)  # (8 - 1 - 1.6) GB / 0.1 GB, and (8 - 1 - 1.8) / 0.05
    assert fits[80] == (774, 1544)
    assert list(fits) == sorted(fits)


def test_a_model_that_is_too_large_for_a_card_has_no_batch() -> None:
    too_large = replace(FULL, weight_bytes=CARDS[-1].memory_bytes)
    assert {(fit.float32, fit.bfloat16) for fit in card_fits(too_large)} == {(0, 0)}


def test_the_smallest_card_that_holds_the_step_is_named_by_precision() -> None:
    assert fit_sentence(FULL) == "In float32 it fits on a card of 8 GB or more."
    larger = replace(FULL, saved_activation_bytes=10_000_000_000)  # 11.6 GB, 6.8 with bfloat16
    assert fit_sentence(larger) == (
        "In float32 it fits on a card of 16 GB or more; with bfloat16, 8 GB may do."
    )
    huge = replace(FULL, saved_activation_bytes=100_000_000_000)
    assert fit_sentence(huge) == (
        "In float32 it fits on none of the common cards; with bfloat16, 80 GB may do."
    )
    copied = replace(FULL, saved_activation_bytes=0, gradient_bytes=5_000_000_000)  # 6.2 GB, 8.7
    assert fit_sentence(copied) == "In float32 it fits on a card of 8 GB or more."
    too_large = replace(FULL, weight_bytes=CARDS[-1].memory_bytes)
    assert fit_sentence(too_large) == "It fits on none of the common cards, up to 80 GB."


def test_one_sentence_more_would_not_fit() -> None:
    for fit in card_fits(FULL):
        fixed = 1_600_000_000 + RESERVED_BYTES
        assert fixed + fit.float32 * 100_000_000 <= fit.card.memory_bytes
        assert fixed + (fit.float32 + 1) * 100_000_000 > fit.card.memory_bytes
