"""Which policy holds for a shop, since when, and what held before (domain.md, section 6).

Every version is kept, as the topic keeps it: a customer stands under the one he was last evaluated under until his own next
event, deadline or the sweep brings him on, and what came before the next version must be judged by the old one.
"""

from dataclasses import replace
from hashlib import blake2b

from stream_app.codec.policy import compile_policy, read_policy_document
from stream_app.domain import evaluate
from stream_app.domain.dimensions.share import with_cut
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.domain.pareto import cut_of
from stream_app.domain.policy import Policy
from stream_app.domain.settle import Outcome
from stream_app.errors import PolicyError

DEFAULT_KEY = "*"

Held = tuple[int, Policy]
"""A version, and since when it holds."""

_Version = tuple[int, Policy | None]

_Record = tuple[int, int, Policy | None]
"""The place in the topic, since when, and what; None withdraws."""

_Contents = tuple[list[str], dict[str, list[_Record]], dict[str, Policy], dict[str, Held | None], dict[str, list[_Version]]]


class PolicyBook:
    """Every policy version seen, by shop. Written by whoever reads the `policies` topic, between units of work."""

    def __init__(self) -> None:
        self._changed: list[str] = []  # keys, in the order of the topic
        self._records: dict[str, list[_Record]] = {}
        self._by_hash: dict[str, Policy] = {}
        self._latest: dict[str, Held | None] = {}  # of the default, and of every shop that had a policy of its own
        self._histories: dict[str, list[_Version]] = {}
        self._quiet: dict[tuple[str, int], Policy] = {}  # versions as they are judged, by hash and since when they are live
        self._fingerprint: tuple[int, str] = (-1, "")  # at which revision
        self._cuts: dict[str, list[str]] = {}  # of a shop by pareto: the hashes of its policy with its cut-offs; not followed

    def put(self, key: str, record_ms: int, document: bytes | None) -> None:
        """Take in a record of the `policies` topic: `key` is the shop or `*`, `document` None withdraws it.

        Raises:
            PolicyError: the document cannot be used; what held before still holds.
        """
        if document is None:
            self._take(key, record_ms, None)
            return
        policy = compile_policy(read_policy_document(document, key))
        if key != (policy.shop or DEFAULT_KEY):
            message = f"{key}: the record's key is not the document's shop; publish it with `stream-app policy publish`"
            raise PolicyError(message)
        self.add(key, record_ms, policy)

    def add(self, key: str, from_ms: int, policy: Policy) -> None:
        """Put `policy` in force for `key` from `from_ms`."""
        self._by_hash.setdefault(policy.hash, policy)
        self._take(key, from_ms, policy)

    def follow(self, other: "PolicyBook") -> None:
        """Become what `other` is now: a unit of work sees one state of affairs, whatever is published while it is made."""
        if self.revision() != other.revision():
            self._changed, self._records, self._by_hash, self._latest, self._histories = other.contents()
            for shop in self._cuts:
                self._look_again(shop)

    def contents(self) -> _Contents:
        """A copy of everything in it."""
        records = {key: [*found] for key, found in self._records.items()}
        return [*self._changed], records, {**self._by_hash}, {**self._latest}, {**self._histories}

    def current(self, shop_id: str) -> Held | None:
        """Since when, and which policy is in force for the shop; None for an unknown shop."""
        latest = self._latest
        return latest[shop_id] if shop_id in latest else latest.get(DEFAULT_KEY)

    def at(self, shop_id: str, time_ms: int) -> Policy | None:
        """The policy that was in force for the shop at a time; before its first version that one, None for an unknown shop."""
        history = self._histories.get(shop_id if shop_id in self._latest else DEFAULT_KEY, [])
        known = [(from_ms, policy) for from_ms, policy in history if policy is not None]
        if not known:
            return None
        return next((policy for from_ms, policy in reversed(known) if from_ms <= time_ms), known[0][1])

    def by_hash(self, policy_hash: str) -> Policy | None:
        """A policy version seen before; with cut-offs, what its document and they make together."""
        found = self._by_hash.get(policy_hash)
        if found is None and (cut := cut_of(policy_hash)) is not None:
            bare = self._by_hash.get(policy_hash.partition(":")[0])
            if bare is not None and bare.pareto is not None:
                found = self._by_hash[policy_hash] = with_cut(bare, cut)
        return found

    def quiet(self, shop_id: str, policy_hash: str) -> Policy | None:
        """A policy version seen before, for one who still stands under it: live since what the shop's newest version says, or later.

        History that is loaded reaches those who were there before, too, and none of it may start a reaction.
        """
        found, held = self.by_hash(policy_hash), self.current(shop_id)
        newest_ms = None if held is None else held[1].live_since_ms
        if found is None or newest_ms is None or (found.live_since_ms is not None and found.live_since_ms >= newest_ms):
            return found
        return self._live_from(found, newest_ms)

    def cut(self, shop_id: str, taken: list[str]) -> None:
        """Put a shop's cut-offs in force, all of which `taken` names by the hashes of its policy with them, in the order of their days."""
        if taken:
            self._cuts[shop_id] = taken
            self._look_again(shop_id)

    def after(self, shop_id: str, policy_hash: str) -> list[Held]:
        """The versions that came into force for the shop after the one with this hash, ascending.

        Of a version that never was in force for it, as far as is known: the newest alone.
        """
        history = self._histories.get(shop_id if shop_id in self._latest else DEFAULT_KEY, [])
        for place in range(len(history) - 1, -1, -1):
            policy = history[place][1]
            if policy is not None and policy.hash == policy_hash:
                return [(from_ms, later) for from_ms, later in history[place + 1 :] if later is not None]
        held = self.current(shop_id)
        return [] if held is None else [held]

    def reached(self, shop_id: str, policy_hash: str, until_ms: int) -> Policy:
        """The version that somebody under the one with this hash comes under by `until_ms`."""
        found = self.by_hash(policy_hash)
        for from_ms, policy in self.after(shop_id, policy_hash):
            if found is None or from_ms <= until_ms:
                found = policy
        assert found is not None  # an unknown shop's event is rejected before
        return found

    def revision(self) -> int:
        """Grows whenever something changes."""
        return len(self._changed)

    def changed(self, since: int) -> set[str]:
        """The keys that have another policy than at that revision; one that was replaced and put back has not."""
        found = set()
        for key in set(self._changed[since:]):
            known = [policy for place, _, policy in self._records[key] if place < since]
            before, now = known[-1] if known else None, self._records[key][-1][2]
            if (before and before.hash) != (now and now.hash):
                found.add(key)
        return found

    def is_own(self, shop_id: str) -> bool:
        """Whether the shop has a policy of its own in force."""
        records = self._records.get(shop_id)
        return records is not None and records[-1][2] is not None

    def fingerprint(self) -> str:
        """What is in force, in a few characters: the same for the same policies, in whatever order they came."""
        if self._fingerprint[0] != self.revision():
            named = sorted((key, held[1].document_hash) for key, held in self._latest.items() if held is not None and key in self._records)
            self._fingerprint = self.revision(), blake2b(repr(named).encode(), digest_size=8).hexdigest()
        return self._fingerprint[1]

    def _take(self, key: str, from_ms: int, policy: Policy | None) -> None:
        records = self._records.setdefault(key, [])
        before = records[-1][2] if records else None
        if (policy and policy.hash) == (before and before.hash):
            return  # the same text again changes nothing, not even since when it holds
        records.append((len(self._changed), from_ms, policy))
        self._changed.append(key)
        for shop in [shop for shop in self._latest if shop != key] if key == DEFAULT_KEY else ():
            self._look_again(shop)
        self._look_again(key)

    def _look_again(self, shop: str) -> None:
        """Tell anew what held for a shop: its own policy, and the default while it had none. A later record never holds earlier."""
        history: list[_Version] = []
        own = default = None
        reached_ms: int | None = None
        others = self._records.get(DEFAULT_KEY, []) if shop != DEFAULT_KEY else []
        records = [(place, True, from_ms, policy) for place, from_ms, policy in self._records.get(shop, [])]
        records += [(place, False, from_ms, policy) for place, from_ms, policy in others]
        for _, is_own, from_ms, policy in sorted(records, key=lambda record: record[0]):
            if is_own:
                own = policy
            else:
                default = policy
            holds = own or default
            before = history[-1][1] if history else None
            if (holds and holds.hash) != (before and before.hash):
                reached_ms = from_ms if reached_ms is None else max(reached_ms, from_ms)
                silent_ms = next((one.live_since_ms for _, one in reversed(history) if one is not None), None)
                if holds is not None and holds.live_since_ms is None and silent_ms is not None:
                    # What was silent stays so: history may have been loaded, and not be folded yet.
                    holds = self._live_from(holds, min(silent_ms, reached_ms))
                history.append((reached_ms, holds))
        if shop in self._cuts:
            history = self._with_cuts(history, self._cuts[shop])
        self._histories[shop] = history
        from_ms, policy = history[-1] if history else (0, None)
        self._latest[shop] = None if policy is None else (from_ms, policy)

    def _live_from(self, policy: Policy, live_since_ms: int) -> Policy:
        """The same version with another `live_since`; the same object each time."""
        key = policy.hash, live_since_ms
        if key not in self._quiet:
            self._quiet[key] = replace(policy, live_since_ms=live_since_ms)
        return self._quiet[key]

    def _with_cuts(self, history: list[_Version], taken: list[str]) -> list[_Version]:
        """What held, cut-offs included: they belong to the shop, and stay from version to version until the next are taken.

        A version that is not by pareto ends them. The first version holds from the beginning, whenever it was published.
        """
        found: list[_Version] = []
        cut = None
        for place, (from_ms, policy) in enumerate(history):
            if policy is None or policy.pareto is None:
                cut = None
                found.append((from_ms, policy))
                continue
            found.append((from_ms, policy if cut is None else with_cut(policy, cut)))
            for taken_hash in taken:
                mine = cut_of(taken_hash)
                if mine is None or taken_hash.partition(":")[0] != policy.hash:
                    continue
                at_ms = policy.calendar.start(mine.day)
                if (not place or at_ms >= from_ms) and (place + 1 == len(history) or at_ms < history[place + 1][0]):
                    cut = mine
                    found.append((at_ms, with_cut(policy, cut)))
        return found


def catch_up(policies: PolicyBook, who: Who, state: State, until_ms: int, outcome: Outcome) -> Policy:
    """Adopt one version after another, each at its time, up to `until_ms`; of those that begin at one moment only the last counts."""
    old = policies.quiet(who.shop_id, state.policy_hash)
    later = policies.after(who.shop_id, state.policy_hash)
    if old is None:
        # The version he was evaluated under is gone from the topic: the new one takes effect where he stands.
        policy = later[-1][1]
        evaluate.adopt(who, state, policy, policy, state.clock_ms, outcome)
        return policy
    for place, (from_ms, policy) in enumerate(later):
        at_ms = max(state.clock_ms, from_ms)
        if max(state.clock_ms, until_ms) < from_ms:
            break
        if place + 1 < len(later) and later[place + 1][0] <= at_ms:
            continue
        evaluate.adopt(who, state, old, policy, from_ms, outcome)
        old = policy
    return old
