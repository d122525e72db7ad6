"""The published contracts: JSON Schemas of all events and of the policy, and the AsyncAPI document.

Owns: `schemas/` in the repository, the closed shapes of what is published.
Called by: cli (`stream-app schemas`), tests.
May import: domain, the rest of codec; msgspec, pydantic.
Start at: documents.py.
"""

from stream_app.codec.schemas.documents import SUFFIX, check_schemas, make_schemas, write_schemas

__all__ = ["SUFFIX", "check_schemas", "make_schemas", "write_schemas"]
