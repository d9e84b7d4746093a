"""A run as a page: Markdown, and one self-contained HTML file."""
