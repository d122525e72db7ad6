"""Faust made fast and exactly-once; knows nothing of customers.

Owns: units of work, transactions, the store, timers, restore, the fold order of inputs, rebalances, the watchdog.
Called by: worker.
May import: telemetry, settings, errors; faust, mode, aiokafka, rocksdict.
Start at: fold.py (what a processor is), then unit.py, partition.py, stream.py.

A record batch travels: host/transport.py (fetch) -> stream.py (deliver) -> inputs.py (order) -> the processor -> unit.py ->
transactions/producer.py (positions, outputs, changelog, marker) -> stores/. takeover.py brings a partition back.
"""
