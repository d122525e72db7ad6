"""The schemas as they were released, in `schemas/released/VERSION/`: what whoever holds one of them may rely on."""

import json
from pathlib import Path
from typing import Final

from stream_app import __version__
from stream_app.codec.schemas.compatible import breaks
from stream_app.codec.schemas.documents import SUFFIX, make_schemas
from stream_app.codec.schemas.outputs import OUTPUT_TYPES
from stream_app.codec.schemas.shop import SHOP_TYPES

FOLDER: Final = "released"
_PUBLISHED: Final = OUTPUT_TYPES.keys() | SHOP_TYPES.keys()


def promised(directory: Path, version: str = __version__) -> Path | None:
    """The folder of the newest release that the present version must be compatible with.

    A new major version may break what it likes (before 1.0, a new minor one): then there is none.
    """
    folders = [folder for folder in (directory / FOLDER).glob("*") if folder.is_dir() and _line(folder.name) == _line(version)]
    return max(folders, key=lambda folder: _numbers(folder.name), default=None)


def check_promises(directory: Path, version: str = __version__) -> list[str]:
    """What has changed since that release and breaks somebody, one line each."""
    folder = promised(directory, version)
    if folder is None:
        return []
    present = make_schemas()
    found = []
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        name = file.name.removesuffix(SUFFIX)
        if file.name not in present:
            found.append(f"{name}: is gone")
            continue
        old = json.loads(file.read_text(encoding="utf-8"))
        found += [f"{name}: {line}" for line in breaks(old, present[file.name], published=name in _PUBLISHED)]
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _line(version: str) -> tuple[int, ...]:
    """What versions that keep the same promises have in common."""
    major, minor, *_ = (*_numbers(version), 0)
    return (major,) if major else (0, minor)
