"""A run from its folder's point of view: new, overwritten or resumed, on one process or under `torchrun`."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from textvae.codec import resolve_device
from textvae.codec.files import CONDITIONS_FILE, read_schema, schema_files
from textvae.config import RunConfig, load_settings
from textvae.data.conditions import ConditionSchema
from textvae.data.tokenizers import CONFIG_FILE as TOKENIZER_CONFIG
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConfigError, CorruptRunError, RunError, RunNotFoundError
from textvae.models.registry import check_parts
from textvae.storage.atomic import write_file
from textvae.training.checkpoints import checkpoints
from textvae.training.distributed import Ranks, joined_ranks
from textvae.training.folder import DATA_FILE, check_folder, clear_folder, refuse_export
from textvae.training.origin import Origin
from textvae.training.precision import fast_products
from textvae.training.preparation import Prepared, prepare
from textvae.training.progress import Observer, Silent
from textvae.training.records import CONFIG_FILE
from textvae.training.trainer import Trainer


def train_run(
    data: Any,
    run: str | Path,
    config: RunConfig,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    observer: Observer | None = None,
    cache_dir: str | Path | None = None,
    tokenizer: Tokenizer | None = None,
    origin: Origin | None = None,
    schema: ConditionSchema | None = None,
) -> Path:
    """Train in a run folder; return the folder.

    Args:
        data: as for `textvae.data.splits.open_splits`.
        run: the folder; its parents are made.
        config: settings. A resumed run keeps its own, but for `training.epochs`, `max_time` and `patience` where
            `config` states them (see `resumed_config`).
        resume: go on from the newest checkpoint.
        overwrite: remove the run that is there.
        device: auto, cpu, cuda, cuda:N or mps; under `torchrun` each rank takes its own GPU.
        observer: hears of progress.
        cache_dir: where token arrays are kept; None: the user's cache folder.
        tokenizer: one that exists already; None: trained on the training texts. A resumed run keeps its own.
        origin: the model to begin from (`textvae.training.origin`), with its tokenizer; of no use to a run that goes on from
            a checkpoint. Its `settings` should lie beneath `config`.
        schema: what the conditions are, where that is known already; None: learned from the training texts.

    Raises:
        ConfigError: an encoder or decoder that is not registered, settings that contradict the origin, or of a resumed run
            another model or objective.
        RunExistsError: a run, or other files, are there already.
        RunNotFoundError: nothing to resume.
        RunError: resumed with another corpus, or before its first checkpoint without its origin.
        TrainingError: see `Trainer.train`.
    """
    run, observer = Path(run), observer or Silent()
    check_parts(config.model)
    fresh = _checked(origin, run, config, resume=resume)
    with joined_ranks(resolve_device(device)) as ranks, fast_products(resolve_device(device)):
        ranks.barrier()  # the origin may lie in the folder that is cleared later
        if ranks.is_main:
            check_folder(run, resume=resume, overwrite=overwrite)
        ranks.barrier()
        if resume and (run / TOKENIZER_CONFIG).exists():
            tokenizer = Tokenizer.load(run)
        prepared = _prepare(
            data, run, config, tokenizer, origin, schema,
            resume=resume, overwrite=overwrite, ranks=ranks, cache_dir=cache_dir,
        )  # fmt: skip
        for warning in (*prepared.warnings, *fresh):
            observer.on_message(warning)
        with threads(prepared.config.training.threads):
            trainer = Trainer(
                prepared,
                run,
                device=_own_device(device, ranks),
                ranks=ranks,
                observer=observer,
                origin=origin,
            )
            if resume and not trainer.resume():
                observer.on_message("no checkpoint yet: starting from the beginning")
            trainer.train()
    return run


def resumed_config(run: Path) -> RunConfig:
    """Return the settings a run was started with.

    Raises:
        RunNotFoundError: no settings there.
    """
    refuse_export(run)
    if not (run / CONFIG_FILE).exists():
        raise RunNotFoundError(f"{run} holds no run to resume: {CONFIG_FILE} is missing")
    return load_settings(run / CONFIG_FILE)


def _checked(origin: Origin | None, run: Path, config: RunConfig, *, resume: bool) -> tuple[str, ...]:
    """Check what a run begins from against its settings and, where it is resumed, against what it began from before.

    Returns:
        What to say of parts that start anew, or stay as they were drawn.
    """
    if resume:
        _check_same_origin(run, origin)
    elif config.data.extend_vocabulary and origin is None:
        raise ConfigError(
            "data.extend_vocabulary is of a run that begins from another's weights; add --init-from RUN"
        )
    if origin:
        fresh = origin.check(config)
        return (f"not in {origin.name}, and so begun anew: {', '.join(fresh)}",) if fresh else ()
    if config.training.freeze and not resume:
        frozen = ", ".join(config.training.freeze)
        return (f"frozen with random weights, as nothing gives them others: {frozen}; see --init-from",)
    return ()


def _check_same_origin(run: Path, origin: Origin | None) -> None:
    if checkpoints(run) or not (run / CONFIG_FILE).exists():
        return
    before, now = recorded_facts(run).get("origin"), origin.facts if origin else None
    if before and not now:
        raise RunError(
            f"{run} has no checkpoint, and began from {before['name']}; name that with --init-from"
        )
    if now and (before or {}).get("sha256") != now["sha256"]:
        raise RunError(
            f"{run} did not begin from these weights of {now['name']}; leave out --init-from, or use --overwrite"
        )


@contextmanager
def threads(number: int | None) -> Generator[None]:
    """Use `number` CPU threads for the duration; None: as they are."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _prepare(
    data: Any,
    run: Path,
    config: RunConfig,
    tokenizer: Tokenizer | None,
    origin: Origin | None,
    schema: ConditionSchema | None,
    *,
    resume: bool,
    overwrite: bool,
    ranks: Ranks,
    cache_dir: str | Path | None,
) -> Prepared:
    """Prepare on the first rank, then on the others with its tokenizer; a run that is there goes once its data are read."""
    if not ranks.is_main:
        ranks.barrier()
        tokenizer = Tokenizer.load(run)
    if (resume or not ranks.is_main) and (run / CONDITIONS_FILE).exists():
        schema = read_schema(run)
    prepared = prepare(data, config, tokenizer=tokenizer, schema=schema, origin=origin, cache_dir=cache_dir)
    if resume and "origin" in (recorded := recorded_facts(run)):
        prepared.facts["origin"] = recorded["origin"]
    if ranks.is_main:
        if resume:
            _check_same_corpus(run, prepared)
            _check_same_settings(run, prepared.config)
        else:
            check_folder(
                run, resume=False, overwrite=overwrite
            )  # reading took a while: nothing may have come there
            clear_folder(run)
        described = {} if prepared.schema is None else schema_files(prepared.schema)
        for name, content in {**prepared.tokenizer.files(), **described}.items():
            write_file(run / name, content)
        write_file(run / DATA_FILE, json.dumps(prepared.facts, ensure_ascii=False, indent=2).encode())
        ranks.barrier()
    return prepared


def _check_same_corpus(run: Path, prepared: Prepared) -> None:
    if not (before := recorded_facts(run)):
        return
    for split in ("train", "valid"):
        digest = before[split]["sha256"]
        if digest != prepared.facts[split]["sha256"]:
            raise RunError(
                f"{run} was trained on another corpus ({before[split].get('name')}, SHA-256 "
                f"{digest[:12]}…); resume with the same data"
            )


def _check_same_settings(run: Path, config: RunConfig) -> None:
    """Raise `ConfigError` where a run that goes on would be another model, or hold its rate otherwise, than it was begun with."""
    if not (run / CONFIG_FILE).exists():
        return
    saved = load_settings(run / CONFIG_FILE)
    for section in ("model", "objective"):
        before, now = getattr(saved, section), getattr(config, section)
        for name in (field.name for field in fields(before)):
            if getattr(before, name) != getattr(now, name):
                raise ConfigError(
                    f"{run} was begun with {section}.{name} {getattr(before, name)}, not {getattr(now, name)}; a run that "
                    "goes on keeps its model and objective: leave the setting out, or train anew"
                )


def recorded_facts(run: Path) -> dict[str, Any]:
    """Return what a run noted of its data and of what it began from; nothing where it has not noted anything yet.

    Raises:
        CorruptRunError: the file is damaged.
    """
    path = run / DATA_FILE
    if not path.exists():
        return {}
    try:
        facts = json.loads(path.read_bytes())
        for part in ("train", "valid", *(("origin",) if "origin" in facts else ())):
            facts[part]["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRunError(f"{path} is damaged: {error!r}; remove it to resume with these data") from error
    return facts


def _own_device(name: str, ranks: Ranks) -> torch.device:
    device = resolve_device(name)
    if device.type == "cuda" and ranks.world_size > 1:
        device = torch.device("cuda", ranks.local_rank)
    return device
