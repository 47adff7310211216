"""The grammar of suite files: from nodes of YAML to cases with their checks, and back to a schema for editors."""
