"""Events in over HTTP: single requests and batches at a steady rate, beside Kafka and the load on the same cores; then a kill -9."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.place import Place, say
from benchmarks.product.inputs import live_policy
from benchmarks.product.posting import SHOP
from benchmarks.product.process import usage
from benchmarks.product.shop import Shop
from benchmarks.product.traffic import percentile
from stream_app.worker.cluster import read_to_end

KEY = "only-for-this-measurement"
SIZE = 100
SINGLES_PER_S, EVENTS_PER_S = 2_000, 20_000
_SURPLUS = 1.05  # offered beyond the target, so that a rate that is kept up is not missed by a rounding
_WARM_UP_S = 2.0
_CONNECTIONS = 32
_KILL_AFTER_S = 3.0


def measure(place: Place) -> dict[str, Any]:
    """`ingest`: what was answered a second and how soon, for single events and for batches, and what a kill -9 has lost."""
    seconds = place.size(30, 8)
    shop = Shop(place, "ingest", live_policy(place.folder))
    (place.folder / "key").write_text(KEY)
    singles = _steady(shop, "single", SINGLES_PER_S * _SURPLUS, 1, seconds)
    batches = _steady(shop, "batch", EVENTS_PER_S * _SURPLUS / SIZE, SIZE, seconds)
    return {"ingest": {"single": singles, "batches_of_100": batches, "killed": _killed(shop)}}


def _steady(shop: Shop, name: str, per_second: float, size: int, seconds: float) -> dict[str, Any]:
    with _ingest(shop) as (port, process):
        before, _ = usage(process.pid)
        told = _post(shop, port, name, size, per_second, _WARM_UP_S + seconds)
        used, rss_mib = usage(process.pid)
    delays = sorted(delay for due, delay in told["delays_ms"] if due >= _WARM_UP_S)
    last = max(due + delay / 1000 for due, delay in told["delays_ms"])
    requests = len(told["stored"])
    answered = requests * size / max(last, _WARM_UP_S + seconds)
    lost = _lost(shop, name, size, told["stored"])
    p50, p99 = percentile(delays, 50), percentile(delays, 99)
    say(f"ingest, {size} an answer: {answered:,.0f} events/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {told['statuses']}, {lost} lost")
    return {
        "events_per_s": round(answered),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "not_stored": sum(told["statuses"].values()) - requests,
        "lost": lost,
        "cpu_us_per_event": round((used - before) * 1e6 / max(1, requests * size), 1),
        "rss_mib": rss_mib,
    }


def _killed(shop: Shop) -> dict[str, int]:
    with _ingest(shop) as (port, process):
        load = _load(shop, port, "killed", SIZE, EVENTS_PER_S / SIZE, _KILL_AFTER_S * 4)
        time.sleep(_KILL_AFTER_S)
        process.kill()
        told = json.loads(load.communicate()[0])
    lost = _lost(shop, "killed", SIZE, told["stored"])
    say(f"ingest killed: {len(told['stored'])} requests answered, {len(told['unanswered'])} cut off, {lost} events lost")
    assert told["stored"], "nothing was answered before the kill"
    assert told["unanswered"], "the kill struck nothing"
    return {"answered": len(told["stored"]) * SIZE, "cut_off": len(told["unanswered"]) * SIZE, "lost": lost}


def _post(shop: Shop, port: int, name: str, size: int, per_second: float, seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_load(shop, port, name, size, per_second, seconds).communicate()[0])
    return told


def _load(shop: Shop, port: int, name: str, size: int, per_second: float, seconds: float) -> "subprocess.Popen[bytes]":
    given = {
        "port": port,
        "key-file": shop.place.folder / "key",
        "name": name,
        "size": size,
        "connections": _CONNECTIONS,
        "per-second": per_second,
        "seconds": seconds,
    }
    words = [word for option, value in given.items() for word in (f"--{option}", str(value))]
    return subprocess.Popen([sys.executable, "-m", "benchmarks.product.posting", *words], stdout=subprocess.PIPE)


def _lost(shop: Shop, name: str, size: int, stored: list[int]) -> int:
    """How many events of the requests that were answered are not in Kafka."""
    found: set[int] = set()

    async def read() -> None:
        begin = f'"id":"{name}-'.encode()
        async for record in read_to_end(shop.settings, "orders"):
            _, met, rest = record.value.partition(begin)
            if met:
                found.add(int(rest.partition(b'"')[0]))

    asyncio.run(read())
    return sum(number * size + place not in found for number in stored for place in range(size))


@contextmanager
def _ingest(shop: Shop) -> "Iterator[tuple[int, subprocess.Popen[str]]]":
    environment = shop.environment(INGEST_KEYS=json.dumps({SHOP: {"keys": [KEY]}}))
    command = [sys.executable, "-m", "stream_app", "ingest", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, "ingest did not start"
        yield int(line.partition("http://")[2].partition("/")[0].rpartition(":")[2]), process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
