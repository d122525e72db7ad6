"""Our own product under measurement: its processes, and what they leave on Kafka.

Owns: starting workers, following their progress, making their inputs and states.
Called by: measurements, w1.
May import: place; stream_app.
Start at: process.py.
"""
