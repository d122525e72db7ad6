"""The report of a soak: one HTML file with its verdicts and, over time and with the strikes marked, what every process needed."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from stream_app.replay.report.charts import Mark, Series, lines
from stream_app.replay.report.page import page, section, table, text

_POINTS = 240
_PROCESSES = ("w1", "w1 insights", "w2", "broker")
_NAMES = {"w1": "worker", "w1 insights": "its insights", "w2": "second worker", "broker": "Kafka"}

Sample = dict[str, Any]


def draw(result: dict[str, Any], samples: Sequence[Sample]) -> str:
    """The whole report."""
    held = all(verdict["is_held"] for verdict in result["verdicts"])
    lead = (
        f"{result['events']:,} events of a day of {result['shops']} shops in {result['minutes']:g} minutes, "
        f"{len(result['strikes'])} strikes, seed {result['seed']}: {'everything held' if held else 'not everything held'}."
    )
    marks = [Mark(strike["at_s"], strike["kind"]) for strike in result["strikes"]]
    return page("Soak", lead, [_told(result), _plots(samples, marks), _strikes(result)])


def _told(result: dict[str, Any]) -> str:
    rows = [[one["what"], "held" if one["is_held"] else "FAILED", one["figure"], one["limit"], one["detail"]] for one in result["verdicts"]]
    machine, versions = result["machine"], result["versions"]
    where = f"{result['date']}, commit {versions['commit']}, rules {versions['rules']}; {machine['cores']} cores ({machine['processor']})"
    return section("Verdicts", text(result["how"]), text(where), table("", ("what", "", "figure", "at most", "detail"), rows))


def _strikes(result: dict[str, Any]) -> str:
    rows = [
        [
            one["at_s"],
            one["kind"],
            one["failed"] or one["proof"],
            "never" if one["rest_s"] is None else round(one["rest_s"] - one["over_s"], 1),
        ]
        for one in result["strikes"]
    ]
    return section("Strikes", table("", ("at, s", "what", "proof that it struck", "s to lag 0"), rows))


def _plots(samples: Sequence[Sample], marks: Sequence[Mark]) -> str:
    def of(field: str) -> list[Series]:
        return [Series(_NAMES[name], _thin(samples, _field(name, field))) for name in _PROCESSES]

    rates = [Series("published", _rates(samples, lambda row: row.get("published"))), Series("applied", _rates(samples, _applied))]
    cpu = [Series(_NAMES[name], _cpu(samples, name)) for name in _PROCESSES]
    lags = [Series("worker", _thin(samples, lambda row: row["lag"])), Series("insights", _thin(samples, lambda row: row["insights lag"]))]
    parts = [
        ("Resident memory, MiB", of("rss_mib")),
        ("Of it buffers that have a limit, MiB", of("buffers_mib")),
        ("Open descriptors", of("descriptors")),
        ("Threads", of("threads")),
        ("Lag, records", lags),
        ("Events a second", rates),
        ("Processor time, % of a core", cpu),
    ]
    plots = [lines(title, "seconds", title, series, marks=marks, dots=False) for title, series in parts]
    return section(
        "Over time",
        text("Dashed lines are strikes. Where a process did not live or answer, a straight line leads to its next figure."),
        *plots,
    )


def _thin(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> list[tuple[float, float]]:
    """At most so many points: of each stretch the largest value, so that no peak is lost."""
    known = [(row["t"], found) for row in samples if (found := value(row)) is not None]
    step = max(1, -(-len(known) // _POINTS))
    return [max(known[place : place + step], key=lambda point: point[1]) for place in range(0, len(known), step)]


def _rates(samples: Sequence[Sample], count: Callable[[Sample], float | None]) -> list[tuple[float, float]]:
    """How much a counter grew a second, over ten samples; where it began anew, nothing."""
    known = [(row["t"], found) for row in samples if (found := count(row)) is not None]
    rates = [(b[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in zip(known, known[10:], strict=False) if b[1] >= a[1]]
    step = max(1, -(-len(rates) // _POINTS))
    return [(rates[place][0], median(rate for _, rate in rates[place : place + step])) for place in range(0, len(rates), step)]


def _field(name: str, field: str) -> Callable[[Sample], float | None]:
    return lambda row: row.get(name, {}).get(field)


def _applied(row: Sample) -> float | None:
    found = [row[name]["records"] for name in ("w1", "w2") if "records" in row.get(name, {})]
    return sum(found) if found else None


def _cpu(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    return [(at, 100 * rate) for at, rate in _rates(samples, _field(name, "cpu_s"))]
