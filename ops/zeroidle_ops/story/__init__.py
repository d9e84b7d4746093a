"""One job's story: where it is, what happened to it, what it cost, and what to do next."""
