"""The path by which configurations name an importer of input-output tables."""

from digicarbon.moved import moved

__getattr__, __dir__ = moved(__name__, {"IOProvincialImporter": "digicarbon.china.importer.io_provincial"})
