"""What the read API answers, from both databases: search and paging, one customer, changes, flows, and time."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.event import listen

from stream_app.codec.times import format_time
from stream_app.web.history import changes
from stream_app.web.history import customers as questions
from stream_app.web.history.database import Database
from stream_app.web.history.periods import latest_periods, periods_between
from tests.builders import at
from tests.postgresql import Postgres
from tests.unit.web.records import SHOP, WRITTEN_MS, Log
from tests.unit.web.serving import Api, api
from tests.unit.web.test_filling import lives

IDS = ["a", "a%b", "a/b", "a/b/c", "a_b", "ab", "b", "b.", "..", "é", "\U0001f377"]


def many(number: int = 60) -> Log:
    log = Log()
    for place in range(number):
        name = f"c-{place:03}"
        log.changed(name, 1, "lifecycle", None, "active" if place % 3 else "inactive", day=place)
        log.changed(name, 2, "class", None, "ABC"[place % 3] if place % 2 else None, day=place) if place % 2 else None
    return log


async def pages(ask: Api, path: str, name: str, **parameters: Any) -> list[Any]:
    """All pages, one after another."""
    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = await ask.get(path, **parameters, **after)
        found += page[name]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


async def test_ids_are_found_by_prefix_and_part_and_ordered_by_code_point(database: Database) -> None:
    log = Log()
    for place, name in enumerate(IDS):
        log.changed(name, 1, "lifecycle", None, "active", day=place)
    log.into(database)
    async with api(database) as ask:

        async def found(**parameters: Any) -> list[str]:
            return [one["customer"] for one in await pages(ask, "customers", "customers", limit=2, **parameters)]

        assert await found() == sorted(IDS)
        assert await found(search="a") == ["a", "a%b", "a/b", "a/b/c", "a_b", "ab"]
        assert await found(search="a/") == ["a/b", "a/b/c"]
        assert await found(search="b", match="substring") == ["a%b", "a/b", "a/b/c", "a_b", "ab", "b", "b."]
        assert await found(search="%", match="substring") == ["a%b"]
        assert await found(search="_", match="substring") == ["a_b"]
        assert await found(search="\U0001f377") == ["\U0001f377"]
        for name in IDS:
            assert (await ask.get("customer", id=name))["customer"] == name


async def test_statuses_narrow_the_search_and_pages_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    many().into(database)
    monkeypatch.setattr(questions, "LOOKED_AT_MAX", 7)
    async with api(database) as ask:

        async def found(*statuses: str, **parameters: Any) -> list[int]:
            asked = [("status", one) for one in statuses] + [("limit", "4"), *parameters.items()]
            numbers, after = [], None
            while True:
                query = [*asked, ("after", after)] if after else asked
                async with ask.session.get(f"{ask.address}/api/v1/customers", params=query) as response:
                    page = await response.json()
                    assert response.status == 200, page
                numbers += [int(one["customer"][2:]) for one in page["customers"]]
                after = page["next"]
                if after is None:
                    return numbers

        everybody = range(60)
        assert await found() == list(everybody)
        assert await found("lifecycle:active") == [n for n in everybody if n % 3]
        assert await found("lifecycle:active", "class:B") == [n for n in everybody if n % 3 and n % 2 and "ABC"[n % 3] == "B"]
        assert await found("class:A,B") == [n for n in everybody if n % 2 and n % 3 < 2]
        assert await found("class:null") == [n for n in everybody if not n % 2]
        assert await found("class:null,C") == [n for n in everybody if not n % 2 or n % 3 == 2]
        assert await found("lifecycle:active", "class:A") == []
        assert await found("segment:nobody") == []
        assert await found("lifecycle:active", search="1", match="substring") == [n for n in everybody if n % 3 and "1" in f"{n:03}"]
        assert await found("lifecycle:inactive", search="c-03") == [30, 33, 36, 39]


async def test_a_page_of_customers_has_the_measures_of_their_profiles(database: Database) -> None:
    log = lives()
    log.changed("c", 1, "lifecycle", None, "active")
    log.into(database)
    async with api(database) as ask:
        told = {one["customer"]: one["measures"] for one in (await ask.get("customers"))["customers"]}
    assert told == {"a/1": {"revenue": 1}, "b": {"revenue": 1}, "c": None}


def test_the_rarest_condition_is_looked_up_whatever_sqlite_believes(sqlite: Database) -> None:
    log = Log()
    for place in range(9):
        log.changed(f"c-{place}", 1, "winback", None, "gone" if place == 8 else "none")
    log.into(sqlite)
    asked: list[str] = []
    listen(sqlite.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with sqlite.reading() as connection:
        found, _ = questions.find_customers(connection, SHOP, statuses={"winback": ["gone"], "class": [None]}, limit=5)
    assert [row.customer for row in found] == ["c-8"]
    assert any("FROM customers INDEXED BY customers_by_winback" in statement for statement in asked)


def test_a_rare_pair_of_values_is_looked_up_whatever_postgresql_believes(postgres: Postgres, tmp_path: Path) -> None:
    database = Database(postgres.create(), tmp_path)
    lives().into(database)
    asked: list[tuple[str, Any]] = []
    listen(database.engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    with database.reading() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_sort = off")  # a look-up in the wrong order, and sorted then, is none
        changes.of_shop(
            connection, SHOP, dimension="lifecycle", before=None, after="gone", since_ms=None, until_ms=at(9), cursor=None, limit=5
        )
        statement, parameters = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    database.close()
    assert any("Index Scan Backward using changes_by_flow" in line for line in plan), plan


async def test_one_customer_is_told_with_proof_and_what_comes_next(database: Database) -> None:
    log = lives()
    log.told("a/1", "status.will_change", "f" * 32, _notice())
    log.into(database)
    async with api(database) as ask:
        told = await ask.get("customer", shop="acme", id="a/1")
        assert told["statuses"]["lifecycle"] == "active"
        assert [one["sequence"] for one in told["changes"]] == [4, 3, 2, 1]
        assert [one["revoked"] for one in told["changes"]] == [False, True, False, False]
        assert told["changes"][0]["revokes"] == told["changes"][1]["id"]
        assert told["changes"][0]["reason"] == {"code": "because", "measures": {"orders": 1, "revenue": 123_456}, "thresholds": {}}
        assert told["next_deadline"] == told["profile"]["next_deadline"] == format_time(at(71))
        assert {one["dimension"]: one["value"] for one in told["outlook"]} == {"lifecycle": "active", "class": "B"}
        assert [one["will_change_at"] for one in told["announced"]] == [format_time(at(80))]
        page = await ask.get("customer/changes", id="a/1", limit=3)
        assert ([one["sequence"] for one in page["changes"]], page["older"]) == ([4, 3, 2], 2)
        page = await ask.get("customer/changes", id="a/1", limit=3, before=page["older"])
        assert ([one["sequence"] for one in page["changes"]], page["older"]) == ([1], None)
        then = await ask.get("customer/status", id="a/1", at=format_time(at(40.5)), known_at=format_time(WRITTEN_MS + 4))
        assert then["statuses"]["lifecycle"] == "inactive"
        now = await ask.get("customer/status", id="a/1", at=format_time(at(40.5)))
        assert now["statuses"]["lifecycle"] == "active"
        assert now["decided_by"]["lifecycle"]["sequence"] == 1


async def test_an_erased_customer_is_his_receipt(database: Database) -> None:
    log = lives()
    log.erased("a/1", 60)
    log.gone("a/1")
    log.into(database)
    async with api(database) as ask:
        told = await ask.get("customer", id="a/1")
        assert told["erased"]["at"] == format_time(at(60))
        assert (told["erased"]["came_back"], told["statuses"], told["profile"], told["changes"]) == (False, None, None, [])
        overview = await ask.get("overview")
        assert (overview["customers"], overview["erased"], overview["changes"]) == (1, 1, 2)


async def test_changes_of_everybody_by_flow_and_time_page_by_page(database: Database) -> None:
    many().into(database)
    async with api(database) as ask:

        async def found(**parameters: Any) -> list[tuple[str, str | None]]:
            told = await pages(ask, "changes", "changes", limit=7, **parameters)
            assert [one["effective_at"] for one in told] == sorted((one["effective_at"] for one in told), reverse=True)
            return sorted((one["customer"], one["to"]) for one in told)

        everything = await found()
        assert len(everything) == 90
        assert await found(dimension="lifecycle", to="inactive") == [(f"c-{n:03}", "inactive") for n in range(0, 60, 3)]
        assert await found(dimension="lifecycle", **{"from": "null"}) == [one for one in everything if one[1] in ("active", "inactive")]
        assert await found(dimension="class") == [one for one in everything if one[1] in ("A", "B", "C")]
        assert await found(since=format_time(at(10)), until=format_time(at(12))) == [
            one for one in everything if one[0] in ("c-010", "c-011")
        ]
        assert (await ask.get("changes", 400, to="active"))["field"] == "dimension"


async def test_flows_per_period_are_the_net_changes(database: Database) -> None:
    lives().into(database)
    async with api(database) as ask:
        told = await ask.get("flows", period="day", since=format_time(at(0))[:10], until=format_time(at(60)))
        moved = {(one["period"], flow["from"], flow["to"]): flow["count"] for one in told["periods"] for flow in one["flows"]}
        days = {format_time(at(day))[:10]: day for day in (0, 1, 40, 50)}
        assert {(days[period], before, after): count for (period, before, after), count in moved.items()} == {
            (0, None, "active"): 1,
            (1, None, "active"): 1,
            (50, "active", "inactive"): 1,
        }
        assert len(told["periods"]) == 60
        assert len((await ask.get("flows"))["periods"]) == 12
        assert (await ask.get("flows", 400, period="day", since="2020-01-01"))["field"] == "since"


def _notice() -> dict[str, Any]:
    reason = {"code": "r", "measures": {}, "thresholds": {}}
    announced = {"dimension": "lifecycle", "from": "active", "to": "inactive", "will_change_at": format_time(at(80))}
    return {**announced, "reason": reason, "policy": {}, "counterfactual": {"to": "active"}}


def test_periods_are_those_of_the_shops_calendar() -> None:
    from stream_app.codec.policy.zones import read_calendar

    calendar = read_calendar("Asia/Kathmandu")  # +05:45: its days begin at a quarter
    (day,) = latest_periods(calendar, "day", at(0), 1)
    assert (day.name, format_time(day.start_ms), format_time(day.end_ms)) == (
        "2024-10-04",
        "2024-10-03T18:15:00.000Z",
        "2024-10-04T18:15:00.000Z",
    )
    assert [one.name for one in latest_periods(calendar, "month", at(0), 3)] == ["2024-08", "2024-09", "2024-10"]
    weeks = periods_between(read_calendar("Europe/Amsterdam"), "week", at(0), at(30))
    assert [one.name for one in weeks] == ["2024-W40", "2024-W41", "2024-W42", "2024-W43", "2024-W44"]
    assert (weeks[3].end_ms - weeks[3].start_ms) // 3_600_000 == 169, "summer time ends"
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(weeks))
