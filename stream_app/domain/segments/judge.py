"""Which of the shop's ordered rules matches, and until when that can last without an event (domain.md, 3.6)."""

from stream_app.domain.crossing import crossing_ms
from stream_app.domain.facts.state import SEGMENT, State
from stream_app.domain.facts.window import next_leave_ms
from stream_app.domain.policy import Condition, Policy, Segments
from stream_app.domain.score import score, score_deadline_ms
from stream_app.domain.segments.exit import EXIT, exit_deadlines, is_due, settle_exit
from stream_app.domain.value import Standing, measure


def judge_segment(
    state: State, policy: Policy, segments: Segments, at: Standing, values: list[str | None], until_ms: list[int | None]
) -> None:
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
            if not holds(condition, value_of(condition, state, policy, at, values)):
                break
        else:
            return rule.name
    return None


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


def _deadline_ms(state: State, policy: Policy, segments: Segments, at: Standing, until_ms: list[int | None]) -> int | None:
    """The next moment at which a condition, the exit hold or a protection can change without an event."""
    moments = [until_ms[d] for d in segments.dimensions]
    if segments.reads_window:
        moments.append(next_leave_ms(state, policy))
        if at.active:
            moments.append(at.inactive_at_ms)  # value_future may end there
    if state.counting:
        for name, thresholds in segments.timed:
            moments.append(crossing_ms(name, thresholds, state, policy, at))
        if segments.reads_score:
            moments.append(score_deadline_ms(state, policy, at))
    if segments.exit is not None:
        moments.extend(exit_deadlines(segments.exit, state, policy, at))
    return min([moment for moment in moments if moment is not None], default=None)
