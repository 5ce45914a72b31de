"""Uses of conditional models: named recipes, several answers to one source, talk."""
