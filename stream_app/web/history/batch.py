"""What one batch of records changes in the database; all of it is written in one transaction, at its end.

The statuses of a customer come from his changes, and from his profile where that knows more: `status-changes` is kept for a
while only, and `customer-profiles` for ever. Which of the two is read first does not matter, since both say after which change
they hold. The flows are net: a change that is taken back leaves them, and one that is taken back in turn brings back the first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from stream_app.feed import HISTORY, Record
from stream_app.web.history import writing
from stream_app.web.history.person import Name, Person
from stream_app.web.history.records import (
    CHANGED,
    ERASED,
    WILL_CHANGE,
    WILL_NOT_CHANGE,
    Change,
    Envelope,
    read_change,
    read_envelope,
    read_profile,
    read_receipt,
    read_revoked,
    split_key,
)
from stream_app.web.history.tables import (
    QUARTER_MS,
    changes,
    counts,
    customers,
    farewells,
    flows,
    insights,
    notices,
    profiles,
    receipts,
    shops,
)

_KEYS_AT_ONCE: Final = 500
Row = dict[str, Any]


class Taking:
    """One transaction in the making."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._people: dict[Name, Person] = {}
        self._changes: dict[str, Row] = {}  # new ones by id
        self._marks: dict[int, bool] = {}  # numbers of changes in the database, and whether they are taken back
        self._notices: dict[Name, Row | None] = {}  # the one that holds
        self._profiles: dict[Name, Row | None] = {}
        self._farewells: dict[Name, int] = {}
        self._erased: dict[Name, int] = {}  # when their latest receipts were written
        self._flows: Counter[tuple[Any, ...]] = Counter()
        self._shops: dict[str, Row] = {}

    def take(self, records: Sequence[Record]) -> None:
        """Take records in; of one topic after another, since a receipt and a profile of one unit of work are read apart."""
        self._load({split_key(record.key) for record in records if record.partition[0] != "insights"})
        for topic in HISTORY:
            take = {"status-changes": self._take_event, "customer-profiles": self._take_profile, "insights": self._take_insight}[topic]
            for record in records:
                if record.partition[0] == topic:
                    take(record)

    def write(self) -> None:
        """Write what has come of it."""
        connection = self._connection
        dirty = [person for person in self._people.values() if person.dirty]
        writing.put(connection, customers, [person.row() for person in dirty if person.exists])
        writing.delete_named(connection, customers, (person.name for person in dirty if not person.exists))
        writing.put_new(connection, changes, list(self._changes.values()))
        for number, revoked in self._marks.items():
            connection.execute(changes.update().where(changes.c.number == number).values(revoked=revoked))
        writing.delete_named(connection, notices, self._notices)
        writing.put(connection, notices, [row for row in self._notices.values() if row is not None])
        writing.delete_named(connection, profiles, (name for name, row in self._profiles.items() if row is None))
        writing.put(connection, profiles, [row for row in self._profiles.values() if row is not None])
        writing.put(connection, farewells, [_named(name, recorded_ms=at_ms) for name, at_ms in self._farewells.items()])
        writing.add(connection, flows, self._flows)
        self._count(dirty)
        writing.put(connection, shops, list(self._shops.values()))

    def settle(self) -> None:
        """Everything that was written is read: a profile's tombstone without a receipt is that of someone merged, or the receipt is gone.

        Whoever was merged has lost all statuses by changes of his own. Anybody else was erased, and his receipt was deleted
        before it was read.
        """
        for row in self._connection.execute(select(farewells)).mappings().all():
            name = row["shop"], row["customer"]
            self._load([name])
            person = self._person(name)
            if person.exists and person.recorded_ms <= row["recorded_ms"] and any(person.values.values()):
                self._erase(person, row["recorded_ms"])
            writing.delete_named(self._connection, farewells, [name])

    def _load(self, names: Iterable[Name]) -> None:
        wanted: dict[str, list[str]] = {}
        for shop, customer in names:
            if (shop, customer) not in self._people:
                wanted.setdefault(shop, []).append(customer)
        for shop, ids in wanted.items():
            for start in range(0, len(ids), _KEYS_AT_ONCE):
                asked = select(customers).where(customers.c.shop == shop, customers.c.customer.in_(ids[start : start + _KEYS_AT_ONCE]))
                for row in self._connection.execute(asked).mappings():
                    self._people[shop, row["customer"]] = Person.of(row)
                told = select(receipts.c.customer, receipts.c.recorded_ms).where(receipts.c.shop == shop)
                for receipt in self._connection.execute(told.where(receipts.c.customer.in_(ids[start : start + _KEYS_AT_ONCE]))):
                    self._forgotten(shop, receipt.customer, receipt.recorded_ms)

    def _forgotten(self, shop: str, customer: str, recorded_ms: int) -> None:
        self._erased[shop, customer] = max(recorded_ms, self._erased.get((shop, customer), recorded_ms))

    def _person(self, name: Name) -> Person:
        person = self._people.get(name)
        if person is None:
            person = self._people[name] = Person(name)
        return person

    def _shop(self, shop: str) -> Row:
        row = self._shops.get(shop)
        if row is None:
            found = self._connection.execute(select(shops).where(shops.c.shop == shop)).mappings().first()
            row = self._shops[shop] = dict(found) if found else {"shop": shop, "customers": 0, "changes": 0, "erased": 0, "latest_ms": 0}
        return row

    def _take_event(self, record: Record) -> None:
        if record.value is None:
            return
        event = read_envelope(record.value)
        name = event.shop, event.subject
        if event.type == CHANGED:
            self._take_change(name, event, read_change(event.data), record.recorded_ms)
        elif event.type == WILL_CHANGE:
            document = bytes(event.data).decode()
            self._notices[name] = _named(name, id=event.id, recorded_ms=record.recorded_ms, document=document)
        elif event.type == WILL_NOT_CHANGE:
            self._withdraw(name, read_revoked(event.data).revokes)
        elif event.type == ERASED:
            self._take_receipt(name, event, record.recorded_ms)

    def _take_change(self, name: Name, event: Envelope, change: Change, recorded_ms: int) -> None:
        person = self._person(name)
        if change.sequence <= person.kept:
            return
        person.kept, person.dirty, person.exists = change.sequence, True, True
        effective_ms = change.effective_ms
        if change.sequence > person.sequence:
            person.change(change.dimension, change.to, change.sequence)
            person.reach(change.sequence, effective_ms, recorded_ms)
        if change.dimension == "lifecycle":
            self._notices[name] = None
        row = self._changes[event.id] = _named(
            name,
            sequence=change.sequence,
            id=event.id,
            dimension=change.dimension,
            before=change.from_,
            after=change.to,
            effective_ms=effective_ms,
            recorded_ms=recorded_ms,
            origin=event.origin,
            revokes=change.revokes,
            revoked=False,
            proof=change.proof(),
        )
        shop = self._shop(name[0])
        shop["changes"] += 1
        shop["latest_ms"] = max(shop["latest_ms"], effective_ms)
        if change.revokes is None:
            self._flow(row, 1)
        else:
            self._take_back(name, change.revokes, taken_back=True)

    def _take_back(self, name: Name, change_id: str, *, taken_back: bool) -> None:
        """A change is taken back, or holds again; what it had taken back itself then holds again, or does not."""
        row = self._changes.get(change_id)
        if row is None:
            asked = select(changes).where(changes.c.shop == name[0], changes.c.customer == name[1], changes.c.id == change_id)
            found = self._connection.execute(asked).mappings().first()
            if found is None:
                return  # it was no longer kept when the history began
            row = dict(found)
            self._marks[row["number"]] = taken_back
        row["revoked"] = taken_back
        if row["revokes"] is None:
            self._flow(row, -1 if taken_back else 1)
        else:
            self._take_back(name, row["revokes"], taken_back=not taken_back)

    def _flow(self, row: Row, by: int) -> None:
        key = row["shop"], row["dimension"], row["effective_ms"] // QUARTER_MS, row["before"] or "", row["after"] or ""
        self._flows[key] += by

    def _withdraw(self, name: Name, notice_id: str) -> None:
        pending = self._notices.get(name)
        if pending is None:
            self._connection.execute(notices.delete().where(notices.c.id == notice_id))
        elif pending["id"] == notice_id:
            self._notices[name] = None

    def _take_receipt(self, name: Name, event: Envelope, recorded_ms: int) -> None:
        if read_receipt(event.data).was_known:
            self._shop(name[0])["erased"] += 1
        receipt = _named(name, id=event.id, recorded_ms=recorded_ms, document=bytes(event.data).decode())
        writing.put_new(self._connection, receipts, [receipt])
        self._forgotten(*name, recorded_ms)
        self._erase(self._person(name), recorded_ms)

    def _erase(self, person: Person, recorded_ms: int) -> None:
        """Nothing of him is left, but what is known of a life after it; of the shop's flows he stays a nameless part."""
        name = shop, customer = person.name
        mine = [change_id for change_id, row in self._changes.items() if (row["shop"], row["customer"]) == name]
        for change_id in mine:
            del self._changes[change_id]
        gone = self._connection.execute(changes.delete().where(changes.c.shop == shop, changes.c.customer == customer))
        self._shop(shop)["changes"] -= gone.rowcount + len(mine)
        self._notices[name] = None
        writing.delete_named(self._connection, farewells, [name])
        person.forget()
        his = profiles.c.shop == shop, profiles.c.customer == customer
        self._connection.execute(profiles.delete().where(*his, profiles.c.recorded_ms < recorded_ms))
        left = self._connection.execute(select(profiles).where(*his)).mappings().first()
        if left is not None:  # he has come back, and his new profile was read before this receipt
            person.stand(read_profile(left["document"]), left["recorded_ms"], tuple)

    def _take_profile(self, record: Record) -> None:
        name = split_key(record.key)
        erased_ms = self._erased.get(name)
        if erased_ms is not None and record.value is not None and record.recorded_ms < erased_ms:
            return  # of the life before: the receipt was read first
        if record.value is None:
            self._profiles[name] = None
            if self._person(name).exists and (erased_ms is None or record.recorded_ms > erased_ms):
                self._farewells[name] = record.recorded_ms
            return
        event = read_envelope(record.value)
        profile = read_profile(event.data)
        document = bytes(event.data).decode()
        self._profiles[name] = _named(name, recorded_ms=record.recorded_ms, sequence=profile.sequence, document=document)
        self._person(name).stand(profile, record.recorded_ms, lambda: self._later(name, profile.sequence))

    def _later(self, name: Name, sequence: int) -> list[tuple[str, str | None]]:
        """What changed after a change, in order."""
        c = changes.c
        asked = select(c.sequence, c.dimension, c.after).where(c.shop == name[0], c.customer == name[1], c.sequence > sequence)
        found = [(row.sequence, row.dimension, row.after) for row in self._connection.execute(asked)]
        pending = (row for row in self._changes.values() if (row["shop"], row["customer"]) == name and row["sequence"] > sequence)
        found += [(row["sequence"], row["dimension"], row["after"]) for row in pending]
        return [(dimension, after) for _, dimension, after in sorted(found)]

    def _take_insight(self, record: Record) -> None:
        shop, period = split_key(record.key)
        if record.value is None:
            self._connection.execute(insights.delete().where(insights.c.shop == shop, insights.c.period == period))
            return
        document = bytes(read_envelope(record.value).data).decode()
        writing.put(self._connection, insights, [{"shop": shop, "period": period, "recorded_ms": record.recorded_ms, "document": document}])

    def _count(self, dirty: Iterable[Person]) -> None:
        deltas: Counter[tuple[Any, ...]] = Counter()
        for person in dirty:
            shop = person.name[0]
            for dimension, after in person.values.items():
                before = person.stored[dimension]
                if before != after:
                    if before is not None:
                        deltas[shop, dimension, before] -= 1
                    if after is not None:
                        deltas[shop, dimension, after] += 1
            self._shop(shop)["customers"] += (person.values["lifecycle"] is not None) - (person.stored["lifecycle"] is not None)
        writing.add(self._connection, counts, deltas)


def _named(name: Name, **values: Any) -> Row:
    return {"shop": name[0], "customer": name[1], **values}
