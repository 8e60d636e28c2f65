"""The digests of the data that are shipped with Freeze Lab."""

from collections.abc import Mapping
from pathlib import Path

from mtl_core.errors import InternalError

_SUMS_NAME = "SHA256SUMS"


def verify_shipped(folder: Path, digests: Mapping[str, str]) -> None:
    """Raises InternalError for a digest that is not in the SHA256SUMS of `folder`."""
    try:
        sums = (folder / _SUMS_NAME).read_text(encoding="utf-8")
    except OSError as error:
        raise InternalError(f"The sample data lack {_SUMS_NAME}. Install again.") from error
    fields = (line.split(maxsplit=1) for line in sums.splitlines() if line.strip())
    expected = {name.strip().lstrip("*"): digest for digest, name in fields}
    for name, digest in digests.items():
        if expected.get(name) != digest:
            raise InternalError(
                f"The sample data's {name} differs from the shipped file "
                f"(SHA-256 {digest[:12]}…). Install again."
            )
