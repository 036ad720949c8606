"""The inside of the agent: which tools it has, what it has done so far, and how it goes on."""
