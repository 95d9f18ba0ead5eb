"""Find, replace and enrich the convolutions of a model."""
