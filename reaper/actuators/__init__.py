"""The hands of the reaper, one file per target; the only files here that may write.

Only `reaper.execute` and `daemon` import them, and SDKs are imported inside their classes.
A new actuator is its file and its line below.
"""

ACTUATORS: tuple[str, ...] = ()
"""Import paths (`reaper.actuators.ec2:Ec2Actuator`); the first come with the reaper."""
