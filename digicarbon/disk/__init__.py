"""Files: written completely or not at all, checked before unpacking, and removed if temporary."""
