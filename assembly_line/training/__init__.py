"""Station 2: training inputs, evaluation, the final archive, review. Pure logic, no AWS."""
