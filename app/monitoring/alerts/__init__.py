"""ALERTS: rules that a user sets, what they found, and how it reaches him.

Enters: rules, the newest report, forecasts, scores, earnings days. Leaves: alerts in an outbox, each once per rule and
state; webhooks and mails from it, each at least once, with an id that tells a second one. Called by `jobs` and `web`.
"""
