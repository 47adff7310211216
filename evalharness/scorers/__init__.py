"""Scorers: each file of this folder is a family of kinds of check, and no other file lists them."""
