"""Runs as MLflow or TensorBoard has them, from the events in the store."""
