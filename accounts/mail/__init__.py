"""Mail: topics, what each person wants of them, and letters on their way."""
