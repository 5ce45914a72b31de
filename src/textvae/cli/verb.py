"""How a verb ends: exit codes, one-line errors, silence on a broken pipe."""

import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperCommand

from textvae.errors import TextVAEError

FAILED, INTERRUPTED = 1, 130


class Verb(TyperCommand):
    """A command whose failures are one line, unless `--debug` asks for all of it.

    0: done. 1: an error. 2: used wrongly. 130: Ctrl-C.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            _close_quietly()
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):  # wrong usage: typer tells
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            print(f"error: {message(error)}", file=sys.stderr)
            raise typer.Exit(FAILED) from None


def message(error: BaseException) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, TextVAEError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory; lower --batch-size, or training.batch_tokens"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}; --debug shows where"


def _close_quietly() -> None:
    """Let nothing be written to the pipe any more: Python would complain at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real file
        return
