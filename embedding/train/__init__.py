"""torch: feed, model, trainer, checkpoint."""
