import pytest
import torch
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tiny tensors are slower on two threads, and sums may differ in their last digit."""
    torch.set_num_threads(1)
