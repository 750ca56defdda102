"""Files: written whole or not at all, unpacked with care, temporary ones removed."""
