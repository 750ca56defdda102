"""What the command line says of itself: all verbs in short, and each with its flags and two examples."""

from __future__ import annotations

from collections.abc import Sequence

USAGE = """\
digicarbon: one YAML per table, every specification fitted and logged

  digicarbon run [EXPERIMENT] [overrides]     fit one run, or all runs of an experiment
  digicarbon run EXPERIMENT --force           fit all runs again, also those that are recorded
  digicarbon run -m model=twfe,sdm 'weights=glob(*)'    sweep in Hydra's grammar
  digicarbon plan [EXPERIMENT] [overrides]    list what would run; fit nothing; --all shows each of many runs
  digicarbon check [EXPERIMENT] [overrides]   check configurations and data; fit nothing
  digicarbon list [GROUP [OPTION]] [-v]       options of a config group, or all groups; -v: fields
  digicarbon list experiments [EXPERIMENT]    what can be run; what an experiment is made of
  digicarbon data import KIND FILES… --to FOLDER        raw downloads become a data folder
  digicarbon data status|check|show           what a folder holds, what is odd in it, what a run's panel was made from
  digicarbon report EXPERIMENT --out FOLDER   a page of what is recorded, with its tables for Word, Excel and LaTeX
  digicarbon rerun RUN_ID                     fit a recorded run again and compare every number
  digicarbon export RUN_OR_EXPERIMENT --to DIR          data, weights, YAML, and scripts for Stata and R that check it
  digicarbon deliver [EXPERIMENT]             record runs that wait on this disk for a store that did not take them
  digicarbon new FOLDER [--language zh]       a small study that runs at once, to begin your own with
  digicarbon schema [--to FOLDER]             JSON Schema, by which an editor completes and checks YAML files
  digicarbon ui [EXPERIMENT]                  MLflow's interface on the project's store
  digicarbon COMMAND --help                   flags and examples of one of these
  digicarbon --version

Overrides are `group=option` or `group.field=value`; your own ./conf and ./experiments come before the shipped ones.
`digicarbon run EXPERIMENT --cfg job` prints the composed configuration; --config-dir, --info and the tab completion of
Hydra work as its documentation says. DIGICARBON_TRACEBACK=1 shows a traceback with an error.
"""

_HYDRA = """\
  --cfg job         print the composed configuration and do nothing
  --hydra-help      Hydra's other flags
  -h, --help        this text

Overrides are group=option or group.field=value, without blanks; put lists in quotes. `digicarbon list` shows the
groups, `digicarbon list model` the options of one, `digicarbon list model twfe` the fields of an option, and
`digicarbon list experiments` what can be run.
"""
HELP = {
    "run": f"""\
digicarbon run [EXPERIMENT] [overrides] [flags]

Fits all runs of an experiment that are not recorded yet, records them and prints the table. Without an experiment: one
run of the default sentence, with your overrides.

  --force           fit all runs again, also those that are recorded
  -m                sweep: model=twfe,sdm is two runs
{_HYDRA}
  digicarbon run table3_baseline inference=cluster
  digicarbon run -m model=twfe,sdm 'model.controls=[ln_pgdp]'
""",
    "plan": f"""\
digicarbon plan [EXPERIMENT] [overrides] [flags]

Lists what would run, what is recorded already and how long the rest takes; fits nothing.

  --all             show each of many runs
  -m                sweep: model=twfe,sdm is two runs
{_HYDRA}
  digicarbon plan table7_spatial_w1
  digicarbon plan -m model=sar,sdm 'weights=glob(*)' --all
""",
    "check": f"""\
digicarbon check [EXPERIMENT] [overrides] [flags]

Builds every run and checks it against its data; fits nothing and writes nothing.

  -m                sweep: model=twfe,sdm is two runs
{_HYDRA}
  digicarbon check main
  digicarbon check table3_baseline source=china
""",
    "list": """\
digicarbon list [GROUP [OPTION]] [-v]
digicarbon list experiments [EXPERIMENT]

Shows the groups, the options of one with a line each, the fields of an option, or what an experiment is made of.

  -v, --verbose     all options of a group with their fields, defaults and units
  -h, --help        this text

  digicarbon list weights k_nearest
  digicarbon list experiments table7_spatial_w1
""",
    "report": """\
digicarbon report [EXPERIMENT or run id of a sweep] [--out FOLDER] [report=… tracking=…]

Makes a page of what is recorded, with its tables for Word, Excel and LaTeX; fits nothing.

  --out FOLDER      where the page goes; by default out/EXPERIMENT
  -h, --help        this text

  digicarbon report table3_baseline --out paper
  digicarbon report table3_baseline report.decimals=3 report.language=zh
""",
    "rerun": """\
digicarbon rerun RUN [EXPERIMENT] [tracking=…]

Fits a recorded run again, on today's data and code, and compares every number. A run is named by its id, the beginning
of its id, or its label with the experiment.

  -h, --help        this text

  digicarbon rerun 3f9a2c81000b
  digicarbon rerun 'FE(1)' table3_baseline
""",
    "export": """\
digicarbon export RUN_OR_EXPERIMENT [EXPERIMENT] --to FOLDER [tracking=…]

Writes data, weights and configurations, with scripts for Stata and R that check the numbers, to a new folder.

  --to FOLDER       a folder that does not exist or is empty
  -h, --help        this text

  digicarbon export table3_baseline --to replication
  digicarbon export 'FE(1)' table3_baseline --to replication
""",
    "deliver": """\
digicarbon deliver [EXPERIMENT] [tracking=…]

Records runs that wait on this disk since a store did not take them when they were fitted.

  -h, --help        this text

  digicarbon deliver
  digicarbon deliver tracking=server tracking.uri=http://localhost:5000
""",
    "new": """\
digicarbon new FOLDER [--language en|zh]

Makes a small study that runs at once on example data, to begin your own with.

  --language zh     a Chinese README, and a table in Chinese; by default en
  -h, --help        this text

  digicarbon new mystudy
  digicarbon new mystudy --language zh
""",
    "schema": """\
digicarbon schema [--to FOLDER]

Writes JSON Schemas, by which VS Code completes and checks the YAML files, and says how an editor takes them.

  --to FOLDER       by default .digicarbon/schema
  -h, --help        this text

  digicarbon schema
  digicarbon schema --to schemas
""",
    "ui": """\
digicarbon ui [EXPERIMENT] [tracking=…] [flags of `mlflow ui`]

Opens MLflow's interface on the project's store; Ctrl+C ends it.

  --port 5001       another port than 5000
  --help            this text (-h NAME is MLflow's --host)

  digicarbon ui table3_baseline
  digicarbon ui --port 5001
""",
}
"""What ``--help`` says behind a verb; `digicarbon data` has texts of its own."""


def is_asked_for(verb: str, words: Sequence[str]) -> bool:
    """Return whether the words behind a verb ask for its help."""
    return "--help" in words or "-h" in (words[-1:] if verb == "ui" else words)
