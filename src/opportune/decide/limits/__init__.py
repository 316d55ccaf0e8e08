"""Limits: what a person's history, stocks and switches hold back now.

Contact policies and stocks are compiled into `Limits`; `holds_of` says which of them bind, once per decision and before
it; the gate then marks what is held, and the slate respects what may be shown only so often.
"""
