"""A local server that speaks the OpenAI protocol: chats, files, tuning jobs that really train, batches."""
