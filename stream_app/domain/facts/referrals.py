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
"""What the names of referred customers and of referrers may take together."""

CONVERSIONS_MAX: Final = 1_000
_ENTRY_BYTES: Final = 24


def names_bytes(state: State) -> int:
    """About what the names take when they are encoded; a referred one's stands twice, in `referred` and in `heard`."""
    names = [*state.referred, *state.referred, *state.referrers]
    return sum(_ENTRY_BYTES + len(name.encode()) for name in names)


def make(state: State, own_id: str, referred: str, time_ms: int, forgotten: list[str]) -> bool:
    """Note a `referral.made`; True when the pair is new. Its time is the earliest one's; nobody refers himself."""
    if referred == own_id:
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
    if referrer == own_id or referrer in state.referrers:
        return
    if names_bytes(state) + _ENTRY_BYTES + len(referrer.encode()) > NAMES_BYTES_MAX:
        forgotten.append("referrer")
        return
    insort(state.referrers, referrer)


def forget(state: State, name: str) -> None:
    """Someone is erased: he referred nobody, and nobody referred him; a conversion he brought stays, nameless."""
    state.referred.pop(name, None)
    state.heard.pop(name, None)
    if name in state.referrers:
        state.referrers.remove(name)


def is_old(state: State, data: ReferralFirstOrder) -> bool:
    """Whether a later word of the same customer was heard before, or this very one."""
    return 0 < data.number <= state.heard.get(data.referred_customer_id, 0)


def hear(state: State, data: ReferralFirstOrder, forgotten: list[str]) -> None:
    """Note when the earliest counting order of a referred customer was."""
    name = data.referred_customer_id
    known = state.referred.get(name)
    if known is not None:
        _put(state, name, known[0], NEVER if data.at_ms is None else data.at_ms, forgotten)
        state.heard[name] = data.number


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
