"""Locust load tests that measure cost and latency through the queue."""
