"""The folder to be judged: opened, or refused in one sentence where it is no merged model."""

from pathlib import Path

from genfix.errors import InputError
from genfix.folder import FileKind, Folder, LocalFolder, kind_of
from genfix.model import Weights

__all__ = ["open_target", "refuse_other_layouts"]


def open_target(path: Path) -> LocalFolder:
    """The folder at ``path``. Raises `InputError` where there is none, or none of a merged model."""
    if not path.exists():
        raise InputError(f"there is no folder {path}", "check the path of the merged model")
    if not path.is_dir():
        raise InputError(f"{path} is a file, not a model folder", f"name the folder it is in: {path.parent}")
    folder = LocalFolder(path)
    refuse_other_layouts(folder)
    _refuse_parent_of_models(folder)
    return folder


def refuse_other_layouts(folder: Folder) -> None:
    """Raise `InputError` for an adapter, GGUF or diffusers folder: their config files are others."""
    names, label = folder.names(), folder.origin.label
    top = {name for name in names if "/" not in name}
    if "model_index.json" in top:
        raise InputError(
            f"{label} is a diffusers pipeline (it has model_index.json), not a language model in transformers layout",
            "genfix judges language and vision-language models",
        )
    if "adapter_config.json" in top and not Weights(folder).files:
        raise InputError(
            f"{label} is an adapter (it has adapter_config.json and no model weights), not a merged model",
            "merge it into its base first (merge_and_unload, swift export --merge_lora, ...) and name the merged folder",
        )
    if "config.json" not in top and any(kind_of(name) is FileKind.GGUF for name in top):
        raise InputError(
            f"{label} is a GGUF folder: a .gguf file carries its own settings and has no config files to repair",
            "run genfix on the folder that was converted, and convert it again",
        )


def _refuse_parent_of_models(folder: LocalFolder) -> None:
    if any("/" not in name and kind_of(name) is not FileKind.OTHER for name in folder.names()):
        return
    inside = sorted(name for name in folder.names() if name.count("/") == 1 and name.endswith("/config.json"))
    if inside:
        raise InputError(
            f"{folder.origin.label} is no model folder itself, but has {len(inside)} inside",
            f"name one of them, such as {folder.root / inside[0].rpartition('/')[0]}",
        )
    if not any("/" not in name and name.endswith((".json", ".jinja")) for name in folder.names()):
        raise InputError(
            f"{folder.origin.label} has no file of a model", "check the path of the merged model"
        )
