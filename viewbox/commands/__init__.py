"""The commands, a module for each kind of reader: how to ask for what the rooms do."""
