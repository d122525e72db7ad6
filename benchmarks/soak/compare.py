"""Where what was committed is not what the replay says: change by change, or how customers stand in the end."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from benchmarks.soak.truth import Evidence, Final, Input, Said

MANY = 8
"""So many complaints are enough to see what is wrong."""

Lines = Mapping[tuple[str, str], Sequence[Said]]


def differing_changes(worker: Lines, replayed: Lines, keys: Iterable[str]) -> list[str]:
    """What one side has published and the other not, or otherwise, of the customers `keys`."""
    wanted = set(keys)
    found: list[str] = []
    for place in sorted({place for place in (*worker, *replayed) if place[1] in wanted}):
        ours, theirs = worker.get(place, ()), replayed.get(place, ())
        where = f"{place[0]} of {place[1]}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one.digest != other.digest:
                found.append(f"{where}, number {number + 1}: worker {one.short}, replay {other.short}")
                break
        else:
            if len(ours) != len(theirs):
                more, who = (ours, "the worker") if len(ours) > len(theirs) else (theirs, "the replay")
                found.append(f"{where}: only {who} has {more[min(len(ours), len(theirs))].short}")
    return found


def differing_ends(worker: Mapping[str, Final], replays: Sequence[Mapping[str, Final]]) -> list[str]:
    """Who stands otherwise than in every one of the replays, which were taken at slightly different moments."""
    found = []
    for key in sorted(set(worker).union(*replays)):
        ours, theirs = worker.get(key), [one.get(key) for one in replays]
        if ours in theirs:
            continue
        if ours is None or theirs[0] is None:
            found.append(f"{key}: only {'the replay' if ours is None else 'the worker'} knows him")
            continue
        pairs = [(name, ours.statuses.get(name), theirs[0].statuses.get(name)) for name in {*ours.statuses, *theirs[0].statuses}]
        pairs += [(name, ours.facts.get(name), theirs[0].facts.get(name)) for name in {*ours.facts, *theirs[0].facts}]
        found.append(f"{key}: " + "; ".join(f"{name} {one}, replay {other}" for name, one, other in sorted(pairs, key=str) if one != other))
    return found


def garbage_lost(published: Counter[bytes], expected: Mapping[bytes, str], letters: Mapping[tuple[str, bytes], int]) -> list[str]:
    """Garbage that is no dead letter with its bytes and its code, or is one more often than it was published."""
    found = []
    for value, times in published.items():
        count = letters.get((expected[value], value), 0)
        if not 1 <= count <= times:
            others = [code for code, content in letters if content == value]
            found.append(f"{expected[value]}: published {times} times, a dead letter {count} times, with other codes {others}")
    return found


def of_shop(evidence: Mapping[str, Final], shop: str) -> dict[str, Final]:
    """Those of one shop."""
    return {key: final for key, final in evidence.items() if key.startswith(f"{shop}/")}


def refused(worker: Evidence, published: Input, garbage: Collection[bytes]) -> tuple[set[bytes], Counter[tuple[str, bytes]]]:
    """What booth's customers did while it had no policy; and every other dead letter that is no garbage."""
    away: set[bytes] = set()
    others: Counter[tuple[str, bytes]] = Counter()
    for (code, value), count in worker.letters.items():
        if value in garbage:
            continue
        if code == "unknown_shop" and value in published.values["booth"]:
            away.add(value)
        else:
            others[code, value] += count
    return away, others
