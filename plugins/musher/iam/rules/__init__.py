"""The rules of an audit, a module for each subject; `catalog.ALL` has them all."""
