"""Tables of whole trainings: one YAML a row, results as JSON, `docs/benchmarks.md` made from them."""
