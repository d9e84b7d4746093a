"""`make bench-generator`: how fast and how punctual the generator is, with the consumer off."""
