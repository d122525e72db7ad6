"""The shop's own segment rules in the policy document: conditions, and the reserved rule `exit`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_serializer, model_validator

Points = Annotated[int, Field(ge=0, le=100)]
Limit = Annotated[int, Field(ge=-(2**53 - 1), le=2**53 - 1)]
Answer = Annotated[int, Field(ge=-(2**53 - 1), le=2**53 - 1)] | Annotated[str, Field(min_length=1, max_length=128)] | None

_TESTS = ("is", "in", "at_least", "below")


class Condition(BaseModel):
    """A measure or an earlier dimension, with one test."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("is", "in", "at_least", "below")]},
    )

    measure: Annotated[str, Field(min_length=1, max_length=128)]
    is_: Annotated[Answer, Field(alias="is")] = None
    in_: Annotated[list[Answer] | None, Field(alias="in", min_length=1)] = None
    at_least: Limit | None = None
    below: Limit | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_one_test(cls, given: object) -> object:
        if isinstance(given, dict):
            tests = [name for name in _TESTS if name in given]
            if len(tests) != 1:
                raise ValueError("must have exactly one of is, in, at_least, below")
            if tests != ["is"] and given[tests[0]] is None:
                raise ValueError(f"{tests[0]} must not be null")
        return given

    @property
    def test(self) -> tuple[str, Any]:
        """The name of the test and what it compares with; `is: null` is a test like any other."""
        name = next(name for name in ("is_", "in_", "at_least", "below") if name in self.model_fields_set)
        return name.rstrip("_"), getattr(self, name)

    @model_serializer
    def _write(self) -> dict[str, Any]:
        name, wanted = self.test
        return {"measure": self.measure, name: wanted}


class ExitRule(BaseModel):
    """The reserved rule: customers to part with, unless something protects them."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Literal["exit"]
    value_now_below: Limit = 0
    value_future_below: Limit = 1_000
    strategic_below: Limit = 40
    exit_dwell_days: Annotated[int, Field(ge=0, le=36_500)] = 60
    min_age_days: Annotated[int, Field(ge=0, le=36_500)] = 180
    protect_criteria: Annotated[dict[str, Points], Field(max_length=100)] = {"default": 80}


class NamedRule(BaseModel):
    """A segment of the shop's own: all conditions must hold; none always matches."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=128)]
    when: Annotated[list[Condition], Field(max_length=100)] = []


def _kind(rule: object) -> str:
    name = rule.get("name") if isinstance(rule, dict) else getattr(rule, "name", None)
    return "exit" if name == "exit" else "named"


SegmentRule = Annotated[Annotated[ExitRule, Tag("exit")] | Annotated[NamedRule, Tag("named")], Discriminator(_kind)]
