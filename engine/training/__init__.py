"""Train: data checked, then handed to PaddleFormers; its checkpoints followed and scored."""
