"""How time and memory grow with vocabulary, length, corpus, latents, batch, threads and processes."""
