"""The published contracts: JSON Schemas of all events and of the policy, and the AsyncAPI document.

Owns: `schemas/` in the repository, the closed shapes of what is published, what must stay compatible.
Called by: cli (`stream-app schemas`), tests.
May import: domain, the rest of codec; msgspec, pydantic.
Start at: documents.py; released.py for what a release has promised.
"""

from stream_app.codec.schemas.documents import SUFFIX, check_schemas, make_schemas, write_schemas
from stream_app.codec.schemas.released import check_promises

__all__ = ["SUFFIX", "check_promises", "check_schemas", "make_schemas", "write_schemas"]
