"""Folders that are sent between machines which do not share FREEZE_LAB_HOME."""

import io
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple
from zipfile import ZipFile

_DRAFT = ".received-"


class Folder(NamedTuple):
    """A folder as a zip file. `name` is its path relative to FREEZE_LAB_HOME."""

    name: str
    content: bytes


def pack(home: Path, folder: Path) -> Folder:
    """Pack a folder in `home`, without drafts, which another process is writing.

    Weights do not get smaller by compression, so there is none.
    """
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".draft":
                archive.write(file, file.relative_to(folder))
    return Folder(str(folder.relative_to(home)), content.getvalue())


def remove_drafts(home: Path) -> None:
    """Remove what a process has left that was killed while it unpacked."""
    for draft in home.glob(f"*/{_DRAFT}*"):
        shutil.rmtree(draft, ignore_errors=True)


def unpack(home: Path, folder: Folder) -> None:
    """Replace a folder in `home` by a packed one. Raises ValueError for one that is not in it."""
    target = (home / folder.name).resolve()
    if not target.is_relative_to(home.resolve()) or target == home.resolve():
        raise ValueError(f"'{folder.name}' is not a folder in FREEZE_LAB_HOME.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=target.parent, prefix=_DRAFT))
    try:
        with ZipFile(io.BytesIO(folder.content)) as archive:
            archive.extractall(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
