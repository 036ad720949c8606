"""Real servers for tests, each on free ports of loopback and in a folder of its own.

``fixtures`` offers one of each per test process; the modules beside it start further ones, to be killed,
slowed down or given other settings. Servers that are a system package (MariaDB, Mosquitto, RabbitMQ) are
skipped with a plain reason where they are missing; ``make setup`` installs them on Debian.
"""
