"""`TrainingConfig`: steps, optimiser, precision, checkpoints."""

from dataclasses import dataclass

from textvae.config.fields import check_choice, check_range, check_types

PRECISIONS = ("auto", "fp32", "bf16", "fp64")
OUTPUTS = ("exact", "sampled")

PARTS = ("encoder", "posterior", "prior", "condition", "decoder", "embeddings", "output")
"""Parts of a model that can be frozen; every weight is in one, but a tied one in `embeddings` and in `output`."""
ENCODER, POSTERIOR, PRIOR, CONDITION, DECODER, EMBEDDINGS, OUTPUT = PARTS


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How the weights are fitted."""

    epochs: int | None = None
    """None: chosen from the corpus's size."""
    max_time: float | None = None
    """Seconds of training, the last evaluation and saving included; learning rate and schedules stretch to fit."""
    batch_tokens: int | None = None
    """Real target tokens a batch (a rank), about. None: 1,000, of small corpora fewer."""
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup: float = 0.02
    """Share of all steps over which the learning rate rises."""
    final_learning_rate: float = 0.05
    """End of the cosine decay, as a share of `learning_rate`."""
    clip_norm: float = 1.0
    """Of the gradient of nats a token."""
    word_dropout: float = 0.1
    """Share of the decoder's input words blanked, in training only; 1: all (Bowman's inputless decoder)."""
    condition_dropout: float = 0.1
    """Share of the texts whose condition is left out, in training only, so that the model can do without and be guided."""
    noise_drop: float = 0.0
    """Share of the words left out of what the encoder reads, in training only; the decoder gives back the clean text."""
    noise_blank: float = 0.0
    """Share of the encoder's words blanked, likewise."""
    noise_substitute: float = 0.0
    """Share of the encoder's words that become a random one, likewise."""
    noise_shuffle: float = 0.0
    """The encoder's words move by less than so many places, likewise."""
    aggressive: bool = False
    """Many updates of the encoder before each of the decoder, until mutual information stops rising: slow."""
    ema: float = 0.998
    """Decay of the moving average of the weights that is evaluated and saved; 0: off."""
    output: str = "exact"
    """sampled: in training the softmax's normaliser, and with it the distortion shown, is an estimate; evaluation is exact."""
    exact_last: float = 0.2
    """Share of training at its end that uses the exact softmax. Only with output: sampled."""
    negatives: int = 1000
    """Tokens drawn a batch for the estimate. Only with output: sampled."""
    freeze: tuple[str, ...] = ()
    """Parts that keep their weights: encoder, posterior, prior, decoder, embeddings, output."""
    unfreeze_after: float | None = None
    """Share of training after which they train too; None: never."""
    shift_bias: bool = True
    """Of a run that begins from another's weights: its output bias is moved by how token frequencies differ."""
    precision: str = "auto"
    patience: int = 5
    """Epochs without a better held-out -ELBO before training stops; 0: never."""
    checkpoint_every: int = 500
    """Steps between checkpoints; one is written at each epoch's end too."""
    keep_checkpoints: int = 2
    samples: int = 8
    """Prior samples written each epoch."""
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        check_types("training", self)
        check_choice("training.precision", self.precision, PRECISIONS)
        check_choice("training.output", self.output, OUTPUTS)
        for part in self.freeze:
            check_choice("training.freeze", part, PARTS)
        for name in (
            "negatives",
            "epochs",
            "batch_tokens",
            "checkpoint_every",
            "keep_checkpoints",
            "threads",
        ):
            check_range(f"training.{name}", getattr(self, name), 1)
        for name in ("max_time", "learning_rate", "clip_norm"):
            check_range(f"training.{name}", getattr(self, name), above=0)
        for name in ("weight_decay", "patience", "samples"):
            check_range(f"training.{name}", getattr(self, name), 0)
        check_range("training.noise_shuffle", self.noise_shuffle, 0)
        shares = ("condition_dropout", "noise_drop", "noise_blank", "noise_substitute")
        for name in (
            "warmup",
            "final_learning_rate",
            "word_dropout",
            "exact_last",
            "unfreeze_after",
            *shares,
        ):
            check_range(f"training.{name}", getattr(self, name), 0, 1)
        check_range("training.ema", self.ema, 0, 0.99999)
        check_range("training.seed", self.seed, 0, 2**63 - 1)
