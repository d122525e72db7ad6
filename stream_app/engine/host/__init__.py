"""Faust kept to its part: group membership, assignment and delivery, one message a record batch.

Owns: the Faust app, its consumer and fetcher, the table as Faust sees it, and the replaced recovery.
Called by: engine (stream.py).
May import: engine, settings, errors, telemetry; faust, mode, aiokafka.
Start at: app.py, then transport.py, client.py, table.py.
"""
