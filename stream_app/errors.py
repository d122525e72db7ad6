"""Every error this program raises, by what the caller does next.

StreamAppError
+ ConfigError                 a wrong setting or wrong usage: print one line, exit 2
+ Failure                     a broker, a file, a policy: print one line with the fix, exit 1
  + PolicyError               a policy document that cannot be used
  + TopicError                a topic that is missing or wrongly set up
  + BrokerUnavailableError    nobody answers at the broker address, or we are not let in
  + RightsError               the broker does not allow what a worker does
+ FatalError                  stop before the commit, exit 1, let the supervisor start us again
  + UnitError                 a unit of work could not be committed (a zombie, or a time-out)
  + PositionError             the marker lies outside the log
  + VersionError              what is stored was written by a newer version of this program
  + ErasureKeyError           marks of erased customers cannot be read with the erasure key that is set
  + StalledError              records wait, and nothing moves

Bad data is not in this tree: it is a value, `Rejected`. Our own bug is an `assert`.
"""


class StreamAppError(Exception):
    """The root: whatever this program raises on purpose."""


class ConfigError(StreamAppError):
    """A wrong setting or wrong usage; exit status 2."""


class Failure(StreamAppError):  # noqa: N818 - the word of the contract: "a failure explained in one line"
    """Something outside the program is not as it must be; exit status 1."""


class PolicyError(Failure):
    """A policy document that cannot be used; the text names the field and the fix."""


class TopicError(Failure):
    """A topic is missing or wrongly set up; the text names it and the fix."""


class BrokerUnavailableError(Failure):
    """Nobody answers at the broker address, or the broker does not let us in."""


class RightsError(Failure):
    """The broker does not allow what a worker does; the text names the right and the resource."""


class FatalError(StreamAppError):
    """Going on could lose or double something: stop before the commit; exit status 1."""


class UnitError(FatalError):
    """A unit of work could not be committed: we are a zombie, or it took too long."""


class PositionError(FatalError):
    """The stored position lies outside the log: input was lost, or a topic was recreated."""


class VersionError(FatalError):
    """What is stored was written by a newer version of this program; the text names the fix."""


class ErasureKeyError(FatalError):
    """The marks of erased customers were written under another erasure key; the text names the fix."""


class StalledError(FatalError):
    """Records wait, and no position has moved for the stall time-out."""
