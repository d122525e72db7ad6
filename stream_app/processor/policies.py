"""Which policy holds for a shop, and since when (domain.md, section 6)."""

from stream_app.codec.policy import compile_policy, read_policy_document
from stream_app.domain.policy import Policy
from stream_app.errors import PolicyError

DEFAULT_KEY = "*"


class PolicyBook:
    """Every policy version seen, by shop. Written by whoever reads the `policies` topic, between units of work."""

    def __init__(self) -> None:
        self._current: dict[str, tuple[int, Policy]] = {}
        self._by_hash: dict[str, Policy] = {}

    def put(self, key: str, record_ms: int, document: bytes | None) -> None:
        """Take in a record of the `policies` topic: `key` is the shop or `*`, `document` None withdraws it.

        Raises:
            PolicyError: the document cannot be used; what held before still holds.
        """
        if document is None:
            self._current.pop(key, None)
            return
        policy = compile_policy(read_policy_document(document, key))
        if key != (policy.shop or DEFAULT_KEY):
            message = f"{key}: the record's key is not the document's shop; publish it with `stream-app policy publish`"
            raise PolicyError(message)
        self.add(key, record_ms, policy)

    def add(self, key: str, from_ms: int, policy: Policy) -> None:
        """Put `policy` in force for `key` from `from_ms`."""
        known = self._current.get(key)
        if known is not None and known[1].hash == policy.hash:
            return  # the same text again changes nothing, not even since when it holds
        self._current[key] = (from_ms, policy)
        self._by_hash[policy.hash] = policy

    def current(self, shop_id: str) -> tuple[int, Policy] | None:
        """Since when, and which policy is in force for the shop; None for an unknown shop."""
        return self._current.get(shop_id) or self._current.get(DEFAULT_KEY)

    def by_hash(self, policy_hash: str) -> Policy | None:
        """A policy version seen before."""
        return self._by_hash.get(policy_hash)
