"""SAGE Studio's engine, node SDK and command line.

Plain typed Python: nothing here imports Django, so a plug-in author installs this package alone.
"""
