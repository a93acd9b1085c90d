"""Folders that are no merged model in transformers layout: each is refused in one sentence."""

from genfix.errors import InputError
from genfix.folder import FileKind, Folder, kind_of
from genfix.model import Weights


def refuse_other_layouts(folder: Folder) -> None:
    """Raise `InputError` for an adapter, GGUF or diffusers folder, or one that holds no model at all."""
    names, label = folder.names(), folder.origin.label
    top = {name for name in names if "/" not in name}
    if "model_index.json" in top:
        raise InputError(
            "{folder} is a diffusers pipeline (it has model_index.json), not a language model in "
            "transformers layout",
            "genfix judges language and vision-language models",
            folder=label,
        )
    if "adapter_config.json" in top and not Weights(folder).files:
        raise InputError(
            "{folder} is an adapter (it has adapter_config.json and no model weights), not a merged model",
            "merge it into its base first (merge_and_unload, swift export --merge_lora, ...) and "
            "name the whole model",
            folder=label,
        )
    if "config.json" not in top and any(kind_of(name) is FileKind.GGUF for name in top):
        raise InputError(
            "{folder} is a GGUF folder: a .gguf file carries its own settings and has no config "
            "files to repair",
            "name the file itself: genfix check {path}",
            folder=label,
            path=f"{label.rstrip('/')}/{min(name for name in top if kind_of(name) is FileKind.GGUF)}",
        )
    _refuse_no_model(folder)


def _refuse_no_model(folder: Folder) -> None:
    names, label = folder.names(), folder.origin.label
    if any("/" not in name and kind_of(name) is not FileKind.OTHER for name in names):
        return
    inside = sorted(name for name in names if name.count("/") == 1 and name.endswith("/config.json"))
    if inside:
        raise InputError(
            "{folder} is no model folder itself, but has {models} inside",
            "name it: {path}",
            folder=label,
            models=len(inside),
            path=f"{label.rstrip('/')}/{inside[0].rpartition('/')[0]}",
        )
    if not any("/" not in name and name.endswith((".json", ".jinja")) for name in names):
        raise InputError(
            "{folder} has no file of a model", "check the path of the model folder", folder=label
        )
