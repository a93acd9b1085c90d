"""Whether a model generates text: one question for every rule about stop tokens, sampling and chat.

Reward models, classifiers, encoders and embedding models are often made from a generating base, and keep its
tokenizer and chat template; what only ``generate()`` reads is no loss to them.
"""

import re
from typing import Final

from genfix.model.model import Model

_EMBEDDING_FILES: Final = ("modules.json", "config_sentence_transformers.json")
_POOLING: Final = "1_Pooling/"
_GENERATES: Final = re.compile(
    r"For(?:CausalLM|ConditionalGeneration|Generation|Seq2SeqLM|SpeechSeq2Seq|ImageTextToText|TextToText|"
    r"SpeechToText|BlockDiffusion)|CausalLM|LMHead|Text2Text|"
    r"(?:DoubleHeads|ChatModel|MTModel|EncoderDecoderModel|GenerationDecoder)$"
)
"""Class names in transformers and in code beside models (``GPT2LMHeadModel``, ``MarianMTModel``).

All but one of the classes that transformers 4.57.6 and 5.24.0 make for text from text, images or speech.
"""
_JUDGES: Final = (
    r"(?:Classification|Classifier|QuestionAnswering|MultipleChoice|MaskedLM|PreTraining|SentencePrediction|Ranking|"
    r"Rerank\w*|Reward\w*|Regression|Retrieval|Embeddings?|Embedding\w*Model|TextEncoding|FeatureExtraction|"
    r"XVector|CTC|EncoderModel)$|Reward"
)
"""Class names of models whose output is a number, a label or a vector."""
_JUDGING_HEADS: Final = ("score.weight", "classifier.weight")


def is_embedding_model(model: Model) -> bool:
    """Whether the folder has the files of sentence-transformers."""
    return any(map(model.has, _EMBEDDING_FILES)) or any(
        name.startswith(_POOLING) for name in model.folder.names()
    )


def generates(model: Model) -> bool | None:
    """Whether the folder is a model that generates text; `None` where it does not tell.

    The class says so, as long as the tensors do not say otherwise: a classifier may be saved under the name
    of a generating class, and a generating model under that of its trunk.
    """
    if is_embedding_model(model):
        return False
    names = _class_names(model)
    if not names:
        return True if model.generation_config.present and model.template_copies else None
    if any(map(_GENERATES.search, names)):
        return not _judges_by_weights(model)
    if any(re.search(_JUDGES, name) for name in names):
        return False
    if "auto_map" in model.config:
        return True if any(map(_GENERATES.search, _automatic_names(model))) else None
    return _has_head(model) if all(name.endswith("Model") for name in names) else None


def _class_names(model: Model) -> list[str]:
    names = model.config.get("architectures")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _automatic_names(model: Model) -> list[str]:
    automatic = model.config.get("auto_map")
    return [*automatic] if isinstance(automatic, dict) else []


def _judges_by_weights(model: Model) -> bool:
    """Whether the tensors end in a reward or classification head, and in no other."""
    facts = model.weights.facts
    return facts.head is None and facts.classifier is not None and facts.classifier.endswith(_JUDGING_HEADS)


def _has_head(model: Model) -> bool | None:
    """Whether a trunk's class stands over tensors with an output head; `None` without tensors to tell."""
    facts = model.weights.facts
    return facts.head is not None if facts.stacks else None
