"""Ollama's Modelfile: read, and printed with a TEMPLATE that renders as the chat template does."""

from pathlib import Path

import pytest

import genfix
from genfix.model.go_template import go_template
from genfix.model.modelfile import Modelfile, quoted_value, read_modelfile
from tests.support.folders import CHATML, GLM_TEMPLATE, chatml_files, glm_files, with_json, write_folder
from tests.support.gguf_files import GLM_KEYS, QWEN_KEYS, edited, gguf_bytes
from tests.support.running import Run

SYSTEM_FIRST = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + CHATML
)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("", Modelfile()),
        ("FROM x\n# PARAMETER stop a\n", Modelfile()),
        ('FROM x\nPARAMETER stop "<|im_end|>"\nparameter STOP a b\n', Modelfile(None, ("<|im_end|>", "a b"))),
        ('TEMPLATE """a\nb"""\nPARAMETER stop c', Modelfile("a\nb", ("c",))),
        ('TEMPLATE "a\nb"\nPARAMETER temperature 1', Modelfile("a\nb")),
        ("TEMPLATE a\nTEMPLATE b\n", Modelfile("b")),
        ('TEMPLATE """never closed\nPARAMETER stop c', Modelfile('"""never closed\nPARAMETER stop c')),
        ("TEMPLATE\nPARAMETER stop\n", Modelfile()),
    ],
)
def test_it_is_read_as_ollama_reads_it(content: str, read: Modelfile) -> None:
    assert read_modelfile(content) == read


@pytest.mark.parametrize("value", ["a", "a\nb", "<|im_end|>", 'a "b" c', "a\n"])
def test_what_is_quoted_is_read_again(value: str) -> None:
    quoted = quoted_value(value)
    assert quoted is not None
    assert read_modelfile(f"TEMPLATE {quoted}\n").template == value


@pytest.mark.parametrize("value", ['a"""b\n', 'a\n"'])
def test_what_cannot_be_quoted_is_not(value: str) -> None:
    assert quoted_value(value) is None


def turn(role: str, opens: str, closes: str) -> str:
    return f'{{{{ if eq .Role "{role}" }}}}{opens}{{{{ .Content }}}}{closes}'


def test_chatml_in_the_language_of_ollama() -> None:
    assert go_template(CHATML, {}) == (
        "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}{{ range .Messages }}"
        + turn("user", "<|im_start|>user\n", "<|im_end|>\n")
        + "{{ else "
        + turn("assistant", "<|im_start|>assistant\n", "<|im_end|>\n").removeprefix("{{ ")
        + "{{ end }}{{ end }}<|im_start|>assistant\n"
    )


def test_a_system_turn_of_its_own_stands_where_there_is_none() -> None:
    found = go_template(SYSTEM_FIRST, {})
    assert found is not None
    assert found.startswith(
        "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ else }}<|im_start|>system\nBe kind."
    )


def test_a_prompt_that_is_always_written_is_part_of_the_question() -> None:
    header = "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    always = (
        "{% for m in messages %}{% if loop.index0 == 0 %}<|begin_of_text|>{% endif %}"
        + header
        + "{{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    found = go_template(always, {})
    assert found is not None
    assert found.startswith(
        "{{ if .System }}<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
        "{{ .System }}<|eot_id|>"
        "{{ else }}<|begin_of_text|>{{ end }}{{ range .Messages }}"
    )


def test_tokens_are_written_out() -> None:
    found = go_template(
        "{{ bos_token }}" + CHATML.replace("<|im_end|>", "{{ eos_token }}"), {"eos_token": "</s>"}
    )
    assert found is not None
    assert "{{ .Content }}</s>" in found


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages }}",
        "{% for %}",
        CHATML.replace("{{ m.content }}", "{{ m.content|upper }}"),
        CHATML.replace("{% for m in messages %}", "{% for m in messages[-2:] %}"),  # forgets what was said
        "{% if messages|length > 4 %}long{% endif %}" + CHATML,
        CHATML.replace("<|im_start|>", "{{ '{{' }}"),
        "{{ strftime_now('%d %b %Y') }}" + CHATML,
        "{{ raise_exception('no') }}",
    ],
)
def test_a_template_without_that_form_has_none(template: str) -> None:
    assert go_template(template, {}) is None


def test_it_is_printed_for_a_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.gguf").write_bytes(gguf_bytes(QWEN_KEYS))
    done = run("modelfile", "m.gguf")
    assert done.code == 0
    assert done.out.startswith('FROM ./m.gguf\nTEMPLATE """')
    read = read_modelfile(done.out)
    assert read == Modelfile(go_template(CHATML, {}), ("<|im_end|>",))
    Path("Modelfile").write_text(done.out)
    assert run("check", "m.gguf").out == ""


def test_a_model_that_does_not_stop_is_said_to_need_a_repair(run: Run, tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(gguf_bytes(edited(GLM_KEYS, tokenizer__ggml__eot_token_id=...)))
    done = run("modelfile", model)
    assert read_modelfile(done.out).stops == ("<|user|>", "<|observation|>")
    assert "repair it first" in " ".join(done.err.split())


def test_it_is_printed_for_a_folder(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", chatml_files())
    done = run("modelfile", folder)
    assert done.out.startswith(f"FROM {folder}\n")
    assert read_modelfile(done.out).stops == ("<|im_end|>",)


def test_a_template_with_tools_is_left_to_ollama(run: Run, tmp_path: Path) -> None:
    tools = "{% if tools %}{{ tools|tojson }}{% endif %}" + CHATML
    folder = write_folder(
        tmp_path / "m", with_json(chatml_files(), "tokenizer_config.json", chat_template=tools)
    )
    done = run("modelfile", folder)
    assert "TEMPLATE" not in done.out
    assert "would lose the tools" in " ".join(done.err.split())


def test_without_a_template_there_is_the_tokenizers_end(tmp_path: Path) -> None:
    files = with_json(chatml_files(), "tokenizer_config.json", chat_template=..., eos_token="<|im_end|>")
    assert genfix.modelfile(write_folder(tmp_path / "m", files)).content.endswith(
        'PARAMETER stop "<|im_end|>"\n'
    )


def test_a_folder_with_a_modelfile_that_lacks_the_turn_end(run: Run, tmp_path: Path) -> None:
    files = with_json(glm_files(), "config.json", architectures=["MineForCausalLM"])
    folder = write_folder(tmp_path / "m", files | {"Modelfile": b"FROM .\nTEMPLATE {{ .Prompt }}\n"})
    done = run("check", folder, "--select", "GF112")
    assert done.code == 1
    assert "has no PARAMETER stop for <|user|>, <|observation|>" in " ".join(done.out.split())
    (folder / "Modelfile").write_text(run("modelfile", folder).out)
    assert run("check", folder, "--select", "GF112").out == ""
    assert GLM_TEMPLATE.startswith("[gMASK]")
