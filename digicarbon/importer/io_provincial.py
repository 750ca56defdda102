"""The path by which configurations name an importer of input-output tables."""

from digicarbon.lazy import lazy

lazy(__name__, {"IOProvincialImporter": "digicarbon.china.importer.io_provincial"})
