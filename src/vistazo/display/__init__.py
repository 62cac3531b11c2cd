"""Pictures of what was found: a grid for notebooks, one image for terminals."""
