"""Facts of a model folder: its JSON files, tokenizer, chat template and weights headers."""

from genfix.model.chat_template import ChatTemplate
from genfix.model.model import JsonFile, Model
from genfix.model.tokenizer import TokenTable
from genfix.model.turn_ends import TemplateFailure, TurnEnds
from genfix.model.weights import Weights
