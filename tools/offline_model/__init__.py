"""Parts of `tools/build_offline_model.py`: the networks, and how their weights are stored."""
