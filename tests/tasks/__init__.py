"""What people do with a phone, and what it costs them: keys, pages and seconds.

    python -m tests.tasks

walks through every task of tasks.toml on a phone and writes docs/tasks.md.
"""
