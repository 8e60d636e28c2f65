"""All claims about freezing that runs here can test, in the order of the guide's chapters."""

import difflib

from mtl_core.errors import BadInput
from mtl_core.lessons.claim import Chapter, Claim
from mtl_core.lessons.claims_of_forgetting import CLAIMS_OF_FORGETTING
from mtl_core.lessons.claims_of_mechanics import CLAIMS_OF_MECHANICS
from mtl_core.lessons.claims_of_quality import CLAIMS_OF_QUALITY

_ORDER = list(Chapter)

CLAIMS: tuple[Claim, ...] = tuple(
    sorted(
        (*CLAIMS_OF_MECHANICS, *CLAIMS_OF_QUALITY, *CLAIMS_OF_FORGETTING),
        key=lambda claim: _ORDER.index(claim.chapter),
    )
)


def claim_called(name: str) -> Claim:
    """The claim of this id. Raises BadInput with the nearest ids."""
    known = {claim.id: claim for claim in CLAIMS}
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=3) or list(known)
        raise BadInput(f"There is no claim '{name}'. There are: {', '.join(nearest)}.")
    return known[name]


def claims_of(chapter: Chapter) -> tuple[Claim, ...]:
    """The claims that a chapter speaks of."""
    return tuple(claim for claim in CLAIMS if claim.chapter is chapter)
