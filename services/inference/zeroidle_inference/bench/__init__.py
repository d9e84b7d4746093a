"""The engine's benchmarks and evaluation, beside what they measure."""
