"""Scaling: the mapping's concurrency follows the work, the budget and the faults.

`law.py` decides and is pure; `observer.py` and `actuator.py` are its eyes and hands on AWS;
`controller.py` makes one tick of them. docs/scaling.md is the page for on-call.
"""
