"""What the function tells of itself: log lines, metrics and traces.

`logs` writes lines, `metrics` names the instruments, `emf` turns them into lines that CloudWatch
reads as metrics, `tracing` sends subsegments to X-Ray, and `batch` is what the service tells of one
invocation. Text of documents, prompts and answers never gets into any of them.

This module offers the logs alone: they are needed everywhere, and import nothing.
"""

from zeroidle_inference.telemetry.logs import Log, configure, where

__all__ = ["Log", "configure", "where"]
