"""The sweep of one partition: a new policy version reaches every customer, the silent ones included (domain.md, section 6).

It walks a shop's part of the table in key order, a slice a unit of work, and brings whoever stands under an older version to the
newest. What comes of it is the same whenever it comes to him, because every version has its own time; so where it stands is
only a matter of not looking twice. It waits until time has reached the version, as a deadline would.
"""

from collections.abc import Mapping
from typing import Any

from stream_app.codec.state_head import read_head
from stream_app.domain.facts.state import NEVER, is_customer
from stream_app.engine.fold import Unit
from stream_app.processor.customers import Customer, Customers
from stream_app.processor.policies import DEFAULT_KEY, Held, PolicyBook
from stream_app.processor.streams import Stream, Streams

_LOOKS_PER_CHANGE = 10
"""It looks at so many states for each that it may change: reading costs a fraction of an evaluation."""

_ROWS_MIN = 25
"""So many states are read at a time at the least."""

_SHOPS_MAX = 200
"""So many shops travel in the marker; with more of them a restart looks at all again."""

_FIRST_OF_ID = b" "
"""What begins a customer's id is no control character; keys of the table that are no customer's have one there."""


class Sweep:
    """Which shops are left, and how far the first of them is."""

    def __init__(self, policies: PolicyBook, streams: Streams, customers: Customers) -> None:
        self._policies = policies
        self._streams = streams
        self._customers = customers
        self._queue: list[tuple[str, bytes]] = []  # a shop, and the last key of it that was looked at
        self._owed: set[str] = set()  # shops of which it must find those under an older document; cut-offs alone may wait
        self._come: dict[str, int] = {}  # of a shop that is left: how far time has come since its newest version is known
        self._looked = 0
        self._seen = 0

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back what `memo` gave; with other policies in force than then, every shop is looked at again."""
        self._seen = self._policies.revision()
        self._queue = [(shop, key.encode()) for shop, key in memo.get("sweep") or ()]
        self._come = {shop: memo.get("come", {}).get(shop, NEVER) for shop, _ in self._queue}
        self._owed = set(memo.get("owed", ()))
        self._looked = memo.get("looked", 0)
        if memo and (memo.get("policies") != self._policies.fingerprint() or memo.get("sweep", ()) is None):
            for shop in self._streams.shops():
                self._ask(shop)
                self._owed.add(shop)

    def memo(self) -> dict[str, Any]:
        """{"policies": what is in force, "sweep": [[shop, key]...] (null: too many, so all), "come": {shop: ms}, "looked": states}."""
        found: dict[str, Any] = {"policies": self._policies.fingerprint()}
        if len(self._queue) > _SHOPS_MAX:
            found["sweep"] = None
        elif self._queue:
            found["sweep"] = [[shop, key.decode()] for shop, key in self._queue]
            found["looked"], found["come"] = self._looked, self._come
            if self._owed:
                found["owed"] = sorted(self._owed)
        return found

    def begin(self) -> None:
        """A unit of work begins: see whose policy has changed."""
        revision = self._policies.revision()
        if revision == self._seen:
            return
        for key in sorted(self._policies.changed(self._seen)):
            for shop in [*self._streams.shops()] if key == DEFAULT_KEY else [key] if self._streams.get(key) is not None else []:
                if key != DEFAULT_KEY or not self._policies.is_own(shop):
                    self._ask(shop)
                    self._owed.add(shop)
        self._seen = revision

    def cut(self, shop: str) -> None:
        """New cut-offs hold for a shop."""
        if (shop, b"") not in self._queue:
            self._queue.append((shop, b""))
        self._come.setdefault(shop, NEVER)

    def owed(self) -> set[str]:
        """Shops of which some customers may stand under an older document."""
        return self._owed

    def standing(self, revision: int) -> int | None:
        """How many states were looked at; None when there is nothing to do, or only for shops whose time has still to come."""
        if revision != self._seen:
            return self._looked
        return self._looked if any(self._is_near(shop) for shop, _ in self._queue) else None

    def is_left(self, shop: str) -> bool:
        """Whether some of the shop's customers may stand under an older version."""
        return shop in self._come

    def adopt_passed(self, customer: Customer, stream: Stream, place: int, unit: Unit) -> None:
        """Before the event at `place`: adopt the versions that time had come to, and fire what is due by them, as if run had been here."""
        state, shop = customer.state, customer.who.shop_id
        if state is None or not is_customer(state):
            return
        come_ms = self._come.get(shop, NEVER)

        def has_come(time_ms: int) -> bool:
            return time_ms <= come_ms or self._streams.has_come(stream, time_ms, place)

        come = [from_ms for from_ms, _ in self._policies.after(shop, state.policy_hash) if has_come(from_ms)]
        if come:
            self._customers.catch_up(customer, come[-1], unit)
            while (deadline := customer.deadline_ms()) is not None and has_come(deadline):
                self._customers.fire(customer, deadline, unit)

    def run(self, unit: Unit, limit: int) -> int:
        """Bring at most `limit` customers to the newest version of their shop; returns how many it were."""
        changed, looks = 0, limit * _LOOKS_PER_CHANGE
        waiting: list[tuple[str, bytes]] = []
        while self._queue and changed < limit and looks > 0:
            shop, after = self._queue.pop(0)
            held, stream = self._policies.current(shop), self._streams.get(shop)
            if held is None or stream is None:
                continue  # nobody to look at, or nothing to look for; a policy that comes asks again
            come_ms = max(stream.come_ms, self._come.get(shop, NEVER))
            if come_ms < held[0]:
                waiting.append((shop, after))
                continue
            wanted = min(looks, max(limit - changed, _ROWS_MIN))  # not more than are likely to be needed
            rows = unit.states_after(after, f"{shop}/".encode(), wanted)
            for key, encoded in rows:
                after = key
                self._looked += 1
                if encoded is not None and self._is_behind(key, encoded, held):
                    customer = self._customers.open(key, encoded)
                    self._bring(customer, held[0], come_ms, unit)
                    self._customers.close_one(customer, unit)
                    changed += 1
                    if changed == limit:
                        break
            if changed == limit or len(rows) == wanted:
                self._queue.insert(0, (shop, after))
            looks -= len(rows)
        self._queue[:0] = waiting
        left = {shop for shop, _ in self._queue}
        self._come = {shop: come_ms for shop, come_ms in self._come.items() if shop in left}
        self._owed &= left
        if changed:
            unit.count("swept", by=changed)
        if not self._queue:
            self._looked = 0
        return changed

    def finish(self, unit: Unit) -> None:
        """The unit of work ends: who is no longer in the table must not be named by the marker either."""
        for place, (shop, key) in enumerate(self._queue):
            if key and unit.read(key) is None:
                self._queue[place] = shop, b""
            stream = self._streams.get(shop)
            if stream is not None:
                self._come[shop] = max(self._come[shop], stream.come_ms)

    def _ask(self, shop: str) -> None:
        if self._come.get(shop) is None or (shop, b"") not in self._queue:
            self._queue.append((shop, b""))
        self._come[shop] = NEVER

    def _is_near(self, shop: str) -> bool:
        held, stream = self._policies.current(shop), self._streams.get(shop)
        if held is None or stream is None:
            return True  # it only has to be taken off the list
        return held[1].clock == "wall" or stream.reached_ms >= held[0]

    def _is_behind(self, key: bytes, encoded: bytes, held: Held) -> bool:
        start = key.index(b"/") + 1
        if key[start : start + 1] < _FIRST_OF_ID:
            return False
        known = read_head(encoded).policy_hash
        return known not in {"", held[1].hash}  # one who is no customer stands under no policy

    def _bring(self, customer: Customer, from_ms: int, come_ms: int, unit: Unit) -> None:
        """Bring him to the newest version, and fire what it makes due: no later event of his may come in between."""
        self._customers.catch_up(customer, from_ms, unit)
        while (deadline_ms := customer.deadline_ms()) is not None and deadline_ms <= come_ms:
            self._customers.fire(customer, deadline_ms, unit)
