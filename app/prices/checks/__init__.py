"""What a bar must pass: rules, the quarantine of what fails, restated histories, and findings over all that is stored.

In: raw or stored bars. Out: bars that pass, bars held with their reason, findings. Called by `refresh`, and by the
command line and the pages for what is held.
"""
