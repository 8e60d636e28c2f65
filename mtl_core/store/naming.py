"""What a user may call a run: one title and a few tags."""

from collections.abc import Iterable

from mtl_core.errors import BadInput

TITLE_LENGTH, TAG_LENGTH, MOST_TAGS = 80, 30, 8


def clean_title(title: str | None) -> str | None:
    """The title with its white space trimmed; None for an empty one.

    Raises BadInput for one of more than 80 characters.
    """
    trimmed = " ".join((title or "").split())
    if len(trimmed) > TITLE_LENGTH:
        raise BadInput(
            f"The name “{trimmed[:20]}…” has {len(trimmed)} characters; "
            f"at most {TITLE_LENGTH} fit. Shorten it."
        )
    return trimmed or None


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags trimmed, empty ones left out, and each once whatever its case, in their order.

    Raises BadInput for more than 8 of them, for one of more than 30 characters, and for one with
    a comma, which parts tags where they are typed.
    """
    kept: dict[str, str] = {}
    for tag in tags:
        trimmed = " ".join(tag.split())
        if len(trimmed) > TAG_LENGTH:
            raise BadInput(
                f"The tag “{trimmed[:20]}…” has {len(trimmed)} characters; "
                f"at most {TAG_LENGTH} fit. Shorten it."
            )
        if "," in trimmed:
            raise BadInput(f"The tag “{trimmed}” holds a comma. Make two tags of it.")
        if trimmed:
            kept.setdefault(trimmed.casefold(), trimmed)
    if len(kept) > MOST_TAGS:
        raise BadInput(
            f"{len(kept)} tags were given; a run has at most {MOST_TAGS}. Leave some out."
        )
    return tuple(kept.values())
