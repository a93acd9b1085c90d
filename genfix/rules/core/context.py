"""What rules judge from: the merged folder, the base where there is one, and how engines read both."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from genfix.engines import EngineView, Reading, StopVerdict, readings, stop_verdict
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.view import Problem, SharedProblem, shared_problems
from genfix.engines.shared.weight_formats import weight_files
from genfix.errors import GenfixError
from genfix.message import Message
from genfix.model import ChatTemplate, Model, TurnEnds
from genfix.model.kin import is_short_sibling, other_class, other_context, plain_text, text_base
from genfix.rules.core.chat_training import chat_training, has_same
from genfix.rules.core.finding import Finding
from genfix.rules.core.reasons import OTHER_TEMPLATE, OTHER_TEMPLATE_TRAINED, unknown_to_template

if TYPE_CHECKING:
    from genfix.weights.equal_weights import Equality
    from genfix.weights.merge_proof import MergeProof


class Context:
    """The merged model and its witnesses. Facts are read when first asked for."""

    has_files: bool = True
    """Whether a folder's own files are among them."""

    def __init__(
        self,
        merged: Model,
        base: Model | None = None,
        adapter: Model | None = None,
        *,
        engines: Sequence[str] = (),
        earlier: "Context | None" = None,
    ) -> None:
        self.merged = merged
        self.engines: tuple[str, ...] = tuple(engines) if earlier is None else earlier.engines
        """The engines whose harm counts, with or without a version (``sglang@0.4``); none: all."""
        self._earlier = earlier
        self.base = base
        self.adapter = adapter
        """The adapter that was merged: its tokenizer and chat template are the trained ones."""
        self.notes: dict[str, object] = {}
        """What rules that share their reasoning keep for one another."""
        self.said: tuple[Finding, ...] = ()
        """What the other rules found, when those about engines are asked: `judge` sets it."""

    @cached_property
    def views(self) -> Mapping[str, Reading]:
        """How each engine reads the merged folder."""
        return readings(self.merged)

    @cached_property
    def of_base(self) -> "Context | None":
        """The base in the place of the merged folder, judged alone; `None` without one.

        No repair touches it: what was read of it at an earlier state of the folder holds.
        """
        if self._earlier is not None:
            return self._earlier.of_base
        if isinstance(self.base, BaseModel):
            return self.base.alone
        return Context(self.base) if self.base is not None else None

    @property
    def base_views(self) -> Mapping[str, Reading]:
        """How each engine reads the base; empty without one."""
        return self.of_base.views if self.of_base is not None else {}

    @cached_property
    def engine_views(self) -> Mapping[str, EngineView]:
        """What every engine does with the merged folder."""
        return self._views_of(self.merged)

    def _views_of(self, model: Model) -> Mapping[str, EngineView]:
        """Those of all engines, of the named ones in their version."""
        from genfix.engines.every import engine_view, every_view  # noqa: PLC0415 - not all who make a context ask

        named = (engine.partition("@") for engine in self.engines)
        own = {name: engine_view(name, model, version) for name, _, version in named}
        return {**every_view(model), **own}

    @property
    def named_engines(self) -> tuple[str, ...]:
        """The names of `engines`."""
        return tuple(dict.fromkeys(engine.partition("@")[0] for engine in self.engines))

    @cached_property
    def base_engine_views(self) -> Mapping[str, EngineView]:
        """What they do with the base; empty without one."""
        if self.base is None or self.of_base is None:
            return {}
        return self._views_of(self.base) if self.engines else self.of_base.engine_views

    @cached_property
    def problems(self) -> Sequence[SharedProblem]:
        """What engines cannot take in the merged folder."""
        return shared_problems(self.engine_views.values())

    def has_base_problem(self, problem: Problem) -> bool:
        """Whether engines cannot take it in the base either."""
        return any(problem in view.problems for view in self.base_engine_views.values())

    @cached_property
    def is_model(self) -> bool:
        """Whether weights, or an index of them, are here: not config files only, nor an export that carries
        its own config and vocabulary.
        """
        return bool(weight_files(self.merged)) and not self.merged.weights.is_export

    def lost_from_base(self, name: str) -> bool:
        """Whether the base has the file and the merged folder has not."""
        return self.base is not None and self.base.has(name) and not self.merged.has(name)

    def same_as_base(self, name: str) -> bool:
        """Whether both folders have the file: equal bytes or, of a text, equal lines."""
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
        """Whether merged has the base's chat template: equal texts, or both without one."""
        own = self.merged.chat_template
        if self.base is None or own is None:
            return self.base is None or self.base.chat_template is None
        # Any of the base's copies will do: where its inline one is lost, merged reads the processor's.
        return bool(self.base.copies_of(own))

    @cached_property
    def template_lost(self) -> bool:
        """Whether the base has a chat template and merged has none."""
        return self.merged.chat_template is None and not self.template_equal

    @cached_property
    def template_objection(self) -> Message | None:
        """What speaks against taking merged for a model that speaks the base's chat template; `None` where
        nothing does: it has that template, or has lost its own, and nothing shows that it was another.
        """
        if self.base is None or self.chat_objection is not None:
            return self.chat_objection
        if not self.template_lost:
            return None if self.template_equal else OTHER_TEMPLATE
        if self.another_was_trained:
            return OTHER_TEMPLATE_TRAINED
        return unknown_to_template(self.merged, self.base)

    @cached_property
    def trained_template(self) -> ChatTemplate | None:
        """The chat template that the adapter has; `None` without one."""
        return self.adapter.chat_template if self.adapter is not None else None

    @cached_property
    def another_was_trained(self) -> bool:
        """Whether the adapter has a chat template that is not the base's."""
        trained = self.trained_template
        return trained is not None and self.base is not None and not self.base.copies_of(trained)

    @cached_property
    def chat_objection(self) -> Message | None:
        """What says that how the base chats (its template, stop set and EOS) is not merged's: the base is a
        sibling of the model that merged was made from. `None` where nothing does.
        """
        if self.base is None:
            return None
        return (
            self.base.sibling
            or text_base(self.merged, self.base)
            or plain_text(self.merged, self.base)
            or is_short_sibling(self.merged, self.base)
        )

    @cached_property
    def config_objection(self) -> Message | None:
        """What says that the base's config.json is of another kind of model; `None` where nothing does."""
        if self.base is None:
            return None
        return text_base(self.merged, self.base) or other_class(self.merged, self.base)

    @cached_property
    def context_objection(self) -> Message | None:
        """What says that the base's RoPE and context length are a sibling's; `None` where nothing does."""
        if self.base is None:
            return None
        return self.base.sibling or other_context(self.merged, self.base)

    @cached_property
    def end_ids(self) -> Sequence[int]:
        """Ids that end a turn of the merged model, by its template or (where that is lost) the base's; may be
        empty.
        """
        tells_tokens = self.merged.tokenizer.is_known and bool(self.merged.vocabularies)
        lost = self.merged.chat_template is None or not tells_tokens
        if lost and self.base is not None and self.template_objection is None:
            return tuple(token_id for token_id in self.base.end_ids.values() if self.same_token(token_id))
        return tuple(self.merged.end_ids.values())

    @cached_property
    def proof(self) -> "MergeProof | None":
        """Whether the adapter is in the weights; `None` without a base or an adapter.

        No repair writes weights: what was proven of an earlier state of the folder holds.
        """
        if self._earlier is not None:
            return self._earlier.proof
        if self.base is None or self.adapter is None:
            return None
        # Imported here: most folders are judged without an adapter.
        from genfix.weights.merge_proof import prove_merge  # noqa: PLC0415

        return prove_merge(self.merged, self.base, self.adapter)

    @cached_property
    def equality(self) -> "Equality | None":
        """Whether the weights are the base's wherever one looks; `None` where they differ, without a base, or
        where a tensor cannot be read, which its own rule tells.

        As of `proof`, what was seen of an earlier state of the folder holds.
        """
        if self._earlier is not None:
            return self._earlier.equality
        if self.base is None:
            return None
        # Imported here: most folders say nothing of a training.
        from genfix.weights.equal_weights import equality  # noqa: PLC0415

        try:
            return equality(self.merged, self.base)
        except GenfixError:
            return None

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
        return not self.merged.tokenizer_files

    @cached_property
    def eos_id(self) -> int | None:
        """The id of the tokenizer's EOS as transformers 5 loads it; `None` where files do not tell."""
        return loaded_eos(self.merged)

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

    @property
    def can_tell_stops(self) -> bool:
        """Whether it is known what ends a turn, or where the base's engines stop."""
        return self.base is not None or bool(self.end_ids)

    def engines_that_lost_their_stop(self) -> tuple[str, ...]:
        """Engines in which the base stops and the merged model does not."""
        return tuple(name for name, verdict in self.stop_verdicts().items() if verdict is StopVerdict.LOST)


class BaseModel(Model):
    """A model that others are judged against."""

    @cached_property
    def alone(self) -> Context:
        """The model judged by itself: worked out once for all that are judged against it."""
        return Context(self)
