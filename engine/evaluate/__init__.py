"""What a propagation is worth: metrics, experiments, and the reports that show them."""
