"""The features that come with digicarbon, a pack each; a pack knows the core, and no other pack."""
