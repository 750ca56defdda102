"""Importers of CEADs inventories, statistical yearbooks and input-output tables."""
