"""Where the service times lie that a simulation uses when none were measured."""

from pathlib import Path

SHIPPED_PROFILE = Path(__file__).with_name("profile.json")
"""A projection, and marked as one: docs/simulation.md says from what."""
