"""The scheduler, no logic: which job runs when, in which process, and how far it is.

Enters: the clock and a trigger. Leaves: runs with progress and outcome. Owns the tables job_run and lease, and
APScheduler. Each job is a child process, so that CPU work never sits on the event loop.
"""
