"""Input-output tables, energy and emissions, deflation."""
