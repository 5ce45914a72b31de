"""Everything textvae raises on purpose.

TextVAEError
├── ConfigError (ValueError)             an unknown key, a value out of range
├── DataError (ValueError)               a corpus that cannot be used as it is
│   ├── TextEncodingError                bytes that are not the stated encoding
│   ├── MissingColumnError               a column the file does not have
│   └── ConditionError                   a condition that is missing, or that the model does not take
│       └── UnknownLabelError            a label that no training text has
├── TokenizerError (ValueError)          a tokenizer that cannot be trained or read
├── LatentError (ValueError)             a z of the wrong shape, or not finite
├── AttributeValueError (ValueError)     a value that an attribute cannot have
├── RunError (RuntimeError)              trouble with a run folder
│   ├── RunNotFoundError                 nothing to load there
│   ├── RunExistsError                   another run is already there
│   ├── CorruptRunError                  a missing, damaged or unsafe file
│   ├── NewerRunError                    written by a later version
│   ├── PersonError                      a person that is not there, is there already, or is another model's
│   └── AttributeNotFittedError          an attribute likewise
├── TrainingError (RuntimeError)         training cannot go on
│   ├── NonFiniteLossError               NaN or Inf in loss or gradient
│   └── SaveError                        a checkpoint could not be written
├── ExportError (RuntimeError)           a model that cannot be exported
├── DeviceError (RuntimeError)           a device that is not there
└── MissingExtraError (ImportError)      an optional dependency is not installed

Every message is one line: what is wrong, the value received, what to do.
"""


class TextVAEError(Exception):
    """Root of every error raised on purpose."""


class ConfigError(TextVAEError, ValueError):
    """A setting is unknown, or its value cannot be used."""


class DataError(TextVAEError, ValueError):
    """A corpus cannot be used as it is."""


class TextEncodingError(DataError):
    """The bytes of a file are not in the encoding they were read with."""


class MissingColumnError(DataError):
    """A named column is not in the file; the message lists those found."""


class ConditionError(DataError):
    """A condition is missing, is not one the model takes, or cannot be read."""


class UnknownLabelError(ConditionError):
    """No training text has this label; the message lists known ones."""


class TokenizerError(TextVAEError, ValueError):
    """A tokenizer cannot be trained on this corpus or read from this folder."""


class LatentError(TextVAEError, ValueError):
    """A latent array has the wrong shape or holds NaN or Inf."""


class AttributeValueError(TextVAEError, ValueError):
    """An attribute cannot have this value; the message says which it can have."""


class RunError(TextVAEError, RuntimeError):
    """A run folder cannot be used."""


class RunNotFoundError(RunError):
    """The folder is absent or holds no run."""


class RunExistsError(RunError):
    """The output folder already holds a run."""


class CorruptRunError(RunError):
    """A file of the run is missing, damaged or of a kind that is never loaded."""


class NewerRunError(RunError):
    """The run was written by a later version of textvae."""


class PersonError(RunError):
    """A person is not there, is there already, or belongs to another model."""


class AttributeNotFittedError(RunError):
    """An attribute is not there, is there already, or belongs to another model."""


class TrainingError(TextVAEError, RuntimeError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss or the gradient became NaN or infinite.

    Attributes:
        is_here: whether this rank's batch is the one.
    """

    def __init__(self, message: str, *, is_here: bool = True) -> None:
        super().__init__(message)
        self.is_here = is_here


class SaveError(TrainingError):
    """A checkpoint could not be written; the one before it is intact."""


class ExportError(TextVAEError, RuntimeError):
    """A model cannot be exported: its graph would not be the model."""


class DeviceError(TextVAEError, RuntimeError):
    """The device asked for is not there."""


class MissingExtraError(TextVAEError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed: pip install 'textvae[{extra}]'")
