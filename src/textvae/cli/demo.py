"""`textvae demo`"""
def demo() -> None:
    """Train."""
