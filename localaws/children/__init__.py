"""Programs of other processes. Standard library only; none of them may import localaws."""
