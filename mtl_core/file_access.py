"""The local files that a caller may name: a browser some, the owner of the machine any."""

from collections.abc import Sequence
from pathlib import Path

from mtl_core.values import Frozen


class FileAccess(Frozen):
    """The local files that a caller may name.

    `data_roots` and `checkpoint_roots` are the folders below which a named path must lie, with
    links followed; None allows any path. `uploads` is the folder of uploaded data; None means
    that there are no uploads. Checkpoints below `checkpoint_folders` may be given by their name.
    """

    data_roots: tuple[Path, ...] | None
    checkpoint_roots: tuple[Path, ...] | None
    uploads: Path | None = None
    checkpoint_folders: tuple[Path, ...] = ()

    def allows_data(self, path: Path) -> bool:
        """Whether data may be read from `path`."""
        return lies_below(path, self.data_roots)


ANY_FILE = FileAccess(data_roots=None, checkpoint_roots=None)
"""The access of the machine's owner, on the command line; without uploads."""

NO_FILE = FileAccess(data_roots=(), checkpoint_roots=())
"""Access to named samples and checkpoints only, no paths."""


def lies_below(path: Path, roots: Sequence[Path] | None) -> bool:
    """Whether `path`, with links followed, lies below one of `roots`; True if `roots` is None."""
    if roots is None:
        return True
    try:
        resolved = path.resolve()
        return any(resolved.is_relative_to(root.resolve()) for root in roots)
    except (OSError, ValueError, RuntimeError):  # too long, a null character, a circle of links
        return False
