"""What running workers know and have applied: told by the markers, which they write with every unit of work.

A worker follows the policies beside its inputs. History must not reach it before the policy under which it is to be loaded, and
that policy must not end before the history is applied. Where no worker runs there is nothing to wait for: one that starts reads
all policies before its first event.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream_app.engine.stores.marker import MARKER_KEY, Marker, decode_marker
from stream_app.engine.topology import changelog_name
from stream_app.errors import BrokerUnavailableError, PolicyError
from stream_app.processor.policies import PolicyBook
from stream_app.settings import Settings
from stream_app.worker.backfill.progress import Target
from stream_app.worker.cluster import admin_client, partitions_of, read_to_end, reader
from stream_app.worker.doctor.group import members_of
from stream_app.worker.topics import TABLE

_POLL_S: Final = 0.2
_MEMBERS_EVERY_S: Final = 2.0
_LOOK_BACK: Final = 4  # a unit ends with its marker and Kafka's
_LOOK_BACK_GROWS: Final = 16

Tell = Callable[[int], None]
"""Told how many offsets are left."""


async def until_known(settings: Settings, ping: Callable[[], Awaitable[Mapping[Target, int]]], tell: Tell) -> None:
    """Wait until every running worker works under the policies that are published now.

    Args:
        settings: name the broker and the workers' group.
        ping: publishes a record that changes nothing to every partition of `orders`, and gives its offsets.
        tell: told how many offsets are left.
    """
    while await _is_anybody_there(settings) and await until_applied(settings, await ping(), tell):
        wanted = (await _book(settings)).fingerprint()
        if all(marker.memo.get("policies") == wanted for marker in (await newest_markers(settings)).values()):
            return


async def until_applied(settings: Settings, wanted: Mapping[Target, int], tell: Tell) -> bool:
    """Wait until what lies at these offsets is applied; False as soon as no worker runs."""
    asked_s = float("-inf")
    while True:
        if time.monotonic() - asked_s >= _MEMBERS_EVERY_S:
            if not await _is_anybody_there(settings):
                return False
            asked_s = time.monotonic()
        markers = await newest_markers(settings)
        left = 0
        for (name, partition), offset in wanted.items():
            marker = markers.get(partition)
            applied = 0 if marker is None else marker.offsets.get(settings.topic(name), 0)
            left += max(0, offset + 1 - applied)
        tell(left)
        if not left:
            return True
        await asyncio.sleep(_POLL_S)


async def newest_markers(settings: Settings) -> dict[int, Marker]:
    """The newest marker of each partition that has one."""
    found: dict[int, Marker] = {}
    try:
        async with reader(settings, auto_offset_reset="earliest") as client:
            assigned = await partitions_of(client, settings, changelog_name(settings.id, TABLE))
            client.assign(assigned)
            begins, ends = await client.beginning_offsets(assigned), await client.end_offsets(assigned)
            for tp in assigned:
                client.pause(*assigned)
                client.resume(tp)
                at, look_back = ends[tp], _LOOK_BACK
                while tp.partition not in found and at > begins[tp]:
                    until, at = at, max(begins[tp], at - look_back)
                    client.seek(tp, at)
                    await _take_marker(client, tp, until, found)
                    look_back *= _LOOK_BACK_GROWS
    except (KafkaError, OSError) as error:
        raise BrokerUnavailableError(f"the broker at {settings.broker} is lost ({type(error).__name__}): start it again") from error
    return found


async def _take_marker(client: AIOKafkaConsumer, tp: TopicPartition, until: int, found: dict[int, Marker]) -> None:
    while await client.position(tp) < until:
        for record in (await client.getmany(tp, timeout_ms=200)).get(tp, ()):
            if record.key == MARKER_KEY and record.offset < until:
                found[tp.partition] = decode_marker(record.value)


async def _is_anybody_there(settings: Settings) -> bool:
    """Whether workers run; where the broker does not tell, nobody is waited for."""
    async with admin_client(settings) as admin:
        return bool(await members_of(admin, settings))


async def _book(settings: Settings) -> PolicyBook:
    book = PolicyBook()
    async for record in read_to_end(settings, "policies"):
        try:
            book.put((record.key or b"").decode("utf-8", "replace"), record.timestamp, record.value)
        except PolicyError:
            continue
        except Exception:  # noqa: BLE001, S112 - a worker passes over whatever it cannot use, too (worker/policies.py)
            continue
    return book
