"""The page in a real browser, before a real server, a real worker and a real Kafka."""
