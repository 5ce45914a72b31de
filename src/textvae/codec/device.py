"""Which device a model runs on."""

import torch

from textvae.errors import DeviceError


def check_cpu(name: str) -> None:
    """Refuse a device for what runs on the CPU alone.

    Raises:
        DeviceError: it is neither auto nor cpu.
    """
    if name not in ("auto", "cpu"):
        raise DeviceError(f"an ONNX export runs on the CPU, not on {name!r}; use --device cpu")


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device called `name`: auto, cpu, cuda, cuda:N or mps. auto: a GPU where there is one.

    Raises:
        DeviceError: it is not there, or is no device's name.
    """
    if name == "auto":
        available = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
        return torch.device(available)
    unknown = f"device {name!r} is unknown; use auto, cpu, cuda, cuda:0 or mps"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(unknown) from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(unknown)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name!r} is not there: {torch.cuda.device_count()} CUDA devices found; use --device cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"device {name!r} is not there: no Apple GPU found; use --device cpu")
    return device
