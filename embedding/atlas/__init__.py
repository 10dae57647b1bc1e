"""The space to look at: 2-D maps, pictures, the explorer page."""
