"""Pre-warming: environments that have the model loaded before the work comes.

`warmup.py` warms N of them now; `schedule.py` reads when provisioned concurrency shall stand, and
`provisioning.py` brings it about by Application Auto Scaling. docs/scaling.md explains both.
"""
