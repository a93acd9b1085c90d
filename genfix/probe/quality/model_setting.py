"""What of a model folder matters for judging its answers."""

from genfix.model import Model
from genfix.model.conversations import PROMPTED, VARIABLES, conversations
from genfix.model.template_render import RenderError, render_template
from genfix.probe.quality.answer_verdict import Setting
from genfix.probe.quality.thoughts import opens_thinking


def setting_of(model: Model | None, *, on_server: bool) -> Setting:
    """What a folder and the way it is asked say about its answers."""
    return Setting(opens_thinking=model is not None and _opens(model), calls_in_text=not on_server)


def _opens(model: Model) -> bool:
    """Whether the prompt that the template makes of a question ends inside a thinking block."""
    if model.chat_template is None:
        return False
    asked = [shape for name, shape in conversations().items() if name.endswith(f"/{PROMPTED}")]
    rendered = render_template(model.chat_template.text, asked, dict(VARIABLES))
    first = next((one for one in rendered if not isinstance(one, RenderError)), None)
    return first is not None and opens_thinking(first.text)
