"""How fast the core is beside the tutorial's model, on one core: `python -m benchmarks.speed --help`."""
