"""The reader's guesses about the claims, and how many are right."""

from collections.abc import Iterable
from enum import StrEnum

import streamlit as st

from mtl_core.analysis.claim_verdicts import ClaimVerdict
from mtl_core.lessons.claims import CLAIMS
from mtl_core.ui.guide.verdicts import ClaimState
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key, claim_key


class Guess(StrEnum):
    """The possible guesses before a verdict is shown."""

    HOLDS = "holds"
    DOES_NOT = "does not hold"
    CANNOT_TELL = "undecided"


_VERDICTS = {
    Guess.HOLDS: ClaimVerdict.HOLDS,
    Guess.DOES_NOT: ClaimVerdict.DOES_NOT_HOLD,
    Guess.CANNOT_TELL: ClaimVerdict.UNDECIDED,
}


def guesses() -> dict[str, Guess]:
    """The guesses of this session by claim."""
    stored: dict[str, Guess] = st.session_state.setdefault(Key.GUESSES, {})
    return stored


def read_guesses() -> None:
    """Take the guesses from the address: of a new session, or after back or forward.

    Call it before any claim is drawn. Unknown claims and guesses are left out.
    """
    if Key.GUESSES in st.session_state and not came_by_history():
        return
    letters = {guess[0]: guess for guess in Guess}
    known = {claim.id for claim in CLAIMS}
    parts = [each.rpartition(".") for each in st.query_params.get(Key.GUESSES, "").split(",")]
    st.session_state[Key.GUESSES] = {
        claim: letters[letter] for claim, _, letter in parts if claim in known and letter in letters
    }


def write_guesses() -> None:
    """Write the guesses into the address, so that they survive a reload."""
    text = ",".join(f"{claim}.{guess[0]}" for claim, guess in guesses().items())
    if text and st.query_params.get(Key.GUESSES) != text:
        st.query_params[Key.GUESSES] = text


def store_guess(claim: str) -> None:
    """Store the guess about a claim; a callback. Only the first guess counts."""
    guess = st.session_state.get(claim_key("guess", claim))
    if guess in list(Guess):
        guesses().setdefault(claim, Guess(guess))


def is_revealed(state: ClaimState) -> bool:
    """Whether the verdict is shown: after a guess, if all are shown, or if there is none."""
    return (
        state.finding.verdict is ClaimVerdict.OPEN
        or state.claim.id in guesses()
        or bool(st.session_state.get(Key.ALL_VERDICTS))
    )


def was_right(state: ClaimState) -> bool | None:
    """Whether the guess matches the verdict; None without a guess or a verdict."""
    guess = guesses().get(state.claim.id)
    if guess is None or state.finding.verdict is ClaimVerdict.OPEN:
        return None
    return _VERDICTS[guess] is state.finding.verdict


def score_words(states: Iterable[ClaimState]) -> str:
    """The number of right guesses, or a hint before the first guess."""
    if st.session_state.get(Key.ALL_VERDICTS) and not guesses():
        return "All verdicts are shown."
    judged = [right for state in states if (right := was_right(state)) is not None]
    if not judged:
        return "Guess first: a verdict is shown after you enter your guess."
    return f"Your guesses: {sum(judged)} of {len(judged)} right."
