"""The zeroidle command and the library under it."""
