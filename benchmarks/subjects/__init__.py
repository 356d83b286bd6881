"""What is measured: each a program of its own, because memory is measured by process."""
