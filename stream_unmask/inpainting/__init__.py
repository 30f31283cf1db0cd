"""The work on one face: the order of its steps, the tasks, and below ``cpu`` and ``gpu`` the arithmetic."""
