"""Whose states lie in a store on disk."""

from pathlib import Path

import msgspec
from rocksdict import AccessType, Options, Rdict

IDENTITY_KEY = b"midentity"
_LAYOUT = 1


class Identity(msgspec.Struct, frozen=True):
    """Whose states these are; a store of another owner is never used."""

    app_id: str
    cluster_id: str
    partition: int
    partitions: int
    layout: int = _LAYOUT


def owner_of(path: Path) -> Identity | None:
    """Whose states lie at `path`, looked at without changing anything; None when nothing was ever written there.

    Raises:
        ValueError: it cannot be read.
    """
    if not (path / "CURRENT").exists():
        return None
    try:
        database = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
        try:
            owner = database.get(IDENTITY_KEY)
        finally:
            database.close()
        return None if owner is None else msgspec.json.decode(owner, type=Identity)
    except Exception as error:  # rocksdict raises bare Exception
        raise ValueError(type(error).__name__) from error
