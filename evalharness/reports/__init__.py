"""Reports: each file of this folder is one format, and no other file lists them."""
