"""From what a run has left (samples, strikes, evidence) to its verdicts, with the limits that they are held to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.place import PARTITIONS
from benchmarks.soak.compare import differing_changes, differing_ends, garbage_lost, of_shop, refused
from benchmarks.soak.crew import Crew, Life
from benchmarks.soak.shops import EVENTS_SHOPS, SHOPS
from benchmarks.soak.strikes import REST_WITHIN_S, Strike
from benchmarks.soak.traffic import CANARY, Day
from benchmarks.soak.truth import Evidence, Input
from benchmarks.soak.verdicts import Allowed, Series, Verdict, alike, beside, flat, none_of, rests, second_part
from benchmarks.soak.watch import Watch

LIMITS = {"rss_mib": Allowed(8, 5), "descriptors": Allowed(8, 4), "threads": Allowed(2, 5)}
"""Over the second half of the longest life. The store's files come and go, and are not counted among the descriptors. Of the memory what
buffers with a limit have held is taken off: filling them takes longer than a life here, and that they keep their limit is a verdict of
its own."""

WARMING = {**LIMITS, "rss_mib": Allowed(24, 15)}
"""The same in a run of less than a quarter of an hour, in which every life is still filling its caches."""

LIMITS_OF_LIVES = {"rss_mib": Allowed(25, 20), "descriptors": Allowed(12, 10), "threads": Allowed(3, 10)}
"""From the first life to the last, at one age: the states that a worker restores grow with the day."""

BUFFERS_MIB = 136.0
"""Of a process: the 128 that they are limited to, and what arrives while a full one is being written."""

LAG = Allowed(40)
"""Records, of the median slope over the second half of the run."""

_LONG_S = 900.0
_PROCESSES = {"w1": "worker", "w1 insights": "insights"}
_WORDS = {"rss_mib": "MiB of memory", "descriptors": "open descriptors beside the store's files", "threads": "threads"}
_END_WITHIN_S = 60.0


def of_flatness(watch: Watch, seconds: float) -> list[Verdict]:
    """Memory, descriptors and threads of the longest life and from life to life; the lag."""
    found = []
    limits = LIMITS if seconds >= _LONG_S else WARMING
    age_s = min(60.0, seconds / 20)
    for name, what in _PROCESSES.items():
        buffers = [(row["t"], row[name]["buffers_mib"]) for row in watch.samples if "buffers_mib" in row.get(name, {})]
        most = max((held for _, held in buffers), default=0.0)
        found.append(Verdict(f"MiB of buffers of the {what}, at the most", 0 < most <= BUFFERS_MIB, most, BUFFERS_MIB))
        for field, words in _WORDS.items():
            lives = _lives(watch.samples, name, field, PARTITIONS)
            longest = max(lives, key=lambda series: series[-1][0] - series[0][0], default=[])
            # As a life of a short run is short, so is what can be judged of it.
            judged = beside(longest, dict(buffers)) if field == "rss_mib" else longest
            words_of = f"{words} beside the buffers" if field == "rss_mib" else words
            found.append(flat(f"{words_of} of the {what}, in its longest life", second_part(judged), limits[field], seconds / 20))
            found.append(alike(f"{words} of the {what}, from life to life", lives, (age_s, 2 * age_s), LIMITS_OF_LIVES[field]))
    for field, what in (("lag", "worker"), ("insights lag", "insights")):
        series = [(row["t"], row[field]) for row in watch.samples if row[field] is not None]
        found.append(flat(f"records of lag of the {what}", second_part(series), LAG, seconds / 4))
    return found


def of_strikes(strikes: Sequence[Strike], crew: Crew, watch: Watch, end_lag: float | None) -> list[Verdict]:
    """Each struck, each was survived, and nobody ended for any other reason."""
    failed = [f"{strike.kind} at {strike.at_s:.0f} s: {strike.failed}" for strike in strikes if strike.failed]
    took = {f"{one.kind} at {one.at_s:.0f} s": None if one.rest_s is None else one.rest_s - one.over_s for one in strikes}
    ends = [life for life in crew.lives if life.ended_s is not None and not life.is_told]
    unexplained = [
        f"{life.name} ended with {life.process.returncode}: {life.why}" for life in ends if not _is_explained(life, strikes, watch.began)
    ]
    return [
        none_of("strikes that did not strike", failed, len(strikes)),
        rests(REST_WITHIN_S, took),
        Verdict("records of lag at the end, insights included", end_lag == 0, -1.0 if end_lag is None else end_lag, 0),
        none_of("ends of a worker that no strike explains", unexplained, len(crew.lives)),
    ]


def of_content(day: Day, published: Input, acknowledged: int, worker: Evidence, replays: Mapping[str, Sequence[Evidence]]) -> list[Verdict]:
    """Nothing lost, nothing double, nothing changed; and every dead letter is one that must be."""
    tidy = {
        shop: {key for one in replays[shop] for key in one.final} - day.untidy
        | {key for _, key in worker.said if key.startswith(f"{shop}/") and key not in day.untidy}
        for shop in EVENTS_SHOPS
    }
    found = [
        Verdict("records that Kafka acknowledged and does not have", published.records >= acknowledged, acknowledged - published.records, 0)
    ]
    for shop in EVENTS_SHOPS:
        changes = sum(len(said) for (_, key), said in worker.said.items() if key in tidy[shop])
        wrong = differing_changes(worker.said, replays[shop][0].said, tidy[shop])
        found.append(none_of(f"customers of {shop} whose changes are not the replay's", wrong, changes))
    for shop in SHOPS:
        ours = of_shop(worker.final, shop)
        wrong = differing_ends(ours, [one.final for one in replays[shop]])
        found.append(none_of(f"customers of {shop} who do not stand as in the replay", wrong, len(ours)))
    found.append(none_of("holes in sequences, broken chains, ids that are there twice", worker.wrong, sum(map(len, worker.said.values()))))
    lost = garbage_lost(published.garbage, day.garbage, worker.letters)
    found.append(none_of("garbage that is no dead letter with its bytes and code", lost, published.garbage.total()))
    _, others = refused(worker, published, day.garbage)
    expected = sum((replays[shop][0].letters for shop in SHOPS), start=Counter[tuple[str, bytes]]())
    differing = [f"{code}: {count} more or less" for (code, _), count in ((others - expected) + (expected - others)).items()]
    found.append(none_of("other dead letters that are not the replay's", differing, others.total()))
    found += _of_insights(worker)
    return found


def of_withdrawals(strikes: Sequence[Strike], away: set[bytes]) -> list[Verdict]:
    """While booth had no policy, its events were refused; nothing where it always had one."""
    times = [strike for strike in strikes if strike.kind == "policy withdrawn" and not strike.failed]
    idle = [] if away else [f"at {strike.at_s:.0f} s nothing was refused" for strike in times]
    return [none_of("withdrawn policies under which events were taken", idle, len(times))] if times else []


def of_canaries(folder: Path, watch: Watch, published: Input) -> list[Verdict]:
    """No log line, error text or page of metrics shows whom it is about; `published` proves that there was something to show."""
    shown, lines = [], 0
    for log in sorted(folder.glob("*.log")):
        for number, line in enumerate(log.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            lines += 1
            if CANARY in line:
                shown.append(f"{log.name}:{number}")
    return [
        none_of("lines of logs and errors that show a canary", shown, lines if published.named else 0),
        Verdict("pages of metrics that show a canary", bool(watch.pages) and not watch.shown, watch.shown, 0, f"of {watch.pages:,}"),
    ]


def _of_insights(worker: Evidence) -> list[Verdict]:
    """What the process beside the worker has counted is how customers stand; who was erased stays in its counts, told apart."""
    wrong, looked = [], 0
    for shop in SHOPS:
        told = worker.insights.get(shop, {"counts": {}, "erased": {}})
        stand = [final.statuses for final in of_shop(worker.final, shop).values()]
        for dimension in sorted({*told["counts"], *(name for statuses in stand for name in statuses)}):
            counted = Counter(told["counts"].get(dimension, {}))
            counted.subtract(told["erased"].get(dimension, {}))
            found = Counter(statuses[dimension] for statuses in stand if dimension in statuses)
            looked += found.total()
            if +counted != found:
                wrong.append(f"{dimension} in {shop}: insights count {dict(+counted)}, and it is {dict(found)}")
    return [none_of("dimensions whose insights are not how customers stand", wrong, looked)]


def _lives(samples: Sequence[dict[str, Any]], name: str, field: str, partitions: int) -> list[Series]:
    """A series for each life of a process, in order, while it has all partitions: with a share it needs less."""
    lives: dict[int, list[tuple[float, float]]] = {}
    for row in samples:
        if field in row.get(name, {}) and len(row[name].get("partitions", ())) == partitions:
            lives.setdefault(row[name]["life"], []).append((row["t"], row[name][field]))
    return list(lives.values())


def _is_explained(life: Life, strikes: Sequence[Strike], began: float) -> bool:
    """Ended by itself, with one line, while a strike lasted or shortly after."""
    assert life.ended_s is not None
    at = life.ended_s - began
    near = any(strike.at_s <= at <= strike.over_s + _END_WITHIN_S for strike in strikes)
    return near and life.process.returncode == 1 and life.why.startswith("stream-app: ")
