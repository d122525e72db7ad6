"""A day in minutes: does the product hold out? Memory, descriptors, threads and lag stay flat, and nothing is lost, whatever strikes.

Owns: run.py (the command), shops.py (four shops and their policies), traffic.py (their day, from a seed), publisher.py (to Kafka),
crew.py (the workers and who starts them again), strikes.py (the faults, each of which must strike), watch.py (a look at every process
each second), truth.py and compare.py (what was published, what was committed, what a replay says), verdicts.py, picture.py (the report).
Called by: `make soak`.
May import: stream_app; place, machine, policy.yaml.
Start at: run.py.
"""
