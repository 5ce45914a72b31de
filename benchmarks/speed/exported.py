"""The int8 export, where this version has one."""

from importlib.util import find_spec
from pathlib import Path

from benchmarks.process import run_module
from textvae import TextVAE
from textvae.codec import Codec


def int8_missing() -> str | None:
    """Return why the export cannot be timed; None: it can."""
    absent = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


def int8_model(folder: Path) -> Codec:
    """Export a saved model with 8-bit weights, where that was not done before, and load the export."""
    exported = folder.with_name(f"{folder.name}-int8")
    if not exported.exists():
        run_module("textvae", "export", str(folder), "--format", "onnx", "--int8", "--output", str(exported))
    return TextVAE.from_pretrained(exported, backend="onnx").codec
