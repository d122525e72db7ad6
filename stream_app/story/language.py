"""What a language must have: tables of sentences, and the small words that join them."""

from collections.abc import Mapping

from msgspec import Struct


class Language(Struct, frozen=True):
    """One language in tables; every language has the same keys, and each sentence the same holes."""

    code: str
    reasons: Mapping[str, str]
    published: Mapping[str, str]
    causes: Mapping[str, str]
    phrases: Mapping[str, str]
    tests: Mapping[str, str]
    """How a measure was compared, by the ending of the threshold's name."""
    terms: Mapping[str, str]
    """Names of dimensions, measures and values that differ from their identifiers."""
    point: str = "."

    def term(self, name: str) -> str:
        """The name of a dimension, a measure or one of our own values."""
        return self.terms.get(name, name)

    def say(self, phrase: str, **values: object) -> str:
        """A phrase with its holes filled."""
        return self.phrases[phrase].format(**values)
