"""textvae: variational autoencoders for text.

>>> from textvae import TextVAE
>>> vae = TextVAE.train("reviews.txt", "runs/reviews")  # doctest: +SKIP
>>> vae.sample(3, seed=1)  # doctest: +SKIP
>>> z = vae.encode(["great food", "味道很好"])  # doctest: +SKIP
>>> vae.decode(z)  # doctest: +SKIP

Importing it is cheap: each name is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_HOMES = {
    "ConfigError": "textvae.errors",
    "DataError": "textvae.errors",
    "DataConfig": "textvae.config",
    "DecodingConfig": "textvae.config",
    "ModelConfig": "textvae.config",
    "ObjectiveConfig": "textvae.config",
    "ProgressLine": "textvae.progress",
    "RunConfig": "textvae.config",
    "RunError": "textvae.errors",
    "TextVAE": "textvae.vae",
    "TextVAEError": "textvae.errors",
    "Tokenizer": "textvae.data.tokenizers",
    "TrainingConfig": "textvae.config",
    "TrainingError": "textvae.errors",
    "compare": "textvae.evaluation.comparison",
    "evaluate_answers": "textvae.evaluation.tasks.report",
    "held_out_corpus": "textvae.training.shares",
    "inspect_corpus": "textvae.data.inspection",
    "open_corpus": "textvae.data.sources",
    "register_decoder": "textvae.models",
    "register_encoder": "textvae.models",
    "summarize": "textvae.training.summary",
}

__all__ = [
    "ConfigError",
    "DataConfig",
    "DataError",
    "DecodingConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "ProgressLine",
    "RunConfig",
    "RunError",
    "TextVAE",
    "TextVAEError",
    "Tokenizer",
    "TrainingConfig",
    "TrainingError",
    "__version__",
    "compare",
    "evaluate_answers",
    "held_out_corpus",
    "inspect_corpus",
    "open_corpus",
    "register_decoder",
    "register_encoder",
    "summarize",
]

if TYPE_CHECKING:
    from textvae.config import (
        DataConfig,
        DecodingConfig,
        ModelConfig,
        ObjectiveConfig,
        RunConfig,
        TrainingConfig,
    )
    from textvae.data.inspection import inspect_corpus
    from textvae.data.sources import open_corpus
    from textvae.data.tokenizers import Tokenizer
    from textvae.errors import ConfigError, DataError, RunError, TextVAEError, TrainingError
    from textvae.evaluation.comparison import compare
    from textvae.evaluation.tasks.report import evaluate_answers
    from textvae.models import register_decoder, register_encoder
    from textvae.progress import ProgressLine
    from textvae.training.shares import held_out_corpus
    from textvae.training.summary import summarize
    from textvae.vae import TextVAE


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that `import textvae` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'textvae' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
