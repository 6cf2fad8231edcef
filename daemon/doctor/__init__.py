"""`costd doctor`: looks, read-only, at everything that costd needs, and says what breaks and the fix."""
