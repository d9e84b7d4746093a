"""How fast a redrive is on a deep queue: `python -m zeroidle_ops.redrive.bench`."""
