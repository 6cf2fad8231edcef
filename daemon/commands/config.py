"""`costd config`: check the configuration; describe it for editors."""

from __future__ import annotations

import click

from daemon.invocation import Invocation


@click.group()
def command() -> None:
    """Check the configuration, and help editors write it."""


@command.command()
@click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How it is printed. Default table.",
)
@click.pass_obj
def check(run: Invocation, output: str) -> int:
    """Find every mistake in the configuration at once.

    Needs no credentials and connects to nothing. Exit status 2 if there are errors,
    0 if there are at most warnings.
    """
    from daemon.config_check import as_json, as_text, examine

    loaded = examine(run.load())
    click.echo(as_json(loaded) if output == "json" else as_text(loaded))
    return 2 if loaded.errors else 0


@command.command()
@click.option(
    "--output",
    type=click.Choice(["json", "markdown"]),
    default="json",
    help="JSON Schema, or the settings reference. Default json.",
)
def schema(output: str) -> None:
    """Print the JSON Schema of costd.yaml, with which editors check and complete it.

    Save it as costd.schema.json and begin costd.yaml with the line
    `# yaml-language-server: $schema=costd.schema.json`.
    """
    from daemon.assemble import source_models

    if output == "markdown":
        from config.reference import reference

        click.echo(reference(source_models()), nl=False)
        return
    import json

    from config.schema import json_schema

    click.echo(json.dumps(json_schema(source_models()), indent=2, ensure_ascii=False))
