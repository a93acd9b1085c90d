"""Who is right about what: each question with its witnesses, the strongest first, and the rules that ask it.

One table for people and tests. A rule takes its verdict from the first witness that is there and can tell. Where
two contradict each other and neither is stronger for certain, its fix is unsafe or manual and says what each claims.
"""

from typing import Final, NamedTuple

from genfix.rules.finding import Witness

__all__ = ["QUESTIONS", "Question"]

_BASE, _ADAPTER, _WEIGHTS = Witness.BASE, Witness.ADAPTER, Witness.WEIGHTS
_TOKENIZER, _TEMPLATE, _FOLDER, _ENGINE = (
    Witness.TOKENIZER,
    Witness.CHAT_TEMPLATE,
    Witness.FOLDER,
    Witness.ENGINE,
)


class Question(NamedTuple):
    """One question."""

    ask: str
    witnesses: tuple[Witness, ...]
    """The strongest first."""
    unsettled: str
    """What they cannot settle, and what becomes of it."""
    codes: tuple[str, ...]


QUESTIONS: Final = (
    Question(
        "Where does the model stop?",
        (_TOKENIZER, _TEMPLATE, _BASE, _ENGINE),
        "The base's ids beside a template of the folder's own: unsafe. A base's own narrow list without proof of chat training: silent.",
        ("GF101", "GF102", "GF103", "GF104", "GF105", "GF106", "GF107", "GF108"),
    ),
    Question(
        "Which chat template is the model's?",
        (_ADAPTER, _TEMPLATE, _TOKENIZER, _FOLDER, _BASE, _ENGINE),
        "Two copies, or a third template beside the adapter's and the base's: unsafe.",
        ("GF201", "GF202", "GF203", "GF204", "GF205", "GF206", "GF207", "GF208", "GF209"),
    ),
    Question(
        "Which tokens are there, and how is text cut into them?",
        (_ADAPTER, _WEIGHTS, _FOLDER, _BASE, _ENGINE),
        "Tokens that only the folder has, or an embedding of other rows than the base's: unsafe. Two tokenizers are never mixed.",
        (
            "GF301",
            "GF302",
            "GF303",
            "GF304",
            "GF305",
            "GF306",
            "GF307",
            "GF308",
            "GF309",
            "GF310",
            "GF311",
            "GF312",
        ),
    ),
    Question(
        "What does config.json say of the model?",
        (_WEIGHTS, _ENGINE, _FOLDER, _BASE),
        "A value that is there and differs, such as the context length: information, never changed by itself.",
        ("GF401", "GF402", "GF403", "GF404", "GF405", "GF712"),
    ),
    Question(
        "Which shapes, layers, experts and heads does the model have, and is it quantised?",
        (_WEIGHTS, _BASE),
        "Custom code, which may mean another thing by a key: unsafe. A head that is lost: manual.",
        (
            "GF411",
            "GF412",
            "GF413",
            "GF414",
            "GF415",
            "GF416",
            "GF421",
            "GF422",
            "GF431",
            "GF432",
        ),
    ),
    Question(
        "Which files belong to the model?",
        (_WEIGHTS, _FOLDER, _BASE, _ENGINE),
        "Code that was changed here, or weights of two saves: unsafe or manual. The index is rebuilt from headers, never copied.",
        (
            "GF501",
            "GF502",
            "GF503",
            "GF504",
            "GF505",
            "GF521",
            "GF522",
            "GF523",
            "GF524",
            "GF525",
            "GF721",
            "GF722",
        ),
    ),
    Question(
        "How does the model sample?",
        (_ENGINE, _BASE),
        "Another value than the base's may be meant: unsafe. A value that no engine takes is none, the base's own included.",
        ("GF601", "GF602", "GF603", "GF604", "GF605"),
    ),
    Question(
        "Can older readers read it too?",
        (_ENGINE, _FOLDER, _BASE),
        "Without a base that they could read, nobody knows that they should: information, unsafe.",
        ("GF701", "GF702", "GF704", "GF705", "GF711", "GF713"),
    ),
    Question(
        "What does a file say that cannot be read?",
        (_ENGINE, _FOLDER),
        "More than one reading: the base's copy, or manual.",
        ("GF901", "GF902", "GF903", "GF904", "GF905", "GF906"),
    ),
)
