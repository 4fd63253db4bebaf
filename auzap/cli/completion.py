"""``auzap completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from auzap.cli.options import debug

__all__ = ["COMPLETE_VAR", "completion"]

#: what click takes from the command's name
COMPLETE_VAR = "_AUZAP_COMPLETE"

_INSTALL = {
    "bash": 'eval "$(auzap completion bash)"   # put this line into ~/.bashrc',
    "zsh": 'eval "$(auzap completion zsh)"   # put this line into ~/.zshrc, below compinit',
    "fish": "auzap completion fish > ~/.config/fish/completions/auzap.fish",
}


@click.command()
@debug
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete auzap's commands, tenants, plugins and dead letters.

    Its first line says how to install it.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"click knows no completion for {shell}")
    script = kind(context.find_root().command, {}, "auzap", COMPLETE_VAR).source()
    first, _, rest = script.partition("\n")
    install = f"# {_INSTALL[shell]}\n"
    # zsh looks for #compdef in the first line when the script is a file of its own
    click.echo(f"{first}\n{install}{rest}" if first.startswith("#compdef") else f"{install}{script}", nl=False)
