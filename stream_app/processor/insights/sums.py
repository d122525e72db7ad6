"""A shop's sums, which live in one partition, its home, whatever partitions its customers are in; and the records made of them.

Sums travel as what is to be added, in the transaction of what caused it, so that nothing is lost or doubled and their order is free.
"""

from collections.abc import Callable
from typing import Final

from stream_app.codec.insights.published import HEADERS, encode_insights
from stream_app.codec.insights.stored import Period, decode_period, encode_period, encode_tally
from stream_app.domain.changes import origin_of
from stream_app.domain.facts.state import NEVER
from stream_app.domain.insights.record import TOPIC, describe_month, describe_now, flows
from stream_app.domain.insights.tally import NOW, Tally
from stream_app.domain.policy import Policy
from stream_app.engine.fold import Unit
from stream_app.engine.transactions.partitioner import partition_of

SUMS: Final = "insights-sums"
TIMELINE: Final = "\x00insights"
"""No shop's name: these timers go by the wall clock."""

_SHOPS_MAX: Final = 100


class Sums:
    """The shops that are at home in this partition."""

    def __init__(self, sums_topic: str, partitions: int, every_ms: int, policy_of: Callable[[str], Policy | None]) -> None:
        self._topic = sums_topic
        self._partitions = partitions
        self._every_ms = every_ms
        self._policy_of = policy_of
        self._away: dict[str, Tally] = {}
        self._come: dict[str, Tally] = {}
        self._due: set[str] = set()

    def tally(self, shop: str) -> Tally:
        """What this unit adds to a shop's sums."""
        return self._away.setdefault(shop, Tally())

    def take(self, shop: str, tally: Tally) -> None:
        """Something that a partition has sent."""
        self._come.setdefault(shop, Tally()).merge(tally)

    def fire(self, unit: Unit, wall_ms: int) -> None:
        """See which shops have waited long enough."""
        for _, key in unit.due(TIMELINE, wall_ms, _SHOPS_MAX):
            self._due.add(key.decode().split("/")[1])

    def finish(self, unit: Unit, wall_ms: int) -> None:
        """The unit of work ends: send what it adds, add what has come, and publish what may be published."""
        for shop, tally in self._away.items():
            key = shop.encode()
            home = partition_of(key, self._partitions)
            for value in encode_tally(shop, tally):
                unit.emit(self._topic, key, value, (), home)
        for shop in sorted({*self._come, *self._due}):
            self._settle(shop, self._come.get(shop), unit, wall_ms)
        self._away.clear()
        self._come.clear()
        self._due.clear()

    def _settle(self, shop: str, come: Tally | None, unit: Unit, wall_ms: int) -> None:
        now = self._read(shop, NOW, unit)
        months: dict[str, Period] = {}
        if come is not None:
            self._add(shop, now, months, come, unit)
        wait_until_ms = now.published_ms + self._every_ms
        if now.unpublished and wall_ms >= wait_until_ms:
            self._publish(shop, now, months, unit)
            now.unpublished, now.published_ms = [], wall_ms
        for month, period in months.items():
            unit.write(_key(shop, month), encode_period(period), None)
        unit.write(_key(shop, NOW), encode_period(now), wait_until_ms if now.unpublished else None)

    def _add(self, shop: str, now: Period, months: dict[str, Period], come: Tally, unit: Unit) -> None:
        """Add what has come; a month's flow also moves where all later months begin."""
        changed = {*now.unpublished, NOW}
        touched = {*come.sums, *come.times} - {NOW}
        for name in come.sums.get(NOW, ()):
            if name[0] == "flow":
                changed |= {month for month in now.months if month > name[1]}
        for month in sorted(touched):
            months[month] = self._read(shop, month, unit)
            _merge(months[month], come, month)
        _merge(now, come, NOW)
        now.months = sorted({*now.months, *touched})
        now.unpublished = sorted(changed | touched)

    def _publish(self, shop: str, now: Period, months: dict[str, Period], unit: Unit) -> None:
        policy = self._policy_of(shop)
        currency = None if policy is None else policy.currency
        active = 0
        flow = flows(now.sums)
        for month in now.months:
            if month in now.unpublished:
                period = months.get(month) or self._read(shop, month, unit)
                data = describe_month(month, period.sums, active, currency)
                self._emit(shop, period.at_ms, policy, data, unit)
            active += flow.get(month, 0)
        self._emit(shop, now.at_ms, policy, describe_now(now.sums, currency), unit)

    def _emit(self, shop: str, at_ms: int, policy: Policy | None, data: dict[str, object], unit: Unit) -> None:
        origin = "live" if policy is None else origin_of(policy, at_ms)
        unit.emit(TOPIC, f"{shop}/{data['period']}".encode(), encode_insights(shop, at_ms, origin, data), HEADERS)

    def _read(self, shop: str, period: str, unit: Unit) -> Period:
        encoded = unit.read(_key(shop, period))
        return Period({}, NEVER) if encoded is None else decode_period(encoded)


def _merge(period: Period, come: Tally, name: str) -> None:
    sums = period.sums
    for row, amount in come.sums.get(name, {}).items():
        total = sums.get(row, 0) + amount
        if total:
            sums[row] = total
        else:
            sums.pop(row, None)
    period.at_ms = max(period.at_ms, come.times.get(name, NEVER))


def _key(shop: str, period: str) -> bytes:
    return f"{TIMELINE}/{shop}/{period}".encode()
