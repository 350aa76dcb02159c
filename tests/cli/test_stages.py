import io

from rich.console import Console

from cod_bayes.cli.session import Session
from cod_bayes.cli.stages import report_stages


def record(*, terminal: bool, quiet: bool = False) -> str:
    stream = io.StringIO()
    err = Console(file=stream, force_terminal=terminal, width=100, color_system=None)
    session = Session(quiet=quiet, err=err)
    with report_stages(session) as report:
        if report is not None:
            for stage in ("cluster", "law/GSM8K", "mapping"):
                report(stage, 0.0)
                report(stage, 1.0)
    return stream.getvalue()


def test_a_pipe_gets_a_line_a_stage():
    lines = record(terminal=False).splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "difficulty clusters",
        "law of GSM8K",
        "mapping, all benchmarks",
    ]


def test_a_terminal_gets_bars():
    text = record(terminal=True)
    assert "law of GSM8K" in text
    assert "100%" in text


def test_quiet_gets_nothing():
    assert record(terminal=True, quiet=True) == ""
