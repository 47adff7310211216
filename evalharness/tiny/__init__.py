"""The model in the box: a small chat model, really trained, that answers, is tuned and is stored with NumPy alone."""
