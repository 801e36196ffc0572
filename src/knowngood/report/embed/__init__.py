"""What was tested with what, as a part of somebody's docs: made of a published report, so that no run is needed."""
