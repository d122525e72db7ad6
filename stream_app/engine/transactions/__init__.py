"""What becomes visible together: one transactional producer a partition, and what to do when the broker does not end one.

Owns: commits, fencing, hanging transactions, where a key belongs.
Called by: engine, worker, demo.
May import: engine, errors, telemetry; aiokafka.
Start at: producer.py, then hanging.py, partitioner.py.
"""
