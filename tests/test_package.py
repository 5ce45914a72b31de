"""The package from outside: its names, what importing it costs, and the examples in its docstrings."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import textvae


def test_importing_the_package_imports_neither_torch_nor_numpy():
    code = "import sys, textvae; textvae.TextVAEError; print(sorted({'torch', 'numpy', 'yaml'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_settings_and_corpora_need_no_torch():
    code = "import sys, textvae; textvae.RunConfig, textvae.open_corpus, textvae.Tokenizer; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_all_names_are_sorted_and_there():
    assert textvae.__all__ == sorted(set(textvae.__all__))
    assert dir(textvae) == textvae.__all__
    for name in textvae.__all__:
        found = getattr(textvae, name)
        assert name == "__version__" or found.__name__ == name
        assert name == "__version__" or found.__doc__
    assert set(textvae._HOMES) | {"__version__"} == set(textvae.__all__)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'textvae' has no attribute 'TextVAEs'"):
        textvae.TextVAEs  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'sample'"):
        from textvae import sample  # noqa: F401


def test_examples_in_docstrings_run_and_every_module_says_what_it_is():
    attempted = 0
    for info in pkgutil.walk_packages(textvae.__path__, "textvae."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        assert module.__doc__, info.name
        result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
        assert not result.failed, info.name
        attempted += result.attempted
    assert attempted > 15
