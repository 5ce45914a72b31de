"""The training loop, its checkpoints and what it writes down."""
