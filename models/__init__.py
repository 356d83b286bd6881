"""What answers a prompt about an image, and how each family is trained."""
