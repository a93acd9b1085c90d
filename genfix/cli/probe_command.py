"""The command ``genfix probe`` and its options."""

from pathlib import Path
from typing import Annotated

import typer

from genfix.cli import options as opt
from genfix.cli.choices import FORMAT_VARIABLE
from genfix.cli.likelihood_options import Likelihood
from genfix.cli.probe_options import ProbeEngine, ProbeFormat
from genfix.cli.repairing_options import Repairing, Serving
from genfix.cli.task_options import TaskOptions


def probe(
    target: Annotated[
        str,
        typer.Argument(
            metavar="URL|DIR", help="A server, or a model folder (with --engine).", show_default=False
        ),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The model's name on the server.", show_default=False),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(
            "--folder", metavar="DIR", help="The folder the server runs, to join both.", show_default=False
        ),
    ] = None,
    engine: Annotated[
        ProbeEngine | None,
        typer.Option("--engine", help="Run DIR with this, in a child process.", show_default=False),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python", metavar="PY", help="The interpreter that has the engine.", show_default=False
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="URL|DIR",
            help="Compare with this: the base, or the model before.",
            show_default=False,
        ),
    ] = None,
    against_model: Annotated[
        str | None,
        typer.Option("--against-model", metavar="NAME", help="Its name there.", show_default=False),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            metavar="FILE",
            envvar="GENFIX_PROMPTS",
            help="Your own prompts, as JSON Lines.",
            show_default=False,
        ),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", envvar="GENFIX_QUALITY", help="Also ask what has a right answer, and count those."
        ),
    ] = False,
    kinds: Annotated[
        str | None,
        typer.Option(
            "--kinds",
            metavar="KIND,...",
            envvar="GENFIX_KINDS",
            help="Of --quality these kinds only, as json,tool.",
            show_default=False,
        ),
    ] = None,
    min_stop_rate: Annotated[
        float,
        typer.Option(
            "--min-stop-rate",
            metavar="RATE",
            min=0,
            max=1,
            envvar="GENFIX_MIN_STOP_RATE",
            help="Exit with 1 below this.",
        ),
    ] = 0.9,
    min_pass_rate: Annotated[
        float | None,
        typer.Option(
            "--min-pass-rate",
            metavar="RATE",
            min=0,
            max=1,
            envvar="GENFIX_MIN_PASS_RATE",
            help="The same of right answers; implies --quality.",
            show_default=False,
        ),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, envvar="GENFIX_MAX_TOKENS", help="Per answer.")
    ] = 512,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="T",
            min=0,
            envvar="GENFIX_TEMPERATURE",
            help="Instead of the server's own.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            max=256,
            envvar="GENFIX_CONCURRENCY",
            help="Requests at a time.",
        ),
    ] = 8,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="S", min=0.1, envvar="GENFIX_TIMEOUT", help="Seconds per answer."),
    ] = 120,
    time_limit: Annotated[
        float,
        typer.Option(
            "--time-limit",
            metavar="S",
            min=0.1,
            envvar="GENFIX_TIME_LIMIT",
            help="Seconds for the whole run.",
        ),
    ] = 1800,
    retries: Annotated[
        int,
        typer.Option(
            "--retries",
            metavar="N",
            min=0,
            max=20,
            envvar="GENFIX_RETRIES",
            help="Per request, where the server is busy.",
        ),
    ] = 3,
    output_format: Annotated[
        ProbeFormat,
        typer.Option(
            "--output-format",
            envvar=FORMAT_VARIABLE,
            help="How to write the report.",
            rich_help_panel=opt.REPORT,
        ),
    ] = ProbeFormat.TEXT,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output-file",
            metavar="FILE",
            help="Write the report there.",
            show_default=False,
            rich_help_panel=opt.REPORT,
        ),
    ] = None,
    likely: Likelihood,
    harness: TaskOptions,
    repairing: Repairing,
    serving: Serving,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Ask a running model whether it stops.

    With --quality, also whether its answers are right.

    URL is an OpenAI-compatible server (vLLM, SGLang, LMDeploy, llama.cpp, MLX-LM, Ollama). Its key is taken
    from GENFIX_API_KEY or OPENAI_API_KEY.
    """
    from genfix.api.probing import Subject
    from genfix.cli.output import Output
    from genfix.cli.probe_around import served_folder
    from genfix.cli.probe_output import ProbeOptions, run_probe
    from genfix.probe.probe_values import Limits

    runner = engine.value if engine is not None else None
    asked = ProbeOptions(
        subject=Subject(target, model, folder or served_folder(target, repairing), runner, python),
        against=Subject(against, against_model, None, runner, python) if against is not None else None,
        prompts=prompts,
        quality=quality or kinds is not None or (min_pass_rate is not None and prompts is None),
        kinds=tuple(kind.strip() for kind in kinds.split(",") if kind.strip()) if kinds is not None else (),
        limits=Limits(
            max_tokens=max_tokens,
            request_seconds=timeout,
            total_seconds=time_limit,
            concurrency=concurrency,
            retries=retries,
        ),
        temperature=temperature,
        min_stop_rate=min_stop_rate,
        min_pass_rate=min_pass_rate,
        output_format=output_format,
        output=output_file,
        likelihood=likely,
        tasks=harness,
        repairing=repairing,
        serving=serving,
    )
    return run_probe(asked, Output(look, quiet, verbose))
