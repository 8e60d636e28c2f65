"""What the reader guessed of each claim, and how often that was right."""

from collections.abc import Iterable
from enum import StrEnum

import streamlit as st

from mtl_core.analysis.claim_verdicts import ClaimVerdict
from mtl_core.ui.guide.verdicts import ClaimState
from mtl_core.ui.shared.keys import Key, claim_key


class Guess(StrEnum):
    """What a reader may say before the verdict is shown."""

    HOLDS = "holds"
    DOES_NOT = "does not"
    CANNOT_TELL = "can't tell"


_MEANS = {
    Guess.HOLDS: ClaimVerdict.HOLDS,
    Guess.DOES_NOT: ClaimVerdict.DOES_NOT_HOLD,
    Guess.CANNOT_TELL: ClaimVerdict.WITHIN_NOISE,
}


def guesses() -> dict[str, Guess]:
    """The session's guesses by claim."""
    kept: dict[str, Guess] = st.session_state.setdefault(Key.GUESSES, {})
    return kept


def keep_guess(claim: str) -> None:
    """Take down what the pills of a claim say; for their callback. The first guess counts."""
    said = st.session_state.get(claim_key("guess", claim))
    if said in list(Guess):
        guesses().setdefault(claim, Guess(said))


def is_revealed(state: ClaimState) -> bool:
    """Whether the reader may see this verdict: guessed, skipped, or there is none yet."""
    return (
        state.finding.verdict is ClaimVerdict.OPEN
        or state.claim.id in guesses()
        or bool(st.session_state.get(Key.ALL_VERDICTS))
    )


def was_right(state: ClaimState) -> bool | None:
    """Whether the guess is the verdict; None without a guess or a verdict."""
    guess = guesses().get(state.claim.id)
    if guess is None or state.finding.verdict is ClaimVerdict.OPEN:
        return None
    return _MEANS[guess] is state.finding.verdict


def score_words(states: Iterable[ClaimState]) -> str:
    """How many guesses were right, or how to begin."""
    if st.session_state.get(Key.ALL_VERDICTS) and not guesses():
        return "All verdicts are shown."
    judged = [right for state in states if (right := was_right(state)) is not None]
    if not judged:
        return "Guess first: each verdict is shown once you have said what you expect."
    return f"Your guesses: {sum(judged)} of {len(judged)} right."
