"""What things cost, and when more of them pays: pure."""
