"""What is deposited with a paper: packages for data editors, locked plans and blind plans."""

from digicarbon.pack import Pack

PACK = Pack(
    former={"sweep.lock": "lock"},
    offers={
        "plan": "cli.blind:plan",
        "plan_statement": "lock.statement:STATES",
        "schema": "package.schema:SCHEMA",
        "verbs": "cli.verbs:VERBS",
    },
)
