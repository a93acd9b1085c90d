"""What rules judge from: the merged folder, the base where there is one, and how engines read both."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from genfix.engines import Reading, StopVerdict, readings, stop_verdict
from genfix.folder.kinds import TOKENIZER_FILES
from genfix.message import Message
from genfix.model import Model, TurnEnds
from genfix.rules.core.chat_training import chat_training, has_same


class Context:
    """The merged model and its witnesses. Facts are read when first asked for."""

    def __init__(self, merged: Model, base: Model | None = None, adapter: Model | None = None) -> None:
        self.merged = merged
        self.base = base
        self.adapter = adapter
        """The adapter that was merged: its tokenizer and chat template are the trained ones."""

    @cached_property
    def views(self) -> Mapping[str, Reading]:
        """How each engine reads the merged folder."""
        return readings(self.merged)

    @cached_property
    def base_views(self) -> Mapping[str, Reading]:
        """How each engine reads the base; empty without one."""
        return readings(self.base) if self.base else {}

    def lost_from_base(self, name: str) -> bool:
        """Whether the base has the file and the merged folder has not."""
        return self.base is not None and self.base.has(name) and not self.merged.has(name)

    def same_as_base(self, name: str) -> bool:
        """Whether both folders have the file with equal bytes."""
        return has_same(self.merged, self.base, name)

    @cached_property
    def is_text_part(self) -> bool:
        """Whether merged is the language model taken out of a vision-language or audio base."""
        if self.base is None or not self.base.text_config or self.merged.text_config:
            return False
        ours, theirs = self.merged.config.get("model_type"), self.base.config.get("model_type")
        return isinstance(ours, str) and ours != theirs

    @cached_property
    def template_equal(self) -> bool:
        """Whether merged speaks the base's chat template: equal texts, both without one, or merged's own
        lost.

        A lost template is the base's as far as the folder can tell: its own rule restores it or asks.
        """
        if self.base is None or self.merged.chat_template is None:
            return True
        # Any of the base's copies will do: where its inline one is lost, merged reads the processor's.
        return any(self.merged.chat_template.same_text(copy) for copy in self.base.template_copies)

    @cached_property
    def end_ids(self) -> Sequence[int]:
        """Ids that end a turn of the merged model, by its template or (where that is lost) the base's; may be
        empty.
        """
        if self.base is not None and self.template_equal:
            lost = self.merged.chat_template is None or not self.merged.tokenizer.is_known
            if lost:
                return tuple(token_id for token_id in self.base.end_ids.values() if self.same_token(token_id))
        return tuple(self.merged.end_ids.values())

    @cached_property
    def chat_training(self) -> Sequence[Message]:
        """What proves that the model was trained on chats, each piece of evidence a sentence; empty: nothing
        does.
        """
        return chat_training(self.merged, self.base, self.adapter)

    @cached_property
    def only_adapter_has_tokenizer(self) -> bool:
        """Whether merged lost its whole tokenizer, and the adapter has the trained one."""
        if self.adapter is None or not self.adapter.tokenizer.is_known or self.merged.tokenizer.is_known:
            return False
        return not any(self.merged.has(name) for name in TOKENIZER_FILES)

    @property
    def writes_eos(self) -> bool:
        """Whether merged's chat template writes ``eos_token``, whichever token that is, at a turn's end."""
        ends = self.merged.turn_ends
        return isinstance(ends, TurnEnds) and ends.eos_variable

    @property
    def pads_with_turn_end(self) -> bool:
        """Whether padding is the only token that ends a turn of merged's."""
        ends: set[str | None] = {*self.merged.end_ids}
        if self.writes_eos:
            ends.add(self.merged.tokenizer.eos_token)
        return ends == {self.merged.tokenizer.named.get("pad_token")}

    def same_token(self, token_id: int) -> bool:
        """Whether ``token_id`` means the same token in both folders, as far as their files tell.

        An id beyond the embedding's rows means nothing here. Where merged has lost its token table there is
        nothing to contradict the base.
        """
        rows = self.merged.vocab_rows
        if rows is not None and token_id >= rows:
            return False
        if self.base is None or not self.merged.tokenizer.is_known:
            return True
        text = self.base.tokenizer.text(token_id)
        own = self.merged.tokenizer.text(token_id)
        return text is None or own is None or text == own

    def stop_verdicts(self) -> Mapping[str, StopVerdict]:
        """For each engine, what became of the base's stop set."""
        return {
            name: stop_verdict(self.base_views[name], view, self.end_ids)
            for name, view in self.views.items()
            if name in self.base_views
        }

    def engines_that_lost_their_stop(self) -> tuple[str, ...]:
        """Engines in which the base stops and the merged model does not."""
        return tuple(name for name, verdict in self.stop_verdicts().items() if verdict is StopVerdict.LOST)
