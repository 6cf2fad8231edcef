"""What may be switched off: detectors, guards, plans and actuators (from step 5 on).

May not live here: how a source is read, or how a message looks.
"""
