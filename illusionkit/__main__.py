"""The command line: list, fetch, measure, confirm, audit, train."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from illusionkit.errors import DesignError, IllusionError
from illusionkit.experiment.spec import Experiment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 with one clear line on stderr.

    1 where an audit found something; 141 where what reads the output has closed it, as a shell
    says of any tool.
    """
    asked = _parser().parse_args(arguments)
    try:
        status = asked.command(asked)
        sys.stdout.flush()
    except BrokenPipeError:  # who read our output has seen enough: `illusionkit list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except IllusionError as error:
        print(f"illusionkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("illusionkit: stopped; what was measured is kept.", file=sys.stderr)
        return 130
    return status or 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with one line, as every other error does."""
        self.exit(2, f"illusionkit: {message}. See `illusionkit --help`.\n")


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all six commands."""
    parser = _Parser(prog="illusionkit", description=__doc__)
    commands = parser.add_subparsers(
        required=True, metavar="list | fetch | measure | confirm | audit | train"
    )

    listing = commands.add_parser("list", help="the registered experiments")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(command=_list)

    fetching = commands.add_parser("fetch", help="fetch the data that experiments need")
    fetching.add_argument("ids", nargs="*", metavar="ID", help="archives or experiments")
    fetching.add_argument("--all", action="store_true", help="all archives but the stand-ins")
    fetching.set_defaults(command=_fetch)

    measuring = commands.add_parser("measure", help="run an experiment")
    measuring.add_argument("ids", nargs="*", metavar="ID")
    measuring.add_argument("--knob", nargs="+", type=float, metavar="V", help="doses")
    measuring.add_argument("--seeds", type=_seeds, metavar="N | A,B", help="how many, or which")
    measuring.add_argument("--arm", default="all", metavar="flawed|control|cured|all")
    measuring.add_argument("--workers", type=int, metavar="N")
    measuring.add_argument("--json", action="store_true")
    measuring.add_argument("--write", action="store_true", help="the whole spec, into results/")
    measuring.add_argument("--intervals", action="store_true", help="anew from kept readings")
    measuring.add_argument("--restamp", action="store_true", help="code changed, numbers did not")
    measuring.add_argument("--draw", type=int, metavar="N", help="seed of what --restamp draws")
    measuring.set_defaults(command=_measure)

    confirming = commands.add_parser("confirm", help="score the confirm part, once, at a release")
    confirming.add_argument("id", metavar="ID")
    confirming.set_defaults(command=_confirm)

    auditing = commands.add_parser("audit", help="look for illusions in a table of your own")
    auditing.add_argument("train", metavar="TRAIN", help="a csv, tsv, jsonl or parquet file")
    auditing.add_argument("test", nargs="?", metavar="TEST", help="without it a fifth is tested")
    for role in ("label", "text", "group", "time", "prediction"):
        auditing.add_argument(f"--{role}", metavar="COLUMN")
    auditing.add_argument("--split", metavar="COLUMN", help="it says train or test, in one file")
    auditing.add_argument("--cost-ratio", type=float, metavar="R", help="of a miss to an alarm")
    auditing.add_argument("--quick", action="store_true", help="leave out what findings are worth")
    auditing.add_argument("--html", metavar="FILE", help="write the report as a page as well")
    auditing.add_argument("--json", action="store_true")
    auditing.add_argument("--show", type=int, default=0, metavar="N", help="values of a finding")
    auditing.add_argument("--fail-on", default="medium", choices=("low", "medium", "high", "never"))
    auditing.add_argument("--inject", action="store_true", help="plant flaws: which are found?")
    auditing.set_defaults(command=_audit)
    _add_training(commands.add_parser("train", help="fine-tune on a table of your own, honestly"))
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    """Give a parser what `train` may be told; what is left out is as `Settings` has it."""
    add = parser.add_argument
    add("file", metavar="FILE", help="a csv, tsv, jsonl or parquet file, or a corpus of the kit")
    add("--text", action="append", metavar="COLUMN")
    for role in ("label", "group", "time"):
        add(f"--{role}", metavar="COLUMN")
    add("--out", required=True, type=Path, metavar="FOLDER", help="for model, report, checkpoints")
    add("--model", metavar="NAME", help="a folder or a name on the hub; else the packaged encoder")
    add("--epochs", type=int, metavar="N")
    add("--batch", type=int, metavar="N", dest="batch_size", help="texts a step, in all processes")
    add("--rate", type=float, metavar="R", dest="learning_rate")
    add("--tokens", type=int, metavar="N", dest="max_tokens", help="longer texts are cut")
    add("--seed", type=int, metavar="N")
    add("--precision", metavar="auto|fp32|bf16|fp16")
    add("--frozen", type=int, metavar="N", dest="frozen_layers", help="lowest layers that stay")
    add("--at-once", type=int, metavar="N", dest="tokens_at_once", help="tokens in memory at once")
    add("--class-weights", choices=("balanced",), help="rows count for more in a rarer class")
    add("--patience", type=int, metavar="N", help="stop after N epochs without a lower loss")
    add("--every", type=int, metavar="N", help="steps between two checkpoints")
    add("--fail-on", default="never", choices=("low", "medium", "high", "never"))
    parser.set_defaults(command=_train)


def _seeds(text: str) -> list[int] | int:
    """Return ``"10"`` as a count and ``"101,102"`` (or ``"101,"``) as the seeds themselves."""
    try:
        if "," in text:
            return [int(part) for part in text.split(",") if part.strip()]
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither a count such as 10 nor a list such as 101,102"
        ) from None


def _chosen(experiment: Experiment, asked: list[int] | int | None) -> Sequence[int]:
    """Return the seeds asked for; a count goes on behind the spec's seeds where it is larger."""
    if not isinstance(asked, int):
        return experiment.seeds if asked is None else asked
    more = range(max(experiment.seeds) + 1, max(experiment.seeds) + 1 + asked)
    return [*experiment.seeds, *more][: max(asked, 0)]


def _list(asked: argparse.Namespace) -> None:
    from illusionkit.illusions import experiments

    found = list(experiments().values())
    if asked.json:
        print(json.dumps([_described(experiment) for experiment in found], indent=2))
        return
    for spec in (experiment.spec for experiment in found):
        doses = ", ".join(f"{dose:g}" for dose in spec["knobs"][0]["doses"])
        print(f"{spec['id']:<24} {spec['step']:<10} {spec['title']}")
        print(f"{'':<24} {spec['design']}; {spec['knobs'][0]['name']} at {doses}")


def _described(experiment: Experiment) -> dict[str, Any]:
    """Return a spec, and whether the kept table still fits: ``why`` names the hashes that don't."""
    from illusionkit.experiment.results import stale

    why = stale(experiment)
    return {**experiment.spec, "stale": bool(why), "why": why}


def _fetch(asked: argparse.Namespace) -> None:
    from illusionkit.data import archives
    from illusionkit.experiment.provenance import needed
    from illusionkit.illusions import experiments

    known = experiments()
    stand_ins = {source.alternate for source in archives.sources().values()}
    every = [name for name in archives.sources() if name not in stand_ins]
    wanted = every if asked.all or not asked.ids else []
    for name in asked.ids:
        wanted += needed(known[name]) if name in known else [archives.source(name).id]
    for name in dict.fromkeys(wanted):
        print(f"{name}: {archives.fetch(name)}")


def _measure(asked: argparse.Namespace) -> None:
    from illusionkit.experiment.results import write
    from illusionkit.illusions import experiment, experiments

    modes = [name for name in ("write", "intervals", "restamp") if getattr(asked, name)]
    if modes and (asked.knob or asked.seeds is not None or asked.arm != "all"):
        words = "measures the whole spec" if asked.write else "takes the table as it is"
        raise DesignError(f"--{modes[0]} {words}: leave out --knob, --seeds and --arm.")
    if len(modes) > 1:
        raise DesignError(f"--{modes[0]} and --{modes[1]} are two things: ask for one.")
    if not asked.ids and not asked.intervals:
        raise DesignError("the following arguments are required: ID. See `illusionkit --help`.")
    ids = list(experiments()) if asked.ids in ([], ["all"]) else asked.ids
    for found in [experiment(name) for name in ids]:
        if asked.write:
            print(f"{found.id}: {write(found, workers=asked.workers)}")
        elif modes:
            _renew(found, asked)
        else:
            _measure_one(found, asked)


def _renew(experiment: Experiment, asked: argparse.Namespace) -> None:
    """Put a table right without measuring it, and say what was looked at."""
    from illusionkit.experiment.renewal import renew_intervals, require_only_code, restamp

    if asked.intervals:
        print(f"{experiment.id}: {renew_intervals(experiment)}")
        return
    require_only_code(experiment)
    draw = int.from_bytes(os.urandom(4), "big") if asked.draw is None else asked.draw
    print(f"{experiment.id}: --draw {draw}", flush=True)
    found = restamp(experiment, draw=draw)
    told = f"{found.rows - len(found.gaps)} of {found.rows} rows are equal to the last digit"
    if found.gaps:
        told += f", {len(found.gaps)} differ by up to {max(found.gaps):.6f}"
        told += f", within the tolerance of {experiment.tolerance:g}"
    print(f"{experiment.id}: {told}; {found.path}")


def _measure_one(experiment: Experiment, asked: argparse.Namespace) -> None:
    """Run one experiment as asked and print its cells."""
    from illusionkit.experiment.sweep import cells, sweep

    arms = experiment.arms if asked.arm == "all" else (asked.arm,)
    seeds = _chosen(experiment, asked.seeds)
    readings = sweep(experiment, doses=asked.knob, seeds=seeds, arms=arms, workers=asked.workers)
    table = cells(experiment, readings)
    if asked.json:
        rows = [_json_row(row, seeds) for row in table.to_dict("records")]
        print(json.dumps({"id": experiment.id, "spec": experiment.spec, "rows": rows}))
        return
    print(f"{experiment.id}: {experiment.title} ({experiment.design}, {experiment.metric.name})")
    print(f"{'arm':<8} {experiment.knob.name:>6}  {'apparent':>8} {'honest':>8}  optimism")
    for row in table.itertuples():
        print(
            f"{row.arm:<8} {row.dose:>6g}  {row.apparent:>8.3f} {row.honest:>8.3f}  "
            f"{row.optimism:+.3f} [{row.optimism_lo:+.3f}, {row.optimism_hi:+.3f}]"
        )


def _json_row(row: Mapping[Any, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Return one cell in the shape that ``measure --json`` promises."""
    scores = {
        name: {"mean": row[name], "lo": row[f"{name}_lo"], "hi": row[f"{name}_hi"]}
        for name in ("apparent", "honest", "optimism")
    }
    about = {"arm": row["arm"], "knob": row["dose"]}
    return {**about, **scores, "n_units": row["n_units"], "seeds": list(seeds)}


def _confirm(asked: argparse.Namespace) -> None:
    from illusionkit.experiment.results import write
    from illusionkit.illusions import experiment

    print(write(experiment(asked.id), part="confirm"))


def _audit(asked: argparse.Namespace) -> int:
    """Audit a reader's own tables, and return 1 where something severe enough was found."""
    from illusionkit.audit import audit, inject, read_table
    from illusionkit.audit.report import split_by

    loaded = [read_table(path) for path in (asked.train, asked.test) if path]
    roles = {role: getattr(asked, role) for role in ("label", "text", "group", "time")}
    tables = [each.table for each in loaded]
    if asked.inject:
        if asked.split:
            tables = list(split_by(*tables, column=asked.split)[:2])
        print(inject(*tables, **roles).to_string(index=False, float_format="%.3f"))
        return 0
    notes = [note for each in loaded for note in each.notes]
    report = audit(
        *tables, **roles, prediction=asked.prediction, split=asked.split,
        cost_ratio=asked.cost_ratio, worth=not asked.quick, notes=notes,
    )  # fmt: skip
    if asked.html:
        from illusionkit.data.own_files import put

        put(Path(asked.html), report.html(asked.show))
    print(report.json() if asked.json else report.text(asked.show))
    return 0 if asked.fail_on == "never" else int(bool(report.at_least(asked.fail_on)))


def _train(asked: argparse.Namespace) -> int:
    """Fine-tune on a reader's own table and tell what came of it."""
    from illusionkit.audit.own_training import command

    return command(vars(asked))


if __name__ == "__main__":
    sys.exit(main())
