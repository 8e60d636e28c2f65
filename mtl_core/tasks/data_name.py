"""The name of a data set for people: not the digest of an upload, and no folders of a path."""

from collections.abc import Iterable

from mtl_core.tasks.upload_reference import is_upload
from mtl_core.text import last_part

_USUAL_MANIFEST = "manifest.yaml"


def full_data_name(reference: str, tasks: Iterable[str], name: str | None = None) -> str:
    """Returns the `name` of the data, or `sample`, a path, or "your upload: reviews, wnut"."""
    if name is not None:
        return name
    return f"your upload: {', '.join(tasks)}" if is_upload(reference) else reference


def data_name(reference: str, tasks: Iterable[str], name: str | None = None) -> str:
    """Returns `full_data_name`, with only the last part of a path.

    Most manifests have the same name: of `reviews/manifest.yaml` it is that of the folder.
    """
    if name is not None:
        return name
    full = full_data_name(reference, tasks)
    folder = last_part(full.removesuffix(f"/{_USUAL_MANIFEST}"))
    return last_part(full) if folder in ("", ".", "..") else folder
