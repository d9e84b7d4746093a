"""Labelled sets for the evaluation, written or generated for it, development and test apart."""
