"""Who is right about what: each question with its witnesses, the strongest first.

One table for people and tests; each rule names the question it asks. A rule takes its verdict from the first
witness that is there and can tell. Where two contradict each other and neither is stronger for certain, its
fix is unsafe or manual and says what each claims.
"""

from typing import Final, NamedTuple

from genfix.rules.core.finding import Witness


class Question(NamedTuple):
    """One question."""

    ask: str
    witnesses: tuple[Witness, ...]
    """The strongest first."""
    unsettled: str
    """What they cannot settle, and what becomes of it."""
    of_generating: bool = False
    """Whether it is no question about a model that generates no text: a classifier, an embedding model."""


STOPS: Final = Question(
    "Where does the model stop?",
    (Witness.TOKENIZER, Witness.CHAT_TEMPLATE, Witness.BASE, Witness.FOLDER, Witness.ENGINE),
    "The base's ids beside a template of the folder's own: unsafe. A base's own narrow list without proof of "
    "chat training: silent. The template alone against tokenizer and file: information.",
    of_generating=True,
)
TEMPLATE: Final = Question(
    "Which chat template is the model's?",
    (Witness.ADAPTER, Witness.CHAT_TEMPLATE, Witness.TOKENIZER, Witness.FOLDER, Witness.BASE, Witness.ENGINE),
    "Two copies, or a third template beside the adapter's and the base's: unsafe.",
    of_generating=True,
)
TOKENS: Final = Question(
    "Which tokens are there, and how is text cut into them?",
    (Witness.ADAPTER, Witness.WEIGHTS, Witness.FOLDER, Witness.BASE, Witness.ENGINE),
    "Tokens that only the folder has, or an embedding of other rows than the base's: unsafe. Two tokenizers "
    "are never mixed.",
)
CONFIG: Final = Question(
    "What does config.json say of the model?",
    (Witness.WEIGHTS, Witness.ENGINE, Witness.FOLDER, Witness.BASE),
    "A value that is there and differs, such as the context length: information, never changed by itself.",
)
WEIGHTS: Final = Question(
    "Which shapes, layers, experts and heads does the model have, and is it quantised?",
    (Witness.WEIGHTS, Witness.BASE),
    "Custom code, which may mean another thing by a key: unsafe. A head that is lost: manual.",
)
MERGE: Final = Question(
    "Is the training in the weights?",
    (Witness.ADAPTER, Witness.BASE, Witness.FOLDER),
    "A difference that is no multiple of the adapter's update, quantised weights, or a change that rounding "
    "takes away: information, never a pass.",
)
FILES: Final = Question(
    "Which files belong to the model?",
    (Witness.WEIGHTS, Witness.FOLDER, Witness.BASE, Witness.ENGINE),
    "Code that was changed here, or weights of two saves: unsafe or manual. The index is rebuilt from "
    "headers, never copied.",
)
SAMPLING: Final = Question(
    "How does the model sample?",
    (Witness.ENGINE, Witness.BASE),
    "Another value than the base's may be meant: unsafe. A value that no engine takes is none, the base's "
    "own included.",
    of_generating=True,
)
READERS: Final = Question(
    "Can older readers read it too?",
    (Witness.ENGINE, Witness.FOLDER, Witness.BASE),
    "Without a base that they could read, nobody knows that they should: information, unsafe.",
)
UNREADABLE: Final = Question(
    "What does a file say that cannot be read?",
    (Witness.ENGINE, Witness.FOLDER),
    "More than one reading: the base's copy, or manual.",
)

QUESTIONS: Final = (STOPS, TEMPLATE, TOKENS, CONFIG, WEIGHTS, MERGE, FILES, SAMPLING, READERS, UNREADABLE)
"""In the order of people's interest."""
