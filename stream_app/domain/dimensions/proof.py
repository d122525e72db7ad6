"""What a change proves: the rule's code, what it measured, what it compared with, and what would have made it otherwise, if known."""

from typing import Any

Proof = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any] | None]
