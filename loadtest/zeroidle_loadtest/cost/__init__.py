"""What a run cost, what a stack costs at rest, and what the same work costs elsewhere."""
