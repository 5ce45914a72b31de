"""New persons: fitted to a few texts with the model frozen, kept as files, merged and deleted."""
