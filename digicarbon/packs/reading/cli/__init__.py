"""The verb ``read``."""
