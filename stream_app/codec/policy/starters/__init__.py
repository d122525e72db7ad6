"""Policies to start from: a goal and a sector, each a part, composed into one commented document.

Owns: the wording and the numbers of what `stream-app policy init` writes.
Called by: cli (`policy init`), codec/policy (`TEMPLATE`).
May import: nothing of the product.
Start at: compose.py for the document, goals.py and sectors.py for its parts.
"""

from stream_app.codec.policy.starters.compose import write_policy
from stream_app.codec.policy.starters.goals import GOALS
from stream_app.codec.policy.starters.sectors import SECTORS

__all__ = ["GOALS", "SECTORS", "write_policy"]
