"""What goes wrong with an image.

ImageError                   a sentence for the person at the terminal; exit code 1
    ToolError                a program that builds or runs images is missing or failed
    ModelRefusedError        the model is not the one that was named, or cannot be used
    NoSpaceError             the disk cannot hold the build
"""


class ImageError(Exception):
    """Building or checking the image failed; the message says what to do."""


class ToolError(ImageError):
    """A program that builds or runs images is missing or failed."""


class ModelRefusedError(ImageError):
    """The model is not the one that was named, or cannot be used."""


class NoSpaceError(ImageError):
    """The disk cannot hold the build."""
