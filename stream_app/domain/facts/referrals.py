"""Who referred whom, and which referrals were converted (domain.md, section 2, Referrals).

The referrer keeps the pair: when he referred the other, and when the other's earliest counting order was. The referred one keeps
his referrers' names, also before he is a customer, so that he can tell them. A conversion is a time in `conversions`; it stays
there, nameless, when the pair is forgotten.
"""

from bisect import bisect_left, insort
from typing import Final

from stream_app.domain.events import ReferralFirstOrder
from stream_app.domain.facts.state import NEVER, State
from stream_app.domain.policy import Policy

NAMES_BYTES_MAX: Final = 48 * 1024
"""What the names of referred customers, of referrers, and of those who were merged into this one may take together."""

ABSORBED_BYTES_MAX: Final = 24 * 1024
"""What the latter may take of it."""

CONVERSIONS_MAX: Final = 1_000
_ENTRY_BYTES: Final = 24


def names_bytes(state: State) -> int:
    """About what all names take when they are encoded; a referred one's stands twice, in `referred` and in `heard`."""
    names = [*state.referred, *state.referred, *state.referrers, *state.absorbed]
    return sum(map(_name_bytes, names))


def _name_bytes(name: str) -> int:
    return _ENTRY_BYTES + len(name.encode())


def make(state: State, own_id: str, referred: str, time_ms: int, forgotten: list[str]) -> bool:
    """Note a `referral.made`; True when the pair is new. Its time is the earliest one's; nobody refers himself."""
    if referred == own_id or referred in state.absorbed:
        return False
    known = state.referred.get(referred)
    if known is not None:
        if time_ms < known[0]:
            _put(state, referred, time_ms, known[1], forgotten)
        return False
    _put(state, referred, time_ms, NEVER, forgotten)
    while len(state.referred) > 1 and names_bytes(state) > NAMES_BYTES_MAX:
        oldest = min((made_ms, name) for name, (made_ms, _) in state.referred.items())[1]
        del state.referred[oldest]  # its conversion stays
        state.heard.pop(oldest, None)
        forgotten.append("referral")
    return referred in state.referred


def know(state: State, referrer: str, own_id: str, forgotten: list[str]) -> None:
    """Note who has referred this customer."""
    if referrer == own_id or referrer in state.absorbed or referrer in state.referrers:
        return
    if names_bytes(state) + _ENTRY_BYTES + len(referrer.encode()) > NAMES_BYTES_MAX:
        forgotten.append("referrer")
        return
    insort(state.referrers, referrer)


def forget(state: State, names: list[str]) -> None:
    """Someone is erased, by all his names: he referred nobody, and nobody referred him; a conversion he brought stays, nameless."""
    for name in names:
        state.referred.pop(name, None)
        state.heard.pop(name, None)
        if name in state.referrers:
            state.referrers.remove(name)


def is_old(state: State, data: ReferralFirstOrder) -> bool:
    """Whether a later word of the same customer was heard before, or this very one."""
    return 0 < data.number <= state.heard.get(data.referred_customer_id, 0)


def hear(state: State, own_id: str, data: ReferralFirstOrder, forgotten: list[str]) -> None:
    """Note when the earliest counting order of a referred customer was; one who was merged is known by his new name from now on."""
    name = data.referred_customer_id
    if data.formerly is not None:
        before = state.referred.get(data.formerly)
        drop(state, data.formerly)
        if before is not None and name != own_id and name not in state.absorbed:
            made_ms, first_ms = state.referred.get(name, before)
            _put(state, name, min(before[0], made_ms), first_ms, forgotten)
    known = state.referred.get(name)
    if known is not None:
        _put(state, name, known[0], NEVER if data.at_ms is None else data.at_ms, forgotten)
        state.heard[name] = data.number


def drop(state: State, name: str) -> None:
    """Forget a pair, and its conversion with it."""
    if name in state.referred:
        _put(state, name, state.referred[name][0], NEVER, [])
        del state.referred[name]
        state.heard.pop(name, None)


def unite(state: State, other: State, own_names: list[str], forgotten: list[str]) -> None:
    """Take in the referrals of a customer who is merged into this one; what they have referred each other is no referral any more."""
    named = sorted(at_ms for pair in other.referred.values() if (at_ms := converted_ms(*pair)) != NEVER)
    nameless = list(other.conversions)
    for at_ms in named:
        if at_ms in nameless:
            nameless.remove(at_ms)
    state.conversions = sorted([*state.conversions, *nameless])
    for name, (made_ms, first_ms) in other.referred.items():
        known = state.referred.get(name)
        told = max(state.heard.get(name, 0), other.heard.get(name, 0))
        newer = known is None or other.heard.get(name, 0) > state.heard.get(name, 0)
        _put(state, name, made_ms if known is None else min(made_ms, known[0]), first_ms if newer or known is None else known[1], forgotten)
        if told:
            state.heard[name] = told
    state.referrers = sorted({*state.referrers, *other.referrers} - {*own_names})
    for name in own_names:
        drop(state, name)
    _keep_bounds(state, forgotten)


def _keep_bounds(state: State, forgotten: list[str]) -> None:
    """Of more names than there is room for the oldest pairs go, whose conversions stay; then referrers."""
    excess = names_bytes(state) - NAMES_BYTES_MAX
    for _, name in sorted((made_ms, name) for name, (made_ms, _) in state.referred.items()) if excess > 0 else []:
        del state.referred[name]
        state.heard.pop(name, None)
        forgotten.append("referral")
        excess -= 2 * _name_bytes(name)
        if excess <= 0:
            break
    while excess > 0 and state.referrers:
        excess -= _name_bytes(state.referrers.pop())
        forgotten.append("referrer")
    early = max(0, len(state.conversions) - CONVERSIONS_MAX)
    forgotten.extend(["conversion"] * early)
    del state.conversions[:early]


def has_room(state: State | None, names: set[str]) -> bool:
    """Whether these can be merged into this one: each name is kept, and told of an erasure."""
    absorbed = names if state is None else {*state.absorbed, *names}
    return sum(map(_name_bytes, absorbed)) <= ABSORBED_BYTES_MAX


def converted_ms(made_ms: int, first_ms: int) -> int:
    """When a pair was converted; `NEVER` if it is not, or if the referred one had bought before."""
    return first_ms if first_ms >= made_ms else NEVER


def _put(state: State, name: str, made_ms: int, first_ms: int, forgotten: list[str]) -> None:
    known = state.referred.get(name)
    before = NEVER if known is None else converted_ms(*known)
    after = converted_ms(made_ms, first_ms)
    state.referred[name] = (made_ms, first_ms)
    if before == after:
        return
    times = state.conversions
    if before != NEVER:
        k = bisect_left(times, before)
        if k < len(times) and times[k] == before:  # else the limit has made us forget it
            del times[k]
    if after != NEVER:
        insort(times, after)
        if len(times) > CONVERSIONS_MAX:
            del times[0]
            forgotten.append("conversion")


def conversions_in_window(state: State, policy: Policy, today: int) -> int:
    """How many conversions lie in the window whose last local day is `today`."""
    times, calendar = state.conversions, policy.calendar
    if not times:
        return 0
    end = bisect_left(times, calendar.start(today + 1))
    return end - bisect_left(times, calendar.start(today - policy.window_days + 1), 0, end)


def next_move_ms(state: State, policy: Policy) -> int | None:
    """When the next conversion leaves the window, or enters it.

    One enters when it lies ahead of the referrer's clock: a void can make a later order the earliest one.
    """
    times, calendar = state.conversions, policy.calendar
    if not times:
        return None
    today = calendar.day(state.clock_ms)
    moment = None
    k = bisect_left(times, calendar.start(today - policy.window_days + 1))
    if k < len(times) and calendar.day(times[k]) <= today:
        moment = calendar.start(calendar.day(times[k]) + policy.window_days)
    k = bisect_left(times, calendar.start(today + 1), k)
    if k < len(times):
        enters = calendar.start(calendar.day(times[k]))
        if moment is None or enters < moment:
            moment = enters
    return moment
