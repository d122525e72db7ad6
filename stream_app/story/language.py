"""What a language must have: tables of sentences, and the small words that join them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from stream_app.codec.policy.currencies import exponent_of

_OTHER: Final = {".": ",", ",": "."}


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
    currency: str = ""
    """Of the amounts that are told; without it they stay whole numbers of minor units."""

    def in_currency(self, currency: str) -> "Language":
        """The same language, with amounts in `currency` (ISO 4217)."""
        return replace(self, currency=currency)

    def price(self, minor: int) -> str:
        """An amount of minor units, as 1,234.50 EUR."""
        if not self.currency:
            return str(minor)
        places = exponent_of(self.currency)
        whole, rest = divmod(abs(minor), 10**places)
        told = f"{whole:,}".replace(",", _OTHER[self.point]) + (f"{self.point}{rest:0{places}}" if places else "")
        return f"{'-' if minor < 0 else ''}{told} {self.currency}"

    def term(self, name: str) -> str:
        """The name of a dimension, a measure or one of our own values."""
        return self.terms.get(name, name)

    def say(self, phrase: str, **values: object) -> str:
        """A phrase with its holes filled."""
        return self.phrases[phrase].format(**values)
