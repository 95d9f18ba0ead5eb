"""DyRep in mmengine's Runner, whose model changes its structure."""
