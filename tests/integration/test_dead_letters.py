"""Dead letters: listed without personal data, shown in full, and sent again exactly once, also by runs that are killed or meet."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_app.codec.dead_letters import dead_letter_headers
from stream_app.domain.events import Code, Rejected
from stream_app.errors import Failure
from stream_app.settings import Settings, child_environment
from stream_app.worker.cluster import producer, read_to_end
from stream_app.worker.dead_letters.letters import Wanted, find_letter
from stream_app.worker.dead_letters.replay import Replayed, read_journal, replay
from stream_app.worker.topics import create_topics, replayed_name

LETTERS = 6_000
FOREIGN = 3
PROGRAM = (sys.executable, "-m", "stream_app", "dead-letters")
Record = tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...], int]


def original(number: int) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]:
    """Key, value, headers and timestamp of a rejected record; each is one of a kind."""
    key = None if number % 10 == 3 else b"%s/customer-%d" % (b"acme" if number % 2 else b"other", number)
    value = (
        b"\xff\x00 no JSON %d" % number
        if number % 5 == 1
        else b'{"source":"/shops/%s","n":%d,"long":"%s"}' % ((b"other", b"acme")[number % 2], number, b"x" * 1_000)
    )
    headers: list[tuple[str, bytes | None]] = [("number", b"%d" % number), ("twice", b"1"), ("twice", None)]
    return (key, None if number % 10 == 7 else value, headers, 1_600_000_000_000 + number * 977 % 5_000_000)


async def reject_many(settings: Settings) -> None:
    """What a worker leaves: records in `orders`, and a dead letter of each."""
    orders, dead = settings.topic("orders"), settings.topic("dead-letters")
    async with producer(settings, max_batch_size=1 << 19) as client:

        async def put(topic: str, partition: int, records: list[Any]) -> int:
            batch = client.create_batch()
            for key, value, headers, timestamp_ms in records:
                assert batch.append(key=key, value=value, timestamp=timestamp_ms, headers=headers) is not None
            return int((await (await client.send_batch(batch, topic, partition=partition))).offset)

        for start in range(0, LETTERS, 500):
            for partition in (0, 1):
                numbers = [n for n in range(start, start + 500) if n % 2 == partition]
                first = await put(orders, partition, [original(n) for n in numbers])
                await put(dead, partition, [letter(n, orders, partition, first + place) for place, n in enumerate(numbers)])
        await put(dead, 0, [letter(n, "elsewhere", 0, n) for n in range(FOREIGN)])


def letter(number: int, topic: str, partition: int, offset: int) -> Any:
    key, value, headers, _ = original(number)
    why = Rejected(Code.UNKNOWN_SHOP if number % 3 else Code.INVALID_JSON, "value: x")
    return key, value, dead_letter_headers(why, topic, partition, offset, headers), int(time.time() * 1000)


async def in_orders(settings: Settings, at_least: int = 0) -> Counter[Record]:
    """What is committed; a commit is answered a moment before everybody sees it, so `at_least` so many records are waited for."""
    until_s = time.monotonic() + 10
    while True:
        found = Counter([(r.partition, r.key, r.value, tuple(r.headers), r.timestamp) async for r in read_to_end(settings, "orders")])
        if found.total() >= at_least or time.monotonic() > until_s:
            return found
        await asyncio.sleep(0.05)


class Ends:
    """How far the journal reaches: what is committed, and what is written."""

    def __init__(self, settings: Settings) -> None:
        self._at = TopicPartition(settings.topic(replayed_name(settings)), 0)
        self._readers = [
            AIOKafkaConsumer(bootstrap_servers=settings.brokers, isolation_level=level) for level in ("read_committed", "read_uncommitted")
        ]

    async def __aenter__(self) -> "Ends":
        for one in self._readers:
            await one.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._readers:
            await one.stop()

    async def read(self) -> tuple[int, int]:
        stable, every = [(await one.end_offsets([self._at]))[self._at] for one in self._readers]
        return stable, every


def replaying(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*PROGRAM, "replay"], env=child_environment(**environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


async def kill_inside_a_transaction(settings: Settings, environment: dict[str, str]) -> tuple[int, int]:
    """Kill a run while a transaction of it, not the first, is open and stays open; gives the journal's two ends at that moment."""
    with replaying(environment) as process:
        async with Ends(settings) as ends:
            began, _ = await ends.read()
            while process.poll() is None:
                stable, every = await ends.read()
                if not began < stable < every:
                    continue
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(0.2)  # a commit that was under way when it was stopped would have come through
                stable, every = await ends.read()
                if stable < every:
                    process.kill()
                    return stable, every
                os.kill(process.pid, signal.SIGCONT)
    raise AssertionError("the run ended before it was struck")


def run(environment: dict[str, str], *words: str, status: int = 0) -> str:
    done = subprocess.run([*PROGRAM, *words], env=child_environment(**environment), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


async def test_each_letter_is_sent_again_once_though_runs_are_killed_and_meet(settings: Settings, environment: dict[str, str]) -> None:
    await create_topics(settings, partitions=2)
    await reject_many(settings)
    before = await in_orders(settings)
    assert before.total() == len(before) == LETTERS

    listed = json.loads(run(environment, "list", "--json", "--code", "invalid_json", "--shop", "acme"))
    assert listed["count"] == LETTERS // 6
    assert {letter["shop"] for letter in listed["letters"]} == {"acme"}
    assert "customer-" not in json.dumps(listed)
    shown = await find_letter(settings, 1, 0)
    assert (shown.key, shown.value, list(shown.headers)) == original(1)[:3]
    with pytest.raises(Failure, match="there is none"):
        await find_letter(settings, 1, LETTERS)
    one = await replay(settings, Wanted(names=frozenset({"1:0"})))
    assert one.replayed == {settings.topic("orders"): 1}
    assert await in_orders(settings, LETTERS + 1) - before == Counter([(1, *original(1)[:2], tuple(original(1)[2]), original(1)[3])])

    stable, every = await kill_inside_a_transaction(settings, environment)
    assert 0 < stable < every, "it was struck inside a transaction"
    killed = (await in_orders(settings)).total() - LETTERS
    assert 1 < killed < LETTERS, "and between the first and the last"

    two = [replaying(environment), replaying(environment)]
    for process in two:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0 or b"another `dead-letters replay` has taken over" in said, said
    rest = json.loads(run(environment, "replay", "--json"))
    assert rest["retimed"] == 0
    assert rest["before"] + sum(rest["replayed"].values()) == LETTERS
    assert rest["foreign"] == FOREIGN

    after = await in_orders(settings, 2 * LETTERS)
    assert after == before + before, "every record twice: as it was rejected, and as it was sent again"
    async with asyncio.timeout(10):
        while len(await read_journal(settings)) < LETTERS:
            await asyncio.sleep(0.05)
    assert await replay(settings, Wanted(), dry_run=True) == Replayed({}, before=LETTERS, foreign=FOREIGN)
