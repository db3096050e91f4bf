"""Alerts: what somebody should hear of without looking, told once, and told again when it is over.

``rules`` says what is wrong now, ``services`` makes that rows (fired, resolved), ``telling`` writes the
letters: one for each person and all that is new, not in their quiet hours, nothing that flaps. How
operations end and what checks find has letters of its own (``unikernels.letters``) and is no alert.
"""
