"""What producer services import: submit documents, await results."""
