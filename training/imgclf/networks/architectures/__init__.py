"""The networks on offer: each file of this folder lists its records as ARCHITECTURES."""
