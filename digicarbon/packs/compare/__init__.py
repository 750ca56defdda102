"""Two recorded sweeps beside each other, and recorded runs fitted again."""

from digicarbon.pack import Pack

PACK = Pack(former={"compare": ""}, offers={"verbs": "cli.verbs:VERBS"})
