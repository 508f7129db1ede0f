"""What is studied: space or pool, objective, simulation, resources; and how code travels."""
