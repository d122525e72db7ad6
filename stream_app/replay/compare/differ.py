"""Two outcomes side by side. What is equal is left out, so that a policy beside itself gives nothing, and B beside A the mirror."""

from collections import Counter
from typing import Any, Final

from stream_app.replay.compare.outcome import Customer, Move, Outcome

SHOWN_CUSTOMERS: Final = 20


def differ(a: Outcome, b: Outcome) -> dict[str, Any]:
    """What the two policies do differently.

    Returns:
        {"is_same", "figures": {name: {"a", "b"}}, "transitions": {dimension: [{"a", "b", "customers"}]}, "moves": [{"dimension", "from",
        "to", "a", "b"}], "months": [{"month", "dimension", "from", "to", "a", "b"}], "customers_affected"}
    """
    one, other = a.summary(), b.summary()
    figures = {name: {"a": one[name], "b": other[name]} for name in one if one[name] != other[name]}
    transitions = _cross(a, b)
    moves = [_beside(move, a.moves, b.moves) for move in _union(a.moves, b.moves) if a.moves[move] != b.moves[move]]
    months = [
        {"month": month, **_beside(move, left, right)}
        for month in sorted(a.months.keys() | b.months.keys())
        for left, right in [(a.months.get(month, Counter()), b.months.get(month, Counter()))]
        for move in _union(left, right)
        if left[move] != right[move]
    ]
    affected = [who for who in a.statuses.keys() | b.statuses.keys() if a.statuses.get(who) != b.statuses.get(who)]
    return {
        "is_same": not (figures or transitions or moves or months),
        "figures": figures,
        "transitions": transitions,
        "moves": moves,
        "months": months,
        "customers_affected": len(affected),
    }


def most_affected(a: Outcome, b: Outcome) -> list[Customer]:
    """Those who differ in most dimensions, the more valuable first."""

    def weight(who: Customer) -> tuple[int, int, Customer]:
        value = max(a.values.get(who, 0), b.values.get(who, 0))
        return -len(differing(a, b, who)), -value, who

    affected = [who for who in a.statuses.keys() | b.statuses.keys() if differing(a, b, who)]
    return sorted(affected, key=weight)[:SHOWN_CUSTOMERS]


def differing(a: Outcome, b: Outcome, who: Customer) -> list[str]:
    """The dimensions in which a customer ends up elsewhere; one that a policy does not have is null there."""
    left, right = a.statuses.get(who, {}), b.statuses.get(who, {})
    return [dimension for dimension in dict.fromkeys([*left, *right]) if left.get(dimension) != right.get(dimension)]


def _cross(a: Outcome, b: Outcome) -> dict[str, list[dict[str, Any]]]:
    counts: dict[str, Counter[tuple[str | None, str | None]]] = {}
    for who in a.statuses.keys() | b.statuses.keys():
        for dimension in differing(a, b, who):
            pair = a.statuses.get(who, {}).get(dimension), b.statuses.get(who, {}).get(dimension)
            counts.setdefault(dimension, Counter())[pair] += 1
    return {
        dimension: [
            {"a": pair[0], "b": pair[1], "customers": count}
            for pair, count in sorted(counts[dimension].items(), key=lambda item: (-item[1], sorted(map(str, item[0])), str(item[0])))
        ]
        for dimension in sorted(counts)
    }


def _union(a: Counter[Move], b: Counter[Move]) -> list[Move]:
    return sorted(a.keys() | b.keys(), key=lambda move: tuple(str(part) for part in move))


def _beside(move: Move, a: Counter[Move], b: Counter[Move]) -> dict[str, Any]:
    return {"dimension": move[0], "from": move[1], "to": move[2], "a": a[move], "b": b[move]}
