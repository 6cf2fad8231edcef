"""What people are told: rules and rendered messages are pure, channels send them.

May not live here: how a number is computed; messages are given finished figures.
"""
