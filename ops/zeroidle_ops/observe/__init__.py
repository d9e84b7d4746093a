"""What a stack does at this moment: read once, shown as metrics and as a live view."""
