"""The five tasks as generators of model requests. Know nothing of AWS or of llama.cpp."""
