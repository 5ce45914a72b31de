"""`textvae encode` and `decode`: latents as NumPy files."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run, Sampled
from textvae.cli.given import Given
from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.cli.screen import one_line
from textvae.errors import LatentError

if TYPE_CHECKING:
    import numpy as np


def encode(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="IN", help="A file of texts, or -.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .npy file to write.")],
    given: Given,
    reading: Reading,
    common: WithModel,
    sampled: Sampled = False,
) -> None:
    """Write the latents of texts into a .npy file.

    One row a text, in their order: (N, D) float32, posterior means.
    """
    import numpy as np

    from textvae.storage.atomic import write_file

    vae = common.load(run)
    texts, conditions = given.texts(vae, None, data, reading, common)
    seed = common.drawn_seed if sampled else 0
    z = vae.codec.encode(texts, sample=sampled, seed=seed, conditions=conditions).float().numpy()
    content = io.BytesIO()
    np.save(content, z, allow_pickle=False)
    write_file(output, content.getvalue())
    if common.as_json:
        common.screen.json({"output": str(output), "shape": z.shape, "sampled": sampled, "seed": seed})
    else:
        common.screen.say(f"{output}: {z.shape[0]:,} latents of {z.shape[1]} dimensions")


def decode(
    run: Run,
    latents: Annotated[Path, typer.Argument(metavar="FILE", help="A .npy file of z, (N, D).")],
    given: Given,
    decoding: Decoding,
    common: WithModel,
) -> None:
    """Write the text of each latent, one a line.

    Unset decoding options are the run's own.
    """
    z = read_latents(latents)
    vae = common.load(run)
    config = decoding.over(vae.codec.decoding)
    seed = common.drawn_seed if config.temperature else 0
    found = vae.decode(z, conditions=given.of(vae), decoding=config, seed=seed)
    if common.as_json:
        common.screen.json({"seed": seed, "texts": found})
    else:
        common.screen.say(*map(one_line, found))


def read_latents(path: Path) -> "np.ndarray":
    """Return the array of numbers in a .npy file; no pickle is ever loaded.

    Raises:
        LatentError: no such file, or it holds anything else.
    """
    import numpy as np

    try:
        z = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise LatentError(f"no file at {path}; write one with textvae encode") from error
    except (OSError, ValueError, EOFError) as error:
        raise LatentError(
            f"{path} holds no plain array (a pickle is never loaded); save one with numpy.save"
        ) from error
    if not isinstance(z, np.ndarray) or z.dtype.kind not in "fiu":
        kind = z.dtype if isinstance(z, np.ndarray) else "several arrays"
        raise LatentError(f"{path} holds {kind}; one array of numbers is needed, saved with numpy.save")
    if z.ndim == 0:
        raise LatentError(f"{path} holds a single number; an array (N, D) is needed")
    return z
