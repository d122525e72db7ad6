"""Which of the shop's ordered rules matches, and until when that can last without an event (domain.md, 3.6)."""

from stream_app.domain.dimensions.crossing import crossing_ms
from stream_app.domain.dimensions.score import score, score_deadline_ms
from stream_app.domain.facts.state import FOREVER, SEGMENT, State
from stream_app.domain.policy import RECENCY_DAYS, Condition, Policy, Segments
from stream_app.domain.segments.exit import EXIT, exit_deadline_ms, is_due, settle_exit
from stream_app.domain.value import Standing, leave_ms, measure, reading


def judge_segment(state: State, policy: Policy, segments: Segments, at: Standing, values: list[str | None], until_ms: list[int]) -> None:
    """Put the segment and until when it holds into `values` and `until_ms`, where the dimensions before it stand; moves the exit hold."""
    rule = segments.exit
    state.exit_since_ms = None if rule is None else settle_exit(rule, state, policy, at)
    values[SEGMENT] = match(state, policy, segments, at, values)
    until_ms[SEGMENT] = _deadline_ms(state, policy, segments, at, until_ms)


def match(state: State, policy: Policy, segments: Segments, at: Standing, values: list[str | None]) -> str | None:
    """The name of the first rule that matches, given the dimensions before the segment and the exit hold."""
    for rule in segments.rules:
        if rule.name == EXIT:
            if segments.exit is not None and is_due(segments.exit, state, policy, at, state.exit_since_ms):
                return EXIT
            continue
        for condition in rule.when:
            if not _is_met(condition, state, policy, at, values):
                break
        else:
            return rule.name
    return None


def _is_met(condition: Condition, state: State, policy: Policy, at: Standing, values: list[str | None]) -> bool:
    test = condition.test
    if condition.number < RECENCY_DAYS:  # never null
        value = reading(condition.number, "", state, policy, at)
        if test == "at_least":
            return value >= condition.limit
        if test == "below":
            return value < condition.limit
        return value in condition.wanted
    if condition.dimension >= 0 and (test == "is" or test == "in"):  # noqa: PLR1714 - a set would be built, or looked up
        return values[condition.dimension] in condition.wanted
    return holds(condition, value_of(condition, state, policy, at, values))


def value_of(condition: Condition, state: State, policy: Policy, at: Standing, values: list[str | None]) -> int | str | None:
    """What a condition looks at."""
    if condition.dimension >= 0:
        return values[condition.dimension]
    if condition.measure == "score":
        return score(state, policy, at) if policy.criteria and state.counting else None
    return measure(condition.measure, state, policy, at)


def holds(condition: Condition, value: int | str | None) -> bool:
    """Whether a condition is met; null is met by no comparison."""
    test = condition.test
    if test == "is" or test == "in":  # noqa: PLR1714 - a set would be built, or looked up, on the hot path
        return value in condition.wanted
    if not isinstance(value, int):
        return False
    return value >= condition.limit if test == "at_least" else value < condition.limit


def _deadline_ms(state: State, policy: Policy, segments: Segments, at: Standing, until_ms: list[int]) -> int:
    """The next moment at which a condition, the exit hold or a protection can change without an event."""
    earliest = FOREVER
    for d in segments.dimensions:
        earliest = _earlier(earliest, until_ms[d])
    if segments.reads_window:
        earliest = _earlier(earliest, leave_ms(state, policy, at))
        if at.active:
            earliest = _earlier(earliest, at.inactive_at_ms)  # value_future may end there
    if state.counting:
        for name, thresholds in segments.timed:
            crosses = crossing_ms(name, thresholds, state, policy, at)
            if crosses is not None:
                earliest = _earlier(earliest, crosses)
        if segments.reads_score:
            earliest = _earlier(earliest, score_deadline_ms(state, policy, at))
    if segments.exit is not None:
        earliest = _earlier(earliest, exit_deadline_ms(segments.exit, state, policy, at))
    return earliest


def _earlier(one: int, other: int) -> int:
    return other if other < one else one
