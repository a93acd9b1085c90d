"""Which chat template transformers takes of a folder: that of a processor, which reads images or sounds too,
or the tokenizer's.

Read and run in transformers 5.24.0 and 4.57.6: processing_utils.py (``get_processor_dict``),
tokenization_utils_base.py. A processor looks at other places than the tokenizer beside it, and in another
order; the copy in tokenizer_config.json it never reads.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.processor_tokens import unnamed_tokens
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import Problem, TemplateSource
from genfix.folder.kinds import ADDITIONAL_TEMPLATES, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read

READS_JINJA: Final = (4, 47)
"""tokenization_utils_base.py: the first version of transformers that reads chat_template.jinja."""
_READS_ADDITIONAL: Final = (4, 52)
"""The first that reads additional_chat_templates."""
LEGACY: Final = "chat_template.json"
_SETTINGS: Final = "processor_config.json"
_KEY: Final = "chat_template"
_DEFAULT: Final = "default"
_NOTHING: Final = TemplateSource.of("", "").sha256


class ProcessorTemplate(NamedTuple):
    """What a processor has for its template."""

    source: TemplateSource | None
    """The default; `None` where none of several is called so."""
    others: tuple[TemplateSource, ...] = ()
    """Further ones, by their names: then they are held as a mapping."""


def template_source(
    model: Model, order: Sequence[str] = (), major: int = 5, version: Release = NEWEST
) -> TemplateSource | None:
    """The template of ``processor.apply_chat_template`` where a processor is made, else the tokenizer's.

    ``order`` names files, for an engine that looks for itself: the first that has one.
    """
    if order:
        copies = (copy for file in order for copy in model.template_places if copy.file == file)
        return next((_source(copy.file, copy.text) for copy in copies), None)
    found = processor_template(model, major, version) if makes_processor(model, major) else None
    return tokenizer_template(model, version) if found is None else found.source


def tokenizer_template(model: Model, version: Release = NEWEST) -> TemplateSource | None:
    """The template that the tokenizer of ``version`` of transformers renders.

    Files beside tokenizer_config.json replace what stands in it, all of it, even where none is the default.
    """
    files = additional_templates(model, version)
    default = f"{ADDITIONAL_TEMPLATES}default.jinja"
    if default in files:
        return _source(default, _text(model, default))
    if version >= READS_JINJA and model.jinja.text is not None:
        return _source(JINJA_FILE, model.jinja.text)
    return None if files else template_source(model, [TOKENIZER_CONFIG])


def additional_templates(model: Model, version: Release = NEWEST) -> tuple[str, ...]:
    """The files beside the template of chats that hold others, such as one for tools."""
    names = sorted(model.folder.names()) if version >= _READS_ADDITIONAL else ()
    return tuple(
        name
        for name in names
        if name.startswith(ADDITIONAL_TEMPLATES) and name.endswith(".jinja") and name.count("/") == 1
    )


def _text(model: Model, name: str) -> str:
    return model.folder.read(name).decode("utf-8", "replace")


def _source(file: str, text: str) -> TemplateSource:
    """As Python reads it: a file that is the template has its line ends made one kind."""
    return TemplateSource.of(file, as_read(text) if file.endswith(".jinja") else text)


def has_processor_config(model: Model) -> bool:
    """Whether a processor can be made."""
    return model.has("preprocessor_config.json") or model.has("processor_config.json")


def makes_processor(model: Model, major: int = 5) -> bool:
    """Whether transformers has a processor for the model type, and the folder the settings of one."""
    return model.model_type in loaders(major).processors and has_processor_config(model)


def processor_template(model: Model, major: int = 5, version: Release = NEWEST) -> ProcessorTemplate | None:
    """The template of the folder's processor; `None` where it has none, so that the tokenizer is asked."""
    if model.model_type in loaders(major).without_template:
        return None
    own = _stated(model, _SETTINGS)
    beside = _beside(model, version)
    first, second = (own, beside) if major > 4 else (beside, own)
    return second if first is None else first


def processor_problems(model: Model, major: int = 5, version: Release = NEWEST) -> tuple[Problem, ...]:
    """Why the folder's processor is not made: a token that its tokenizer has no name for, and what it cannot
    do with the files of templates.
    """
    if not makes_processor(model, major):
        return ()
    return token_problems(model, major) or _template_problems(model, version)


def token_problems(model: Model, major: int = 5) -> tuple[Problem, ...]:
    """The first of the tokens that the processor's constructor asks the tokenizer for in vain."""
    return tuple(
        Problem(
            message(
                "engine-cannot-find-named-token",
                "its processor asks for {key}, which tokenizer_config.json does not name",
                key=name,
            )
        )
        for name in unnamed_tokens(model, major)[:1]
    )


def _template_problems(model: Model, version: Release) -> tuple[Problem, ...]:
    if not model.has(LEGACY):
        return ()
    if additional_templates(model, version):
        return (
            Problem(
                message(
                    "engine-cannot-join-templates",
                    "its processor takes no chat_template.json beside additional_chat_templates",
                )
            ),
        )
    if _KEY not in model.object(LEGACY):
        return (
            Problem(
                message(
                    "engine-cannot-read-processor-template",
                    "its processor cannot read a template in chat_template.json",
                )
            ),
        )
    return ()


def _beside(model: Model, version: Release) -> ProcessorTemplate | None:
    """Of the file for processors alone, or else of those that the tokenizer reads too; one text without
    a word is as good as none.
    """
    if model.has(LEGACY):
        found = _stated(model, LEGACY)
    else:
        names = [
            *additional_templates(model, version),
            *([JINJA_FILE] if version >= READS_JINJA and model.jinja.text is not None else ()),
        ]
        default = [name for name in names if name in {JINJA_FILE, f"{ADDITIONAL_TEMPLATES}default.jinja"}]
        templates = {name: _source(name, _text(model, name)) for name in names}
        others = tuple(source for name, source in templates.items() if name not in default)
        found = ProcessorTemplate(templates[default[-1]] if default else None, others)
    is_blank = found is None or found.source is None or found.source.sha256 == _NOTHING
    return None if is_blank and (found is None or not found.others) else found


def _stated(model: Model, file: str) -> ProcessorTemplate | None:
    value: JsonValue = model.object(file).get(_KEY)
    if isinstance(value, dict):
        named = {name: TemplateSource.of(file, text) for name, text in value.items() if isinstance(text, str)}
        return ProcessorTemplate(named.pop(_DEFAULT, None), tuple(named.values()))
    return ProcessorTemplate(TemplateSource.of(file, value)) if isinstance(value, str) else None
