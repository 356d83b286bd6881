"""The `groundray` command: one module a verb, which parses, calls one library function, prints."""

import signal
import sys
from collections.abc import Sequence
from errno import ENAMETOOLONG

import typer

from groundray.engine.cli.convert import EPILOG as CONVERT_EPILOG
from groundray.engine.cli.convert import convert
from groundray.engine.cli.demo import EPILOG as DEMO_EPILOG
from groundray.engine.cli.demo import demo
from groundray.engine.cli.draw import EPILOG as DRAW_EPILOG
from groundray.engine.cli.draw import draw
from groundray.engine.cli.evaluate import EPILOG as EVALUATE_EPILOG
from groundray.engine.cli.evaluate import evaluate
from groundray.engine.cli.export import EPILOG as EXPORT_EPILOG
from groundray.engine.cli.export import export
from groundray.engine.cli.formats import formats
from groundray.engine.cli.inspect import EPILOG as INSPECT_EPILOG
from groundray.engine.cli.inspect import inspect
from groundray.engine.cli.models import models
from groundray.engine.cli.predict import EPILOG as PREDICT_EPILOG
from groundray.engine.cli.predict import predict
from groundray.engine.cli.recipes import recipes
from groundray.engine.cli.reformat import EPILOG as REFORMAT_EPILOG
from groundray.engine.cli.reformat import reformat
from groundray.engine.cli.sweep import EPILOG as SWEEP_EPILOG
from groundray.engine.cli.sweep import sweep
from groundray.engine.cli.terminal import complain
from groundray.engine.cli.train import EPILOG as TRAIN_EPILOG
from groundray.engine.cli.train import train
from groundray.engine.stopping import TerminatedError, stopping
from groundray.formats.errors import GroundrayError
from groundray.models.urls import without_secrets

app = typer.Typer(
    name="groundray",
    help="Detection parquet to grounding data, batch inference and honest evaluation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich takes 0.15 s to import, of 0.4 for --help
    pretty_exceptions_enable=False,
)

app.command(epilog=CONVERT_EPILOG)(convert)
app.command(epilog=DEMO_EPILOG)(demo)
app.command(epilog=DRAW_EPILOG)(draw)
app.command(epilog=EVALUATE_EPILOG)(evaluate)
app.command(epilog=EXPORT_EPILOG)(export)
app.command(epilog=INSPECT_EPILOG)(inspect)
app.command(epilog=PREDICT_EPILOG)(predict)
app.command(epilog=REFORMAT_EPILOG)(reformat)
app.command(epilog=TRAIN_EPILOG)(train)
app.command(epilog=SWEEP_EPILOG)(sweep)
app.add_typer(formats, name="formats")
app.add_typer(models, name="models")
app.add_typer(recipes, name="recipes")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status is 0 when done, 1 on failure, 2 on wrong usage.

    SIGTERM ends it in order, with status 143: what is held is given back.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    odd = next((each for each in arguments if not _is_text(each)), None)
    if odd is not None:  # names and prompts are written into files
        complain(f"error: {odd!r} is not UTF-8")
        return 2
    try:
        with stopping():
            app(args=arguments, prog_name="groundray")
    except GroundrayError as error:
        complain(f"error: {without_secrets(str(error))}")
        return 1
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise
        complain(f"error: {error.strerror}: {str(error.filename)[:100]!r}...")
        return 1
    except TerminatedError:
        return 128 + signal.SIGTERM
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return 0


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
