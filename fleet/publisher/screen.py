"""What an operator sees of a roll-out: a bar where somebody watches, lines where not, and never a handset's name."""

from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fleet.publisher.record import Plan, Record
from fleet.publisher.roll_out import StopReason, Verdict
from fleet.publisher.signed_file import Published

_WHY: Final = {
    StopReason.FAILURES: (
        "More handsets of stage {stage} than allowed did not take it, or fell silent. Nobody else gets it. Look at the "
        "codes; to go on all the same say the command again with --go-on, to take it back from those that have not "
        "fetched it: wecall fleet publish withdraw {message}"
    ),
    StopReason.NOBODY: (
        "No handset of stage {stage} has taken it, so that nobody knows whether it can be taken. Nobody else gets it. "
        "Say the command again with --go-on when they had time, or to go on all the same."
    ),
}


class Screen:
    """Shows one roll-out from `__enter__` to `__exit__`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"),
            TimeElapsedColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._told = -1

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._progress.stop()

    def moved(self, record: Record) -> None:
        """Show how far it has come."""
        roll_out = record.roll_out
        if roll_out.passed != self._told:
            self._told = roll_out.passed
            if roll_out.stage and not self._console.is_terminal:
                self.said(f"Stage {roll_out.passed + 1} of {len(roll_out.stages)}: {handsets(len(roll_out.stage))}.")
        verdicts = roll_out.verdicts()
        total = len(roll_out.stage)
        more = f"sent {total - len(roll_out.unsent)}  taken {verdicts[Verdict.GOOD]}  failed {verdicts[Verdict.FAILED]}"
        done = total - verdicts[Verdict.PENDING]
        stage = min(roll_out.passed + 1, len(roll_out.stages))
        description = f"stage {stage} of {len(roll_out.stages)}"
        if self._task is None:
            self._task = self._progress.add_task(description, total=total, more=more)
        elif total:
            self._progress.update(self._task, description=description, total=total, completed=done, more=more)

    def said(self, sentence: str) -> None:
        """Show a sentence."""
        self._progress.console.print(sentence, soft_wrap=True, highlight=False, markup=False)


def show_plan(plan: Plan, published: Published, online: int | None) -> None:
    """Say what would go where."""
    publication = plan.publication
    total = sum(map(len, plan.stages))
    most = " at most each" if plan.messages else ""
    click.echo(f"{plan.title} for the fleet {plan.fleet}, {published.size_bytes} bytes{most}")
    click.echo(f"SHA-256 {publication.message}")
    known = "" if online is None else f", {online} of them online now"
    others = f" {handsets(len(plan.messages) - total)} had theirs before." if len(plan.messages) > total else ""
    click.echo(f"It would go to {handsets(total)}{known}.{others} Nothing is sent.")
    for number, stage in enumerate(plan.stages, start=1):
        click.echo(f"Stage {number}: {handsets(len(stage))}")
        for device in stage:
            click.echo(
                f"  wecall/v1/{plan.fleet}/{device}/{publication.kind.value}  {published.file_of(device)}".rstrip()
            )


def show_end(record: Record, stopped: StopReason | None) -> None:
    """Say how it ended."""
    roll_out = record.roll_out
    publication = record.plan.publication
    if stopped is None:
        click.echo(f"{record.plan.title} is with the broker for {handsets(len(roll_out.sent))}.")
    else:
        stage = f"{roll_out.passed + 1} of {len(roll_out.stages)}"
        click.echo(_WHY[stopped].format(stage=stage, message=publication.message[:16]))
    for code, count in sorted(roll_out.counts().items(), key=lambda each: (-each[1], each[0])):
        click.echo(f"  {code}: {count}")


def show_records(records: list[Record]) -> None:
    """List roll-outs, the oldest first."""
    if not records:
        click.echo("Nothing was published from here.")
    for record in records:
        roll_out, publication = record.roll_out, record.plan.publication
        begun = f"{publication.published_at[:10]} {publication.published_at[11:16]}"
        click.echo(
            f"{begun}  {publication.message[:16]}  {record.plan.title} for {record.plan.fleet}",
        )
        state = "done" if record.is_done else f"stage {roll_out.passed + 1} of {len(roll_out.stages)}"
        stopped = f", stopped ({record.stopped})" if record.stopped else ""
        withdrawn = f", withdrawn from {len(record.withdrawn)}" if record.withdrawn else ""
        sent = f"sent to {len(roll_out.sent)} of {handsets(len(roll_out.devices))}"
        click.echo(f"    {state}{stopped}, {sent}{withdrawn}")
        if counts := roll_out.counts():
            click.echo("    " + ", ".join(f"{code} {count}" for code, count in sorted(counts.items())))


def handsets(count: int) -> str:
    """Count handsets in words."""
    return f"{count} handset{'' if count == 1 else 's'}"
