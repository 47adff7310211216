"""Models: each file of this folder is one kind of model, and no other file lists them."""
