"""A discrete-event model of queue, mapping and function, and the policies that are tried on it.

Nothing here touches AWS. docs/simulation.md says what the model holds, and how it is checked.
"""
