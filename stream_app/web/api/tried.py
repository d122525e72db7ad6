"""The shape of the answer to a trial."""

from stream_app.web.api.answers import Answer, Document, PolicyRef, Says, Statuses, Time, TriedChange


class Rejection(Answer):
    """Why the event would be a dead letter."""

    code: str
    detail: str


class Standing(Answer):
    """Where a customer stands."""

    statuses: Statuses
    measures: dict[str, int | None]
    next_deadline: Time | None


class Reaction(Answer):
    """A reaction or a notice that would be published."""

    type: str
    data: Document
    says: Says = None


class BasedOn(Answer):
    """What the answer rests on; `agrees_with_profile` is whether his replayed events end where the worker says he stands."""

    events: int
    policy: PolicyRef
    agrees_with_profile: bool | None


class Trial(Answer):
    """What an event would do. `meanwhile` is what time alone would change before it."""

    accepted: bool
    rejected: Rejection | None
    duplicate: bool
    clock_at: Time | None
    before: Standing | None
    after: Standing | None
    meanwhile: list[TriedChange]
    changes: list[TriedChange]
    reactions: list[Reaction]
    based_on: BasedOn
