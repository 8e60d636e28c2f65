"""The claims about freezing that runs can test, in the order of the guide's chapters."""

from mtl_core.errors import BadInput
from mtl_core.lessons.claim import Chapter, Claim
from mtl_core.lessons.claim_list.costs import COST_CLAIMS
from mtl_core.lessons.claim_list.depth import DEPTH_CLAIMS
from mtl_core.lessons.claim_list.few_sentences import FEW_SENTENCES_CLAIMS
from mtl_core.lessons.claim_list.forgetting import FORGETTING_CLAIMS
from mtl_core.lessons.claim_list.second_stage import SECOND_STAGE_CLAIMS
from mtl_core.lessons.claim_list.unfreezing import UNFREEZING_CLAIMS
from mtl_core.nearest import nearest_names


def claim_by_id(name: str) -> Claim:
    """The claim with this id. Raises BadInput that lists the nearest ids."""
    known = {claim.id: claim for claim in CLAIMS}
    if name not in known:
        nearest = nearest_names(name, known) or list(known)
        raise BadInput(f"There is no claim '{name}'. There are: {', '.join(nearest)}.")
    return known[name]


CLAIMS: tuple[Claim, ...] = tuple(
    sorted(
        (
            *COST_CLAIMS,
            *DEPTH_CLAIMS,
            *FEW_SENTENCES_CLAIMS,
            *UNFREEZING_CLAIMS,
            *FORGETTING_CLAIMS,
            *SECOND_STAGE_CLAIMS,
        ),
        key=lambda claim: list(Chapter).index(claim.chapter),
    )
)
"""All claims; their order is that of `Chapter`."""
