"""Customer status as a stream: every change, silence included, the moment it happens, with proof, exactly once.

The rooms, from the top; imports go downwards only, and `lint-imports` checks it:

    __main__   the program `stream-app`: errors become one line and an exit status
    cli        commands, each of which opens one shell
    demo       the embedded Kafka, the real data set, the command that shows it all
    worker     shell 1: the folds on Kafka topics
    replay     shell 2: the folds on files
    web        shell 3: the history database, the read API, the page
    story      reasons and one customer's life in words, in English and Dutch
    feed       what the web needs of Kafka, so that it needs no worker
    processor  the folds: what one record does to the states, without I/O
    engine     Faust made fast and exactly-once; knows nothing of customers
    telemetry  every metric and every log event
    settings   the only reader of the environment
    codec      bytes to values and back: events, policies, states, changes
    domain     what a status is: pure rules
    errors     the whole error tree
    compiled   the rules as machine code, if there is a build of them
"""

from stream_app import compiled

__version__ = "0.1.0"
compiled.use()
