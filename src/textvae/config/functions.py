"""Functions of the user's own, by name: `module:function`."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textvae.errors import ConfigError


def load_function(name: str, *, option: str, never_from: Path | None = None) -> Callable[..., Any]:
    """Import `module:function` from the current folder or an installed package.

    Args:
        name: as "my_metrics:mean_length".
        option: where it was given, as "--metric"; for messages.
        never_from: a model's folder, from which nothing is ever executed.

    Raises:
        ConfigError: not of that form, no such module or function, or a module in the model's folder.
    """
    module_name, colon, function_name = name.partition(":")
    if not (module_name and colon and function_name):
        raise ConfigError(
            f"{option} {name!r} cannot be read; write module:function, as my_module:my_function"
        )
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        _check_place(module_name, never_from)
        function = getattr(importlib.import_module(module_name), function_name, None)
    except ConfigError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(
            f"{option} {name}: the module cannot be imported from {here} or the installed packages ({reason})"
        ) from error
    finally:
        sys.path.remove(here)
    if not callable(function):
        raise ConfigError(f"{option} {name}: {module_name} has no function {function_name!r}")
    return function


def _check_place(module_name: str, never_from: Path | None) -> None:
    """Raise if the module would come from the model's folder; found, not executed."""
    spec = importlib.util.find_spec(module_name.partition(".")[0])
    if spec is None or never_from is None:
        return
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    inside = never_from.resolve()
    for place in places:
        if place and Path(place).resolve().is_relative_to(inside):
            raise ConfigError(f"{place} lies in the model's folder, from which nothing is executed; move it")
