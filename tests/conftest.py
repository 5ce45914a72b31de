import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tiny tensors are slower on two threads, and sums may differ in their last digit."""
    torch.set_num_threads(1)
