"""A look at a file of data, and the block that reads it."""

from digicarbon.pack import Pack

PACK = Pack(offers={"verbs": "cli.verbs:VERBS"})
