"""Continuous batching over llama.cpp. Knows nothing of AWS or of tasks."""
