"""What a worker needs, looked at without changing anything: each failure one line with its fix.

Owns: the checks of `stream-app doctor`; what the preflight checks, it checks too, with the same words.
Called by: cli.
May import: worker, processor, engine, codec, settings, errors; aiokafka.
Start at: examine.py, then wire.py (what the client library cannot ask).
"""
