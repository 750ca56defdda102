"""A server of the Model Context Protocol, by which an assistant lists options, and checks and runs experiments."""

from digicarbon.pack import Pack

PACK = Pack(offers={"verbs": "cli.verbs:VERBS"})
