"""Checks of an installation: each says what is wrong, why it matters and what to do."""
