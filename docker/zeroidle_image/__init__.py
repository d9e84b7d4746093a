"""Builds the container image of the inference function, and checks and measures what was built.

On the host: `build`, `check`, `layers`, `lock`, on the standard library alone but for `check`.
Inside the build, run by the Dockerfile: `place_model` and `sbom`.
"""
